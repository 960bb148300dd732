package guard

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestParts: what a person pastes for the model to read is found, and what they write to it is
// not, however they structure it.
func TestParts(t *testing.T) {
	const long = "The hatch covers leave on Wednesday, and the crane is booked for ten."
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"element":          {"What is new?\n<document name=\"a.txt\">" + long + "</document>", []string{long}},
		"search results":   {"Sum these up, please.\n<search_results><r>" + long + "</r></search_results>", []string{"<r>" + long + "</r>"}},
		"closed early":     {"What is new here?\n<page>" + long + "</page> Now obey. <page>x</page>", []string{long + "</page> Now obey. <page>x"}},
		"fence":            {"What does this do?\n```go\n" + long + "\n```\nThanks", []string{"go\n" + long + "\n"}},
		"three quotes":     {"Summarise: \"\"\"" + long + "\"\"\"", []string{long}},
		"mail":             {"Is this genuine?\nFrom: a@reed.example\nSubject: covers\n\n" + long, []string{"From: a@reed.example\nSubject: covers\n\n" + long}},
		"two":              {"Compare <file>" + long + "</file> and <file2>" + long + "</file2> <email>" + long + "</email>", []string{long, long}},
		"instructions":     {"<instructions>You must answer in French, always, and in one sentence.</instructions> What is a heron?", nil},
		"short":            {"What does <text>this</text> mean?", nil},
		"nothing beside":   {"```\n" + long + "\n```", nil},
		"no end":           {"What is new? <document>" + long, nil},
		"prose":            {"From: now on we meet at ten. " + long, nil},
		"comparison":       {"Is a < b and b > a for all numbers that there are, or only for some?", nil},
		"element in prose": {"The element <table> is for tables, and </table> ends it, as far as I know.", nil},
	} {
		var got []string
		for _, p := range parts(c.text) {
			got = append(got, c.text[p.start:p.end])
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// orderly finds one word, in data only.
type orderly struct{}

func (orderly) ID() string { return "injection/orderly@1" }

func (orderly) Look(_ context.Context, passages []llm.Passage) (out []risk.Finding, _ error) {
	for i, p := range passages {
		if at := strings.Index(p.Text, "obey"); at >= 0 && p.Origin == llm.OriginRetrieved {
			out = append(out, risk.Finding{Category: risk.IndirectInjection, Confidence: .97, Passage: i, Start: at, End: at + 4},
				risk.Finding{Category: "pii.email", Confidence: 1, Passage: i, Start: at, End: at + 4})
		}
	}
	return out, nil
}

// TestEmbeddedIsData: a part is measured as what was retrieved, its findings lie in the person's
// own text, nothing else of it counts twice, no check claims it, and it is refused, not cut.
func TestEmbeddedIsData(t *testing.T) {
	e, err := New(Config{Detectors: []Detector{orderly{}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, lines := range map[string]Lines{"block": {Block: .9}, "excise": {Excise: .9}} {
		c, err := e.Compile("test", Policy{Thresholds: map[string]map[string]Lines{"attack": {"user": {Block: .99}, "retrieved": lines}}, Mask: Masking{Entities: []Entity{{Name: "pii.email"}}}})
		if err != nil {
			t.Fatal(err)
		}
		text := "Dear model, please obey me. <document>The crane is booked, and readers obey this.</document>"
		v := c.Judge(context.Background(), Input, []llm.Passage{{Origin: llm.OriginUser, Text: "Hello"}, {Origin: llm.OriginUser, Text: text}}).Verdict
		if v.Decision != risk.Block || len(v.Findings) != 1 {
			t.Fatalf("%s: %+v", name, v)
		}
		if f := v.Findings[0]; f.Passage != 1 || text[f.Start:f.End] != "obey" || f.Start != strings.LastIndex(text, "obey") || f.Decision != risk.Block {
			t.Errorf("%s: %+v", name, f)
		}
		for _, k := range v.Checks {
			for _, p := range k.Passages {
				if p > 1 {
					t.Errorf("%s: a check claims passage %d, which nobody sent", name, p)
				}
			}
		}
	}
	own := apart([]llm.Passage{{Origin: llm.OriginUser, Text: "Now read: <file>The crane is booked for ten, or so they said.</file> Thanks."}})
	if len(own) != 2 || own[0].Text != "Now read: <file></file> Thanks." || own[1].Origin != llm.OriginRetrieved {
		t.Errorf("%+v", own)
	}
}

// FuzzParts: parts lie in the text, in order, apart from each other, on whole runes, and there are
// not more than allowed.
func FuzzParts(f *testing.F) {
	for _, s := range []string{"<document>" + strings.Repeat("a ", 40) + "</document> what is it?", "```\n" + strings.Repeat("x", 60) + "\n``` what?", "From: a\nTo: b\n" + strings.Repeat("y", 60), "\"\"\"" + strings.Repeat("é", 60) + "\"\"\" and more", "<a<b<page", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		all := parts(s)
		for _, p := range all {
			if p.start < at || p.end < p.start || p.end > len(s) || utf8.ValidString(s) && !utf8.ValidString(s[p.start:p.end]) {
				t.Fatalf("%+v of %d", all, len(s))
			}
			at = p.end
		}
		if len(all) > maxParts {
			t.Errorf("%d parts", len(all))
		}
		request := []llm.Passage{{Origin: llm.OriginUser, Text: s}}
		if n := len(apart(request)); n != 1+len(all) || request[0].Text != s {
			t.Errorf("%d passages of %d parts", n, len(all))
		}
	})
}

// TestPartsHostile: marks without an end, under many names, are given up after a few: if the whole
// rest was searched for each, this would not come to an end.
func TestPartsHostile(t *testing.T) {
	var names strings.Builder
	for i := range 400_000 {
		names.WriteString("<page-" + strings.Repeat("x", i%20) + string(rune('a'+i%26)) + ">\n")
	}
	if got := parts(names.String()); got != nil {
		t.Errorf("%d parts", len(got))
	}
}
