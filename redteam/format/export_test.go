package format

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/risk"
)

// The words that may be in no export unless somebody asks for them: those of attacks, of answers,
// of the arguments of calls.
const (
	attackWords = "The heron counts seven brass lanterns"
	answerWords = "The otter sells nine copper kettles"
	callWords   = "The badger hides four silver thimbles"
)

// hostile are words that harm whoever does not keep them apart from his own.
var hostile = []string{`</script><script>alert(1)</script>`, `]]><failure/>`, `{{7*7}} {% if x %}`, "a\x00b", "a\xff\xfeb", `=HYPERLINK("x")`, "＝1+1", " +1", "-->", `"><img src=x onerror=alert(1)>`, "{% endraw %}{{7*7}}{%- raw %}", "{%-  endraw -%}", "\u2028\u202e", "@SUM(1)", "\r\n=1", "<x>&amp;'"}

// plays is a strategy that sends what it is given.
type plays struct{}

func (plays) ID() string                          { return "once" }
func (plays) Plays(*redteam.Seed) bool            { return true }
func (plays) Requests() int                       { return 1 }
func (plays) Grows(*redteam.State) redteam.Growth { return redteam.Growth{} }
func (plays) Refs() []string                      { return nil }
func (plays) Next(s *redteam.State) (redteam.Conversation, bool) {
	return redteam.Conversation{Turns: []redteam.Turn{{Role: "user", Text: s.Text}}}, s.Turn() == 0
}

// actor ends every attempt as the first word of it says, and answers with hostile words.
type actor struct{}

func (actor) Fingerprint() string { return "test://actor" }
func (actor) Send(_ context.Context, c *redteam.Conversation) (redteam.Exchange, error) {
	how, rest, _ := strings.Cut(c.Turns[0].Text, "|")
	e := redteam.Exchange{Outcome: redteam.Answered, Text: how + "|" + rest + " \xff\x00 " + answerWords, Calls: []redteam.Call{{Tool: "mail", Args: callWords}}, Sent: redteam.Digest(c)}
	switch how {
	case "block":
		return redteam.Exchange{Outcome: redteam.Blocked, Block: &redteam.Block{Where: "input", Detector: "d@1"}}, nil
	case "error":
		return redteam.Exchange{Outcome: redteam.Failed, Error: "status 500"}, nil
	}
	return e, nil
}

// reads is a scorer that says what the attempt is to be.
type reads struct{}

func (reads) ID() string                 { return "reads@1" }
func (reads) Scores(redteam.Effect) bool { return true }
func (reads) Score(_ context.Context, s *redteam.State) redteam.Score {
	how, _, _ := strings.Cut(s.Text, "|")
	v, ok := map[string]redteam.Verdict{"hit": redteam.Hit, "doubt": redteam.Unknown}[how]
	if !ok {
		v = redteam.Miss
	}
	return redteam.Score{Verdict: v, Start: 0, End: 3}
}

// exported is a campaign that was run, and how many attempts ended in which way.
type exported struct {
	*Report
	plan *redteam.Plan
	ways map[string]int
}

