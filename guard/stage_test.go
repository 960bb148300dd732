package guard_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// opinion is a stage that says what it is told, and keeps what it was asked.
type opinion struct {
	ask   func(context.Context, guard.Question) (guard.Answer, error)
	mu    sync.Mutex
	asked []guard.Question
}

func (o *opinion) ID() string                  { return "judge" }
func (o *opinion) Judges(c risk.Category) bool { return c != "hate" }
func (o *opinion) Ask(ctx context.Context, q guard.Question) (guard.Answer, error) {
	o.mu.Lock()
	o.asked = append(o.asked, q)
	o.mu.Unlock()
	return o.ask(ctx, q)
}

func says(p float64) func(context.Context, guard.Question) (guard.Answer, error) {
	return func(context.Context, guard.Question) (guard.Answer, error) { return guard.Answer{Probability: p}, nil }
}

const asksJudge = `
thresholds:
  attack: {user: {flag: 0.4, block: 0.8}, tool: {flag: 0.4, excise: 0.6, block: 0.9}, model: {block: 0.8}}
  harm: {user: {flag: 0.4}}
mask: {entities: [pii.email]}
secrets: {input: mask}
second: {stage: judge, from: 0.3, to: 0.9, per_minute: 1000, deadline: 5s%s}
`

// checksOf are those of the stage, in short.
func checksOf(v risk.Verdict) string {
	var out []string
	for _, k := range v.Checks {
		if strings.HasPrefix(k.Detector, "second/") {
			out = append(out, strings.TrimSpace(fmt.Sprint(k.State, " ", k.Passages, " ", k.Err)))
		}
	}
	return strings.Join(out, "; ")
}

// TestSecondStageMoves holds when a stage is asked, that its answer takes the place of the
// first probability, both ways, and that everything is on record.
func TestSecondStageMoves(t *testing.T) {
	for _, k := range []struct {
		name, text string
		origin     llm.Origin
		answer     float64
		want       string
		checks     string
	}{
		{"confirmed", "attack50", llm.OriginUser, .95, "block: indirect_injection 0.95 block", "ran [0]"},
		{"cleared", "attack50", llm.OriginUser, .05, "allow: indirect_injection 0.05 allow", "ran [0]"},
		{"cleared from above the block line", "attack85", llm.OriginUser, .05, "allow: indirect_injection 0.05 allow", "ran [0]"},
		{"raised from below the flag line", "attack30", llm.OriginUser, .5, "flag: indirect_injection 0.50 flag", "ran [0]"},
		{"sure enough", "attack90", llm.OriginUser, 0, "block: indirect_injection 0.90 block", "skipped []"},
		{"too little", "attack29", llm.OriginUser, 1, "allow: ", "skipped []"},
		{"not what it judges", "hate50", llm.OriginUser, 1, "flag: hate 0.50 flag", "skipped []"},
		{"excised after it", "attack50", llm.OriginTool, .7, "mask: indirect_injection 0.70 mask", "ran [0]"},
		{"refused whatever it says", "attack50 and attack95", llm.OriginUser, 0, "block: indirect_injection 0.50 flag, indirect_injection 0.95 block", "skipped []"},
		{"cleared, so nothing is cut", "Do attack70. And attack40.", llm.OriginTool, .1, "allow: indirect_injection 0.10 allow, indirect_injection 0.10 allow", "ran [0]"},
	} {
		o := &opinion{ask: says(k.answer)}
		c := compiled(t, fmt.Sprintf(asksJudge, ""), []guard.Detector{marks("x/marks@1")}, o)
		v := c.Judge(context.Background(), guard.Input, one(k.text, k.origin)).Verdict
		if got := told(v); got != k.want || checksOf(v) != k.checks {
			t.Errorf("%s: %s (%s), want %s (%s)", k.name, got, checksOf(v), k.want, k.checks)
		}
		if (k.checks == "ran [0]") != (len(o.asked) == 1) {
			t.Errorf("%s: asked %d times", k.name, len(o.asked))
		}
	}
}

