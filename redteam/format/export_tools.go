package format

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/redteam"
)

// endraw is what would end the marks around a text early.
var endraw = regexp.MustCompile(`\{%([-+]?\s*endraw)`)

// Between these two, PyRIT's template engine reads nothing.
const (
	rawBegin = "{% raw %}"
	rawEnd   = "{% endraw %}"
)

// asRaw keeps a text from PyRIT's template engine. A text that would end that by itself is cut in two
// where it says so.
func asRaw(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd") // others would be written as binary
	return rawBegin + endraw.ReplaceAllString(s, "{%"+rawEnd+rawBegin+"$1") + rawEnd
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
			words = r.objective(d) // what was wanted, without the words that got it
		}
		f.Seeds = append(f.Seeds, seed{Value: asRaw(words), Role: "user", Alias: one.Key[:16], Type: map[bool]string{true: "prompt", false: "objective"}[r.Full],
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
		case undecided(one):
			ok, reason, why = false, 1, "nobody could say whether it got through; a person must"
			failed++
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
			objective, category = r.objective(d), string(d.Category)
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