func made(t *testing.T, full bool) *exported {
	t.Helper()
	l := &redteam.Library{Strategies: []redteam.Strategy{plays{}}}
	out := &exported{ways: map[string]int{}}
	for i, words := range hostile {
		for _, how := range []string{"hit", "miss", "block", "error", "doubt"} {
			text := how + "|" + strings.ToValidUTF8(words, "\ufffd") + " " + attackWords
			// Others keep the attack where its objective should be.
			objective := map[bool]string{true: text, false: "To see what an export does"}[i%2 == 0]
			l.Seeds = append(l.Seeds, redteam.Seed{ID: fmt.Sprintf("%s %d", how, i), Text: text, Objective: objective, Category: risk.PromptInjection, Impact: "integrity", Persona: redteam.Adversarial, Effect: redteam.Effect{Kind: "canary"}})
			out.ways[how]++
		}
		l.Seeds = append(l.Seeds, redteam.Seed{ID: fmt.Sprint("good ", i), Text: "block|" + strings.ToValidUTF8(words, "\ufffd") + attackWords, Persona: redteam.Benign, Effect: redteam.Effect{Kind: "answer"}})
	}
	var err error
	if out.plan, err = redteam.Make(redteam.Campaign{Name: "trial <b>{{7*7}}", Arms: []string{"off", "on"}, Random: 3}, l); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	scope := &redteam.Scope{AllowedBy: "ann <i>", Reason: "T-1", Until: time.Now().Add(time.Hour), Targets: []string{"test://actor"}}
	if _, err := redteam.Run(context.Background(), redteam.RunConfig{Dir: dir, Plan: out.plan, Targets: map[string]redteam.Target{"off": actor{}, "on": actor{}}, Scope: scope, Scorers: []redteam.Scorer{reads{}}}); err != nil {
		t.Fatal(err)
	}
	a, err := redteam.Analyse(dir, out.plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	out.Report = &Report{Analysis: a, Full: full, Version: "test", Made: time.Now(), Seed: out.plan.Seed, Results: func(take func(*redteam.Result) error) error { return redteam.Results(dir, take) },
		Sent: func(r *redteam.Result) []redteam.Conversation {
			list, err := redteam.Remade(out.plan, r)
			if err != nil {
				t.Error(err)
			}
			return list
		}}
	return out
}

func (e *exported) as(t *testing.T, kind string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Export(kind, &b, e.Report); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestQuestionsAreLeftOut: what an attacker's model or a judge's was asked, and said, holds the attack and
// the answer, and is left out as they are.
func TestQuestionsAreLeftOut(t *testing.T) {
	one := &redteam.Result{Key: "k", Asked: []redteam.Question{{Role: redteam.AttackerRole, Prompt: "secret lanterns", Answer: "secret kettles", Input: 3}}}
	for _, full := range []bool{false, true} {
		var b bytes.Buffer
		if err := Export("jsonl", &b, &Report{Full: full, Results: func(take func(*redteam.Result) error) error { return take(one) }}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "secret") != full || !strings.Contains(b.String(), `"role":"attacker"`) {
			t.Errorf("full %v: %s", full, b.String())
		}
	}
	if one.Asked[0].Prompt != "secret lanterns" {
		t.Error("the result itself was changed")
	}
}

// TestWordsAreLeftOut: without Full no word of an attack, of an answer or of a call is in any
// export, not even where another tool keeps the attack as its objective; with it, they are.
func TestWordsAreLeftOut(t *testing.T) {
	bare, full := made(t, false), made(t, true)
	for _, kind := range Exports {
		for _, words := range []string{attackWords, answerWords, callWords, "lanterns", "kettles", "thimbles", "alert(1)"} {
			if bytes.Contains(bare.as(t, kind), []byte(words)) {
				t.Errorf("%s says %q, and nobody asked for it", kind, words)
			}
		}
		if got := full.as(t, kind); kind != "sarif" && !bytes.Contains(got, []byte("lanterns")) && !bytes.Contains(got, []byte("kettles")) {
			t.Errorf("%s in full has no words", kind)
		}
	}
	if err := Export("klingon", io.Discard, bare.Report); err == nil || !strings.Contains(err.Error(), "jsonl, html") {
		t.Error(err)
	}
	if len(writers) != len(Exports) {
		t.Errorf("%d of %d formats are listed", len(Exports), len(writers))
	}
}

// TestJUnit: counts are those of the cases, what failed is an error and never a failure, what
// was blocked is neither, and what is not decided is skipped.
func TestJUnit(t *testing.T) {
	for _, full := range []bool{false, true} {
		e := made(t, full)
		var v junitSuites
		if err := xml.Unmarshal(e.as(t, "junit"), &v); err != nil || len(v.Suites) != 2 {
			t.Fatalf("%v, %d suites", err, len(v.Suites))
		}
		for _, s := range v.Suites {
			failures, errs, skipped := 0, 0, 0
			for _, c := range s.Cases {
				failures += told(c.Failure)
				errs += told(c.Error)
				skipped += told(c.Skipped)
			}
			if failures != s.Failures || errs != s.Errors || skipped != s.Skipped || s.Tests < len(s.Cases) {
				t.Errorf("%s says %d, %d, %d and lists %d, %d, %d", s.Name, s.Failures, s.Errors, s.Skipped, failures, errs, skipped)
			}
		}
		// Harmless attempts that were stopped are failures, attacks that were are none.
		if s := v.Suites[1]; s.Errors != e.ways["error"] || s.Failures != e.ways["hit"]+len(hostile) || s.Skipped != e.ways["doubt"] || s.Tests != e.plan.Attempts/2 {
			t.Errorf("%+v", s)
		}
		if s := v.Suites[0]; s.Failures == 0 || s.Cases[len(s.Cases)-1].Failure == nil {
			t.Errorf("%+v", s)
		}
	}
}

func told(t *junitText) int {
	if t == nil {
		return 0
	}
	return 1
}

// TestInconclusiveIsNoPass: a campaign of which a cell was never tried has no report in which all
// is well.
func TestInconclusiveIsNoPass(t *testing.T) {
	e := made(t, false)
	e.Answer, e.Reasons = "inconclusive", []string{"harm: nothing was tried"}
	arm := &e.Arms[1]
	for i := range arm.Cells {
		arm.Cells[i].Answer = "pass"
	}
	var v junitSuites
	if err := xml.Unmarshal(e.as(t, "junit"), &v); err != nil || v.Suites[0].Skipped != 1 || v.Suites[0].Failures != 0 {
		t.Errorf("%+v %v", v.Suites[0], err)
	}
	if page := string(e.as(t, "html")); !strings.Contains(page, `class="inconclusive">inconclusive`) || strings.Contains(page, `<h1>Red team <span class="pass">`) {
		t.Error("the page does not say that it is open")
	}
}

// TestSARIF has what 2.1.0 wants, one result for each example, which names its own seed, and ids
// of rules that say what they are.
func TestSARIF(t *testing.T) {
	e := made(t, false)
	var v struct {
		Version string `json:"version"`
		Schema  string `json:"$schema"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct{ ID string }
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
					LogicalLocations []struct{ Name string }
				}
				PartialFingerprints map[string]string
			}
		}
	}
	b := e.as(t, "sarif")
	if err := json.Unmarshal(b, &v); err != nil || v.Version != "2.1.0" || v.Schema == "" || len(v.Runs) != 1 || v.Runs[0].Tool.Driver.Name == "" {
		t.Fatalf("%v: %s", err, b)
	}
	seeds := map[string]string{}
	if err := e.Results(func(r *redteam.Result) error { seeds[r.Key] = r.Seed; return nil }); err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, g := range e.Through {
		want += len(g.Keys)
	}
	rules := v.Runs[0].Tool.Driver.Rules
	for _, r := range v.Runs[0].Results {
		key := r.PartialFingerprints["attempt/v1"]
		if r.Message.Text == "" || rules[r.RuleIndex].ID != r.RuleID || r.RuleID != "prompt_injection/once/plain" || len(r.Locations) != 1 || r.Locations[0].LogicalLocations[0].Name != seeds[key] || strings.Contains(r.Locations[0].PhysicalLocation.ArtifactLocation.URI, " ") {
			t.Errorf("%+v", r)
		}
	}
	if got := len(v.Runs[0].Results); got != want || want == 0 {
		t.Errorf("%d results of %d examples", got, want)
	}
	e.Through = nil
	if b := e.as(t, "sarif"); !bytes.Contains(b, []byte(`"results": []`)) {
		t.Errorf("nothing got through: %s", b)
	}
}

// TestCSV: every row has every column, and no cell is run, whatever it begins with.
func TestCSV(t *testing.T) {
	for _, full := range []bool{false, true} {
		e := made(t, full)
		b := e.as(t, "csv")
		rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil || len(rows) != e.plan.Attempts+1 || !utf8.Valid(b) || bytes.ContainsRune(b, 0) {
			t.Fatalf("%d rows of %d, %v", len(rows), e.plan.Attempts, err)
		}
		outcomes := map[string]int{}
		for _, row := range rows[1:] {
			outcomes[row[8]]++
			for _, cell := range row {
				if c := strings.TrimLeft(cell, " "); c != "" && strings.ContainsAny(c[:1], "=+-@\t\r\n") || strings.HasPrefix(c, "＝") {
					t.Errorf("a spreadsheet may run %q", cell)
				}
			}
		}
		if outcomes["error"] != 2*e.ways["error"] || outcomes["blocked"] != 2*(e.ways["block"]+len(hostile)) {
			t.Errorf("%v", outcomes)
		}
	}
	for _, words := range hostile {
		got := harmless([][]string{{words}})[0][0]
		if c, _ := utf8.DecodeRuneInString(strings.TrimLeft(got, " ")); strings.ContainsRune("=+-@\t\r\n＝", c) {
			t.Errorf("a spreadsheet may run %q", got)
		}
	}
}

// TestJSONL reads back as results, each as it was, with its words only where they were asked for.
func TestJSONL(t *testing.T) {
	for _, full := range []bool{false, true} {
		e := made(t, full)
		d := json.NewDecoder(bytes.NewReader(e.as(t, "jsonl")))
		d.DisallowUnknownFields()
		n := 0
		err := e.Results(func(want *redteam.Result) error {
			var got redteam.Result
			if err := d.Decode(&got); err != nil {
				return err
			}
			n++
			if got.Key != want.Key || got.Outcome != want.Outcome || got.Score.Verdict != want.Score.Verdict || got.Link != want.Link || len(got.Replies) != len(want.Replies) {
				t.Errorf("%+v is not %+v", got, want)
			}
			if same := got.Replies[0].Text == want.Replies[0].Text; full && !same || !full && want.Replies[0].Text != "" && same {
				t.Errorf("%q, full %v", got.Replies[0].Text, full)
			}
			return nil
		})
		if err != nil || n != e.plan.Attempts || d.More() {
			t.Errorf("%d of %d, %v", n, e.plan.Attempts, err)
		}
	}
}

// TestPyRIT: what got through is read back by our own importer to the byte, braces, marks of the
// template engine and all.
func TestPyRIT(t *testing.T) {
	e := made(t, true)
	list, kind, err := Import("", "through.prompt", bytes.NewReader(e.as(t, "pyrit")))
	if err != nil || kind != "pyrit" || len(list) != e.ways["hit"] {
		t.Fatalf("%d seeds as %s, %v", len(list), kind, err)
	}
	var got []string
	for _, d := range list {
		got = append(got, d.Text)
	}
	for _, words := range hostile {
		if want := "hit|" + strings.ToValidUTF8(words, "\ufffd") + " " + attackWords; !slices.Contains(got, want) {
			t.Errorf("%q was not read back; there is %q", want, got)
		}
	}
	if b := made(t, false).as(t, "pyrit"); !bytes.Contains(b, []byte("To see what an export does")) || !bytes.Contains(b, []byte("objective")) {
		t.Errorf("%s", b)
	}
}

// TestRawIsNotLeft: no text ends the marks that keep it from PyRIT's template engine.
func TestRawIsNotLeft(t *testing.T) {
	for _, words := range append(slices.Clone(hostile), "{%endraw%}", "{%+ endraw +%}", rawEnd+rawBegin, "{%\nendraw %}", "{%{% endraw %} endraw %}", rawEnd) {
		s := asRaw(words)
		inside := strings.TrimSuffix(strings.TrimPrefix(s, rawBegin), rawEnd)
		if left := endraw.FindAllString(strings.ReplaceAll(inside, rawEnd+rawBegin, ""), -1); len(left) != len(endraw.FindAllString(words, -1)) {
			t.Errorf("%q: %q", words, s)
		}
		// What the engine sees between two ends is begun anew at once.
		for rest := inside; ; {
			at := endraw.FindStringIndex(rest)
			if at == nil {
				break
			}
			if !strings.HasPrefix(rest[at[0]:], rawEnd+rawBegin) {
				t.Errorf("%q ends its marks: %q", words, s)
			}
			rest = rest[at[0]+len(rawEnd+rawBegin):]
		}
		if got := raw(s); got != strings.ToValidUTF8(words, "\ufffd") {
			t.Errorf("%q is read back as %q", words, got)
		}
	}
}

// TestPromptfoo has the shape that `promptfoo import` takes: blocks are refusals and pass, errors
// are errors, and what nobody could judge passes nowhere.
func TestPromptfoo(t *testing.T) {
	e := made(t, false)
	var v struct {
		EvalID  string
		Config  map[string]any
		Results struct {
			Version int
			Prompts []struct{ Metrics map[string]any }
			Stats   struct{ Successes, Failures, Errors int }
			Results []struct {
				ID            string
				Success       bool
				FailureReason int
				Error         *string
				Response      struct{ IsRefusal bool }
				Metadata      map[string]string
				GradingResult struct{ Pass bool }
			}
		}
	}
	if err := json.Unmarshal(e.as(t, "promptfoo"), &v); err != nil {
		t.Fatal(err)
	}
	s := v.Results.Stats
	if v.EvalID == "" || v.Results.Version != 3 || len(v.Results.Prompts) != 1 || v.Config["description"] == "" || len(v.Results.Results) != e.plan.Attempts/2 || s.Errors != e.ways["error"] || s.Failures != e.ways["hit"]+e.ways["doubt"]+len(hostile) || s.Successes != e.ways["miss"]+e.ways["block"] {
		t.Errorf("%+v of %v", s, e.ways)
	}
	reasons := map[int]int{}
	for _, r := range v.Results.Results {
		reasons[r.FailureReason]++
		if r.Success != (r.FailureReason == 0) || r.Success != r.GradingResult.Pass || (r.Error == nil) != r.Success || r.Response.IsRefusal && r.FailureReason == 2 || r.Metadata["key"] == "" {
			t.Errorf("%+v", r)
		}
	}
	if reasons[0] != s.Successes || reasons[1] != s.Failures || reasons[2] != s.Errors {
		t.Errorf("%v of %+v", reasons, s)
	}
}

// TestHTML: the page needs nothing else, runs nothing, and everything that attackers wrote is text.
func TestHTML(t *testing.T) {
	for _, full := range []bool{false, true} {
		b := made(t, full).as(t, "html")
		page, err := html.Parse(bytes.NewReader(b))
		if err != nil || bytes.ContainsRune(b, 0) {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for n := range page.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			seen[n.Data]++
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
		}
		for _, bad := range []string{"script", "img", "link", "iframe", "form", "object", "x", "failure", "base", "a"} {
			if seen[bad] > 0 {
				t.Errorf("there is a <%s>", bad)
			}
		}
		if seen["details"] != 2*len(hostile) || seen["svg"] == 0 || (seen["mark"] > 0) != full || !bytes.Contains(b, []byte("default-src &#39;none&#39;")) && !bytes.Contains(b, []byte("default-src 'none'")) {
			t.Errorf("full %v: %v", full, seen)
		}
		if full && !bytes.Contains(b, []byte("{{7*7}}")) {
			t.Error("braces are gone")
		}
	}
}

// TestLongWordsAreCut: the page shows the beginning of a long text, and the evidence wherever it is.
func TestLongWordsAreCut(t *testing.T) {
	e := made(t, true)
	long := strings.Repeat("ä", 100_000)
	one := redteam.Result{Seed: "hit 0", Replies: []redteam.Exchange{{Outcome: redteam.Answered, Text: long + "proof" + long}}, Score: redteam.Score{Verdict: redteam.Hit, Start: len(long), End: len(long) + 5}}
	e.Sent = func(*redteam.Result) []redteam.Conversation {
		return []redteam.Conversation{{Turns: []redteam.Turn{{Role: "user", Text: long, File: &redteam.File{Text: long}}}}}
	}
	s := e.show(&one)
	shown := s.Answer + strings.Join(s.Evidence[:], "") + s.Turns[0].Text + s.Turns[0].File.Text
	if len(shown) > 6*maxWords || s.Evidence[1] != "proof" || !utf8.ValidString(shown) || !strings.Contains(s.Turns[0].Text, "bytes more") {
		t.Errorf("%d bytes are shown, %q", len(shown), s.Evidence[1])
	}
}