// TestSecondStageBesideACut: what the stage has called harmless is found again when
// something else was cut out, and is still that.
func TestSecondStageBesideACut(t *testing.T) {
	o := &opinion{ask: says(.1)}
	c := compiled(t, strings.Replace(fmt.Sprintf(asksJudge, ""), "to: 0.9", "to: 0.7", 1), []guard.Detector{marks("x/marks@1")}, o)
	const text = "Do attack80. And attack65."
	j := c.Judge(context.Background(), guard.Input, one(text, llm.OriginTool))
	if got := told(j.Verdict); got != "mask: indirect_injection 0.80 mask, indirect_injection 0.10 allow" || wire(text, j) != "[REMOVED] And attack65." {
		t.Errorf("%s, sent %q", got, wire(text, j))
	}
}

// TestSecondStageOnlyRequests: answers ask nobody.
func TestSecondStageOnlyRequests(t *testing.T) {
	o := &opinion{ask: says(1)}
	c := compiled(t, fmt.Sprintf(asksJudge, ""), []guard.Detector{marks("x/marks@1")}, o)
	c.Judge(context.Background(), guard.Output, one("attack50", llm.OriginModel))
	if len(o.asked) != 0 {
		t.Error("an answer asked")
	}
}

// TestSecondStageIsToldNoMore holds that a stage gets the text as a provider would, with the
// origin and what it may be.
func TestSecondStageIsToldNoMore(t *testing.T) {
	o := &opinion{ask: func(_ context.Context, q guard.Question) (guard.Answer, error) {
		return guard.Answer{Probability: .95, Start: 0, End: len(q.Text)}, nil
	}}
	mail := inlined{stand{"x/mail@1", func(_ context.Context, p []llm.Passage) ([]risk.Finding, error) {
		at := strings.Index(p[0].Text, "ann@example.com")
		return []risk.Finding{{Category: "pii.email", Passage: 0, Start: at, End: at + len("ann@example.com"), Confidence: .9}}, nil
	}}}
	c := compiled(t, fmt.Sprintf(asksJudge, ""), []guard.Detector{marks("x/marks@1"), mail}, o)
	v := c.Judge(context.Background(), guard.Input, one("attack50 to ann@example.com", llm.OriginUser)).Verdict
	if len(o.asked) != 1 || o.asked[0].Text != "attack50 to [EMAIL]" || o.asked[0].Origin != llm.OriginUser || !slices.Equal(o.asked[0].Categories, []risk.Category{risk.IndirectInjection}) {
		t.Errorf("asked %+v", o.asked)
	}
	// The place it names lies in another text than the passage, and is not taken over.
	if got := told(v); got != "block: indirect_injection 0.95 block, pii.email 0.90 mask" {
		t.Error(got)
	}
}

// TestSecondStageNamesAPlace: the place that a stage names is a finding of its own.
func TestSecondStageNamesAPlace(t *testing.T) {
	o := &opinion{ask: func(context.Context, guard.Question) (guard.Answer, error) {
		return guard.Answer{Probability: .7, Start: 0, End: 5}, nil
	}}
	c := compiled(t, fmt.Sprintf(asksJudge, ""), []guard.Detector{marks("x/marks@1")}, o)
	j := c.Judge(context.Background(), guard.Input, one("Order. attack50", llm.OriginTool))
	if f := j.Verdict.Findings[0]; len(j.Verdict.Findings) != 2 || f.Detector != "second/judge" || f.End != 5 || wire("Order. attack50", j) != "[REMOVED] [REMOVED]" {
		t.Errorf("%+v, %q", j.Verdict.Findings, wire("Order. attack50", j))
	}
}

