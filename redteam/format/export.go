package format

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	if one.Outcome == redteam.Failed {
		return false // whatever people say of it: nothing was answered
	}
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

// undecided reports whether nobody could say if an attack got through: it is no pass and no failure.
func undecided(one *redteam.Result) bool {
	return one.Outcome != redteam.Failed && one.Cell != redteam.BenignCell && one.Score.Verdict == redteam.Unknown
}

// objective is what a seed wants. Where other tools keep the attack itself there, it is left out as
// the attack is.
func (r *Report) objective(d *redteam.Seed) string {
	if !r.Full && d.Objective != "" && (strings.Contains(d.Text, d.Objective) || d.Text != "" && strings.Contains(d.Objective, d.Text)) {
		return r.words(d.Objective)
	}
	return d.Objective
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
		if !r.Full {
			one = one.Without(r.words)
		}
		return out.Encode(one)
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
			category, objective = string(d.Category), r.objective(d)
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

// harmless keeps a spreadsheet from running what a cell says, and readers from ending at a NUL.
func harmless(rows [][]string) [][]string {
	for _, row := range rows {
		for i, s := range row {
			s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
			if c, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " ")); s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", c) {
				s = "'" + s
			}
			row[i] = s
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
	whole := junitCase{Class: "redteam.gate", Name: "all cells"} // one that nothing was tried of is seen here alone
	switch why := (&junitText{Message: r.Answer, Text: strings.Join(r.Reasons, "\n")}); r.Answer {
	case "pass":
	case "fail":
		whole.Failure = why
		gate.Failures++
	default:
		whole.Skipped = why
		gate.Skipped++
	}
	gate.Cases = append(gate.Cases, whole)
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
		case undecided(one):
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

// writeSARIF writes what got through as results of SARIF 2.1.0: one rule for each kind of attack,
// whose id stays the same from run to run, and one result for each example. What stands for a place
// is the seed.
func writeSARIF(w io.Writer, r *Report) error {
	seeds := map[string]string{} // by key of an example
	for _, t := range r.Through {
		for _, key := range t.Keys {
			seeds[key] = ""
		}
	}
	if err := r.gated(func(one *redteam.Result) error {
		if _, ok := seeds[one.Key]; ok {
			seeds[one.Key] = one.Seed
		}
		return nil
	}); err != nil {
		return err
	}
	rules, results := []object{}, []object{}
	for i, t := range r.Through {
		id := t.Category + "/" + t.Strategy + "/" + strings.ReplaceAll(t.Chain, " > ", "+")
		rules = append(rules, object{"id": id, "name": t.Category, "shortDescription": object{"text": fmt.Sprintf("%s by %s, %s", t.Category, t.Strategy, t.Chain)},
			"properties": object{"tags": []string{"security", "ai"}}})
		for _, key := range t.Keys {
			results = append(results, object{"ruleId": id, "ruleIndex": i, "level": "error",
				"message":             object{"text": fmt.Sprintf("An attack got through: %d of %d attempts of this kind did. Replay it with `bartizan redteam replay %s`.", t.Hits, t.Tries, key)},
				"locations":           []object{{"physicalLocation": object{"artifactLocation": object{"uri": "seeds/" + url.PathEscape(seeds[key])}}, "logicalLocations": []object{{"name": seeds[key], "kind": "resource"}}}},
				"partialFingerprints": object{"attempt/v1": key}})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(object{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []object{{
		"tool": object{"driver": object{"name": "Bartizan red team", "version": r.Version, "informationUri": "https://github.com/bartizan-ai/bartizan", "rules": rules}}, "results": results}}})
}
