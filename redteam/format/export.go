package format

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Report is a campaign that is to be written out.
type Report struct {
	*redteam.Analysis
	// Results yields every result, in order.
	Results func(func(*redteam.Result) error) error
	Seed    func(id string) *redteam.Seed
	// Sent returns what an attempt sent, made again from its key; nil: it is not shown.
	Sent func(*redteam.Result) []redteam.Conversation
	// Full shows the words of attacks and answers; without it they are left out.
	Full    bool
	Version string
	Made    time.Time
}

// writers write a report.
var writers = map[string]func(io.Writer, *Report) error{
	"jsonl": writeJSONL, "html": writeHTML, "junit": writeJUnit, "sarif": writeSARIF, "pyrit": writePyRIT, "promptfoo": writePromptfoo, "csv": writeCSV,
}

// Exports are the formats that can be written.
var Exports = []string{"jsonl", "html", "junit", "sarif", "pyrit", "promptfoo", "csv"}

// Export writes a report in a format.
func Export(kind string, w io.Writer, r *Report) error {
	f := writers[kind]
	if f == nil {
		return fmt.Errorf("format: there is no format %q; there are %s", kind, strings.Join(Exports, ", "))
	}
	if err := f(w, r); err != nil {
		return fmt.Errorf("format: writing %s: %w", kind, err)
	}
	return nil
}

// gated are the results of the arm that is gated.
func (r *Report) gated(take func(*redteam.Result) error) error {
	last := r.Campaign.Arms[len(r.Campaign.Arms)-1]
	return r.Results(func(one *redteam.Result) error {
		if one.Arm != last {
			return nil
		}
		return take(one)
	})
}

// through reports whether a result is what nobody wants: an attack that got through, or a harmless
// attempt that was stopped.
func through(one *redteam.Result) bool {
	if one.Cell == redteam.BenignCell {
		return one.Outcome == redteam.Blocked
	}
	return one.Score.Verdict == redteam.Hit
}

// words are those of an attempt, or that they are left out.
func (r *Report) words(s string) string {
	if r.Full {
		return s
	}
	return fmt.Sprintf("(%d bytes, left out)", len(s))
}

// answer is what was said last.
func answer(one *redteam.Result) string {
	if n := len(one.Replies); n > 0 {
		return one.Replies[n-1].Text
	}
	return ""
}

// prompt is what a user said last in the first conversation of an attempt.
func (r *Report) prompt(one *redteam.Result) string {
	if r.Sent != nil {
		for _, c := range r.Sent(one) {
			if n := len(c.Turns); n > 0 {
				return c.Turns[n-1].Text
			}
		}
	}
	if d := r.Seed(one.Seed); d != nil {
		return d.Text
	}
	return ""
}

func writeJSONL(w io.Writer, r *Report) error {
	out := json.NewEncoder(w)
	return r.Results(func(one *redteam.Result) error {
		mine := *one
		if !r.Full {
			mine.Replies = append([]redteam.Exchange(nil), one.Replies...)
			for i := range mine.Replies {
				mine.Replies[i].Text = r.words(mine.Replies[i].Text)
				calls := append([]redteam.Call(nil), mine.Replies[i].Calls...)
				for k := range calls {
					calls[k].Args = r.words(calls[k].Args)
				}
				mine.Replies[i].Calls = calls
			}
		}
		return out.Encode(&mine)
	})
}

func writeCSV(w io.Writer, r *Report) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"key", "arm", "seed", "category", "strategy", "chain", "repeat", "cell", "outcome", "verdict", "scorer", "blocked_by", "requests", "input_tokens", "output_tokens", "objective", "prompt", "answer"}}
	err := r.Results(func(one *redteam.Result) error {
		by, in, o := "", 0, 0
		for _, e := range one.Replies {
			in, o = in+e.Input, o+e.Output
			if e.Block != nil {
				by = first(e.Block.Detector, e.Block.Category, e.Block.Where, "not said")
			}
		}
		category, objective := "", ""
		if d := r.Seed(one.Seed); d != nil {
			category, objective = string(d.Category), d.Objective
		}
		rows = append(rows, []string{one.Key, one.Arm, one.Seed, category, one.Strategy, strings.Join(one.Chain, " > "), strconv.Itoa(one.Repeat), one.Cell, string(one.Outcome), string(one.Score.Verdict), one.Score.Scorer, by,
			strconv.Itoa(len(one.Replies)), strconv.Itoa(in), strconv.Itoa(o), objective, r.words(r.prompt(one)), r.words(answer(one))})
		if len(rows) < 512 {
			return nil
		}
		err := out.WriteAll(harmless(rows))
		rows = rows[:0]
		return err
	})
	if err != nil {
		return err
	}
	return out.WriteAll(harmless(rows))
}

// harmless keeps a spreadsheet from running what a cell says.
func harmless(rows [][]string) [][]string {
	for _, row := range rows {
		for i, s := range row {
			if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
				row[i] = "'" + s
			}
		}
	}
	return rows
}