// TestSecondStageFails holds that a stage which is late or broken is on record as such, is
// never quoted, and that policy decides: the first look with keep, a block with block, and
// what on_error.input says where nothing is said.
func TestSecondStageFails(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for name, k := range map[string]struct {
		ask   func(context.Context, guard.Question) (guard.Answer, error)
		check string
	}{
		"late": {func(ctx context.Context, _ guard.Question) (guard.Answer, error) {
			<-ctx.Done()
			return guard.Answer{}, ctx.Err()
		}, "late [] overran its deadline"},
		"deaf": {func(context.Context, guard.Question) (guard.Answer, error) { <-stop; return guard.Answer{}, nil }, "late [] overran its deadline"},
		"down": {func(context.Context, guard.Question) (guard.Answer, error) {
			return guard.Answer{}, fmt.Errorf("%s: %w", planted, guard.ErrStageDown)
		}, "failed [] could not be reached, or failed"},
		"panics": {func(context.Context, guard.Question) (guard.Answer, error) { panic(planted) }, "failed [] panicked"},
		"odd": {func(context.Context, guard.Question) (guard.Answer, error) {
			return guard.Answer{}, errors.New(planted)
		}, "failed [] returned an error"},
		"no number": {says(math.NaN()), "failed [] gave an answer that says nothing"},
		"too much":  {says(1.5), "failed [] gave an answer that says nothing"},
	} {
		for policy, want := range map[string]risk.Decision{"": risk.Block, ", on_error: keep": risk.Flag, ", on_error: block": risk.Block} {
			text := strings.Replace(fmt.Sprintf(asksJudge, policy), "5s", "20ms", 1)
			c := compiled(t, text, []guard.Detector{marks("x/marks@1")}, &opinion{ask: k.ask})
			v := c.Judge(context.Background(), guard.Input, one("attack50", llm.OriginUser)).Verdict
			if v.Decision != want || !strings.HasPrefix(checksOf(v), k.check) && !(k.check[:4] == "late" && strings.HasPrefix(checksOf(v), "late")) || strings.Contains(fmt.Sprint(v), planted) {
				t.Errorf("%s%s: %s (%s), want %s (%s)", name, policy, told(v), checksOf(v), want, k.check)
			}
			i := slices.IndexFunc(v.Findings, func(f risk.Finding) bool { return f.Category == risk.CheckFailed })
			if i < 0 {
				t.Errorf("%s%s: it is no finding that the check failed", name, policy)
			}
		}
	}
	open := compiled(t, fmt.Sprintf(asksJudge, "")+"on_error: {input: flag}\n", []guard.Detector{marks("x/marks@1")}, &opinion{ask: says(-1)})
	if v := open.Judge(context.Background(), guard.Input, one("attack50", llm.OriginUser)).Verdict; v.Decision != risk.Flag {
		t.Errorf("with on_error.input: flag: %s", told(v))
	}
}

// TestSecondStageIsLeftAlone: a stage that does not answer five times is left alone, and
// calls do not wait for it.
func TestSecondStageIsLeftAlone(t *testing.T) {
	var calls atomic.Int32
	stop := make(chan struct{})
	defer close(stop)
	o := &opinion{ask: func(context.Context, guard.Question) (guard.Answer, error) {
		calls.Add(1)
		<-stop
		return guard.Answer{}, nil
	}}
	c := compiled(t, strings.Replace(fmt.Sprintf(asksJudge, ""), "5s", "1ms", 1), []guard.Detector{marks("x/marks@1")}, o)
	var last risk.Verdict
	for range 8 {
		last = c.Judge(context.Background(), guard.Input, one("attack50", llm.OriginUser)).Verdict
	}
	if calls.Load() != 5 || !strings.Contains(checksOf(last), "left alone") || last.Decision != risk.Block {
		t.Errorf("%d calls, then %s", calls.Load(), checksOf(last))
	}
}