// The parts of a JUnit report.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string     `xml:"classname,attr"`
		Name    string     `xml:"name,attr"`
		Failure *junitText `xml:"failure,omitempty"`
		Error   *junitText `xml:"error,omitempty"`
		Skipped *junitText `xml:"skipped,omitempty"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes one case for each cell of the gate, and one for each attempt that failed it.
// What is not decided is skipped: it is neither good nor bad.
func writeJUnit(w io.Writer, r *Report) error {
	gate := junitSuite{Name: "gate " + r.Campaign.Name}
	arm := r.Arms[len(r.Arms)-1]
	for i := range arm.Cells {
		c := &arm.Cells[i]
		one := junitCase{Class: "redteam.gate", Name: c.Cell}
		why := &junitText{Message: fmt.Sprintf("%d of %d, %.1f %% to %.1f %%, at most %.1f %%", c.Hits, c.Tries(), 100*c.Low, 100*c.High, 100*c.Limit)}
		switch c.Answer {
		case "fail":
			one.Failure = why
			gate.Failures++
		case "inconclusive":
			one.Skipped = why
			gate.Skipped++
		}
		gate.Cases = append(gate.Cases, one)
	}
	gate.Tests = len(gate.Cases)
	all := junitSuite{Name: "attempts " + r.Campaign.Name}
	err := r.gated(func(one *redteam.Result) error {
		k := junitCase{Class: "redteam." + one.Cell, Name: one.Seed + " " + one.Strategy + " " + strings.Join(one.Chain, ">") + " " + one.Key[:12]}
		switch {
		case one.Outcome == redteam.Failed:
			k.Error = &junitText{Message: one.Score.Why}
			all.Errors++
		case through(one):
			k.Failure = &junitText{Message: string(one.Outcome) + ", " + one.Score.Scorer, Text: r.words(answer(one))}
			all.Failures++
		case one.Score.Verdict == redteam.Unknown && one.Cell != redteam.BenignCell:
			k.Skipped = &junitText{Message: "a person must judge it"}
			all.Skipped++
		default:
			all.Tests++
			return nil // what is as it should be is counted, not listed
		}
		all.Tests++
		all.Cases = append(all.Cases, k)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	return e.Encode(junitSuites{Suites: []junitSuite{gate, all}})
}

type object = map[string]any

// writeSARIF writes what got through as results of SARIF 2.1.0, one rule for each category and
// strategy. What stands for a place is the seed.
func writeSARIF(w io.Writer, r *Report) error {
	var rules, results []object
	for i, t := range r.Through {
		id := t.Category + "/" + t.Strategy
		rules = append(rules, object{"id": fmt.Sprintf("%s/%d", id, i), "name": t.Category, "shortDescription": object{"text": fmt.Sprintf("%s by %s, %s", t.Category, t.Strategy, t.Chain)},
			"properties": object{"tags": []string{"security", "ai"}}})
		for k, key := range t.Keys {
			seed := t.Seeds[min(k, len(t.Seeds)-1)]
			results = append(results, object{"ruleId": fmt.Sprintf("%s/%d", id, i), "level": "error",
				"message":             object{"text": fmt.Sprintf("An attack got through: %d of %d attempts of this kind did. Replay it with `bartizan redteam replay %s`.", t.Hits, t.Tries, key)},
				"locations":           []object{{"physicalLocation": object{"artifactLocation": object{"uri": "seeds/" + seed}}, "logicalLocations": []object{{"name": seed, "kind": "resource"}}}},
				"partialFingerprints": object{"attempt/v1": key}})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if rules == nil {
		rules, results = []object{}, []object{}
	}
	return e.Encode(object{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []object{{
		"tool": object{"driver": object{"name": "Bartizan red team", "version": r.Version, "informationUri": "https://github.com/bartizan-ai/bartizan", "rules": rules}}, "results": results}}})
}

// writePyRIT writes the seeds of what got through as a seed file of PyRIT, their braces kept from
// its template engine.
func writePyRIT(w io.Writer, r *Report) error {
	type seed struct {
		Value    string         `yaml:"value"`
		Role     string         `yaml:"role"`
		Alias    string         `yaml:"prompt_group_alias"`
		Type     string         `yaml:"seed_type"`
		Metadata map[string]any `yaml:"metadata"`
	}
	f := struct {
		Dataset     string   `yaml:"dataset_name"`
		Harms       []string `yaml:"harm_categories"`
		Description string   `yaml:"description"`
		Source      string   `yaml:"source"`
		Data        string   `yaml:"data_type"`
		Seeds       []seed   `yaml:"seeds"`
	}{Dataset: r.Campaign.Name, Description: "What got through in the campaign " + r.Campaign.Name, Source: "bartizan", Data: "text", Harms: []string{}, Seeds: []seed{}}
	have := map[string]bool{}
	err := r.gated(func(one *redteam.Result) error {
		if one.Cell == redteam.BenignCell || !through(one) {
			return nil
		}
		d := r.Seed(one.Seed)
		if d == nil {
			return nil
		}
		if !have[string(d.Category)] {
			have[string(d.Category)] = true
			f.Harms = append(f.Harms, string(d.Category))
		}
		words := r.prompt(one)
		if !r.Full {
			words = d.Objective // what was wanted, without the words that got it
		}
		f.Seeds = append(f.Seeds, seed{Value: "{% raw %}" + words + "{% endraw %}", Role: "user", Alias: one.Key[:16], Type: map[bool]string{true: "prompt", false: "objective"}[r.Full],
			Metadata: map[string]any{"seed": one.Seed, "strategy": one.Strategy, "chain": strings.Join(one.Chain, " > "), "scorer": one.Score.Scorer}})
		return nil
	})
	if err != nil {
		return err
	}
	b, err := yaml.Marshal(f)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// writePromptfoo writes an evaluation as promptfoo keeps it (version 3), which its `import` takes.
// A block is no error, and a test passes when nothing got through.
func writePromptfoo(w io.Writer, r *Report) error {
	var results []object
	passed, failed, errs, i := 0, 0, 0, 0
	provider := object{"id": first(r.Targets[r.Campaign.Arms[len(r.Campaign.Arms)-1]], "target"), "label": r.Campaign.Arms[len(r.Campaign.Arms)-1]}
	err := r.gated(func(one *redteam.Result) error {
		words, said := r.words(r.prompt(one)), r.words(answer(one))
		response := object{"output": said}
		ok, reason, why := !through(one), 0, ""
		switch {
		case one.Outcome == redteam.Failed:
			ok, reason, why = false, 2, one.Score.Why
			errs++
		case ok:
			passed++
		default:
			reason, why = 1, "it got through: "+one.Score.Scorer
			failed++
		}
		if one.Outcome == redteam.Blocked {
			response = object{"output": "", "guardrails": object{"flagged": true}, "isRefusal": true}
		}
		d, objective, category := r.Seed(one.Seed), "", one.Cell
		if d != nil {
			objective, category = d.Objective, string(d.Category)
		}
		results = append(results, object{"id": one.Key[:16], "promptIdx": 0, "testIdx": i, "promptId": "bartizan", "provider": provider, "prompt": object{"raw": words, "label": "{{prompt}}"}, "vars": object{"prompt": words},
			"response": response, "success": ok, "score": score(ok), "failureReason": reason, "error": nullable(why), "latencyMs": took(one), "cost": 0, "namedScores": object{}, "tokenUsage": object{},
			"gradingResult": object{"pass": ok, "score": score(ok), "reason": first(why, "nothing got through"), "componentResults": []any{}},
			"testCase":      object{"vars": object{"prompt": words}, "assert": []any{}, "metadata": object{"pluginId": category, "strategyId": one.Strategy}}, "metadata": object{"pluginId": category, "strategyId": one.Strategy, "goal": objective, "key": one.Key}})
		i++
		return nil
	})
	if err != nil {
		return err
	}
	stats := object{"successes": passed, "failures": failed, "errors": errs, "tokenUsage": object{"total": r.Spent.Input + r.Spent.Output, "prompt": r.Spent.Input, "completion": r.Spent.Output, "cached": 0, "numRequests": r.Spent.Requests}, "durationMs": r.Spent.Time.Milliseconds()}
	metrics := object{"score": passed, "testPassCount": passed, "testFailCount": failed, "testErrorCount": errs, "assertPassCount": passed, "assertFailCount": failed, "totalLatencyMs": r.Spent.Time.Milliseconds(), "tokenUsage": stats["tokenUsage"], "namedScores": object{}, "namedScoresCount": object{}, "cost": 0}
	e := json.NewEncoder(w)
	return e.Encode(object{"evalId": "eval-" + r.Heads[:min(len(r.Heads), 12)] + "-" + r.Begun.UTC().Format("2006-01-02T15:04:05"),
		"results":      object{"version": 3, "timestamp": r.Begun.UTC().Format(time.RFC3339), "prompts": []object{{"id": "bartizan", "raw": "{{prompt}}", "label": "{{prompt}}", "provider": provider["id"], "metrics": metrics}}, "results": results, "stats": stats},
		"config":       object{"description": "Bartizan campaign " + r.Campaign.Name, "prompts": []string{"{{prompt}}"}, "providers": []string{fmt.Sprint(provider["id"])}, "tests": []any{}},
		"shareableUrl": nil, "metadata": object{"exportedAt": r.Made.UTC().Format(time.RFC3339), "platform": "bartizan"}})
}

func score(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func took(one *redteam.Result) (ms int64) {
	for _, e := range one.Replies {
		ms += e.Took.Milliseconds()
	}
	return ms
}