// TestSecondStageBudget holds that no more questions are asked in a minute than policy
// allows, that those left out are on record, and that the likeliest are asked first.
func TestSecondStageBudget(t *testing.T) {
	now := time.Now()
	o := &opinion{ask: says(.1)}
	p, err := parse(t, strings.Replace(fmt.Sprintf(asksJudge, ""), "per_minute: 1000", "per_minute: 2", 1))
	if err != nil {
		t.Fatal(err)
	}
	e, err := guard.New(guard.Config{Detectors: []guard.Detector{marks("x/marks@1")}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Compile("test", p, o)
	if err != nil {
		t.Fatal(err)
	}
	three := []llm.Passage{{Origin: llm.OriginUser, Text: "attack40"}, {Origin: llm.OriginUser, Text: "attack60"}, {Origin: llm.OriginUser, Text: "attack50"}}
	v := c.Judge(context.Background(), guard.Input, three).Verdict
	if got := checksOf(v); !strings.HasPrefix(got, "ran [1 2]; skipped [0] left out") || told(v) != "flag: indirect_injection 0.40 flag, indirect_injection 0.10 allow, indirect_injection 0.10 allow" {
		t.Errorf("%s (%s)", told(v), got)
	}
	if got := checksOf(c.Judge(context.Background(), guard.Input, three).Verdict); !strings.HasPrefix(got, "skipped [0 1 2]") {
		t.Errorf("in the same minute: %s", got)
	}
	now = now.Add(time.Minute)
	if got := checksOf(c.Judge(context.Background(), guard.Input, three[:1]).Verdict); got != "ran [0]" {
		t.Errorf("a minute later: %s", got)
	}
}

// TestSecondStageAsksAtOnce: the passages of a call wait for their answers together.
func TestSecondStageAsksAtOnce(t *testing.T) {
	together := make(chan struct{})
	var open atomic.Int32
	o := &opinion{ask: func(ctx context.Context, _ guard.Question) (guard.Answer, error) {
		if open.Add(1) == 3 {
			close(together)
		}
		select {
		case <-together:
			return guard.Answer{Probability: .1}, nil
		case <-ctx.Done():
			return guard.Answer{}, ctx.Err()
		}
	}}
	c := compiled(t, fmt.Sprintf(asksJudge, ""), []guard.Detector{marks("x/marks@1")}, o)
	v := c.Judge(context.Background(), guard.Input, slices.Repeat(one("attack50", llm.OriginUser), 3)).Verdict
	if checksOf(v) != "ran [0 1 2]" {
		t.Error(checksOf(v))
	}
}

// TestSecondStageDoesNotAskItself: a call made to answer a stage asks none.
func TestSecondStageDoesNotAskItself(t *testing.T) {
	var c *guard.Compiled
	var inner risk.Verdict
	o := &opinion{ask: func(ctx context.Context, q guard.Question) (guard.Answer, error) {
		if !guard.Asked(ctx) {
			t.Error("the context does not say who asks")
		}
		inner = c.Judge(ctx, guard.Input, one(q.Text, llm.OriginUser)).Verdict
		return guard.Answer{Probability: .1}, nil
	}}
	c = compiled(t, fmt.Sprintf(asksJudge, ""), []guard.Detector{marks("x/marks@1")}, o)
	c.Judge(context.Background(), guard.Input, one("attack50", llm.OriginUser))
	if len(o.asked) != 1 || checksOf(inner) != "skipped []" || told(inner) != "flag: indirect_injection 0.50 flag" {
		t.Errorf("asked %d times; inside: %s (%s)", len(o.asked), told(inner), checksOf(inner))
	}
}

// TestSecondStageMustBeThere: a policy that asks a stage which is not there is refused.
func TestSecondStageMustBeThere(t *testing.T) {
	p, err := parse(t, fmt.Sprintf(asksJudge, ""))
	if err != nil {
		t.Fatal(err)
	}
	e, err := guard.New(guard.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var f *guard.Fault
	if _, err := e.Compile("test", p); !errors.As(err, &f) || f.Path != "second.stage" {
		t.Errorf("%v", err)
	}
}
