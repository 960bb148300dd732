package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// secretLike is a token by shape, put together so that no scanner of this
// repository takes it for one.
const secretLike = "ghp_" + "a8Fj3kD9sLq2Zx7Vb4Nm1Qw6Er5Ty0Ui8Op3"

func compile(t testing.TB, p guard.Policy) *guard.Compiled {
	t.Helper()
	e, err := guard.New(guard.Config{Detectors: detect.All()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Compile("test", p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answers are texts in which something happens at awkward places.
var answers = []string{
	"",
	"Just an ordinary answer, nothing in it. And a second sentence, a little longer than the first one was.\n\nBye.",
	"We talked about Project Nightjar. And Project  \nNightjar again, at the end: Project Nightjar",
	"Ticket TCK-123456 is open, TCK-12 is none. The next is TCK-654321, and one at the very end: TCK-000111",
	"The key is " + secretLike + ". Keep it safe! It is repeated here: " + secretLike,
	"日本語の文章です。これは長い文章で、句点があります。次の文も長いです。Project Nightjar は秘密です。終わりの文。",
	"An image ![with a long alt text](https://evil.invalid/x.png?d=1) and code `![a](https://b.invalid)` and <img src=x onerror=alert(1)> too.\n```html\n<img src=x>\n```\nDone <b>here</b>.",
	"Hid\u200bden\u200b words\u200b\u200b\u200b in an answer. \x1b[31mred\x1b[0m text and emoji 👩‍💻 fine. " + strings.Repeat("More words follow here. ", 20) + "Zero\u200bwidth.",
	"\x1b]8;;https://evil.invalid/x\x07a link\x1b]8;;\x07 and \x1b]52;c;cm0gLXJmIC8=\x1b\\\\ a clipboard. \u009b31mred\u009b0m \x1bP1$r0m\x1b\\ \x1b(B done\b\b\b\b. \x1b]0;no end of this title",
	"See [https://bank.example/login](https://evil.invalid/a \"t\") and <a href='https://evil.invalid'>www.bank.example</a>. Or https://bank.example@evil.invalid/x, or https://p\u0430ypal.example/y. [a.example](https://www.a.example) is right, [me@a.example](mailto:me@a.example) too.",
	"Great![1] An image ![one][r], ![two][], ![r] and ![three]. More words here, to fill the unit up.\n\n[r]: https://evil.invalid/r.png\n[1]: https://evil.invalid/1.png\n[three]: https://evil.invalid/3.png\n\nLater ![r] again and ![four](images/four.png) stays.",
	"[x](java\nscript:alert(1)) [y](&#106;ava&Tab;script:alert(2)) <a href=\"\x01javascript&colon;alert(3)\">z</a> [d](data:text/html;base64,PGI+) <div style=\"background:url(https://evil.invalid/s)\" background=x onclick = go()>d</div> JavaScript: The Parts. ` ![lone](https://evil.invalid/l) and `` a ` b ![in](https://b.invalid) `` end.\n~~~\n![in](https://b.invalid)\n```\n<img src=x>\n~~~\n![out](https://evil.invalid/o)",
	"Some words first. !\x1b[0m[an alt text](https://evil.invalid/x) and a <i\x1b[1mmg src=https://evil.invalid/y> and <i\u200b\u200b\u200bmg src=x>. [x](java\u200b\u200b\u200bscript:alert(1)).",
	strings.Repeat("a", 2500) + " Project Nightjar " + strings.Repeat("b ", 300),
	"-----BEGIN RSA PRIVATE" + " KEY-----\n" + strings.Repeat("q8Fj3kD9sLq2Zx7Vb4Nm1Qw6Er5Ty0Ui\n", 8) + "-----END RSA PRIVATE" + " KEY-----\nThat was a key.",
}

// result is what came out of a channel.
type result struct {
	out     string
	verdict risk.Verdict
	blocked bool
	first   string
}

// feed plays a channel to a scanner in the pieces given, as a Window does, and
// returns what left.
func feed(t *testing.T, s *guard.Scanner, ch llm.Channel, pieces []string) result {
	t.Helper()
	var r result
	text, left := "", 0 // bytes of text that have left, unchanged
	step := func(final bool) bool {
		base := max(0, left-s.Reach())
		l := llm.Look{Channel: ch, Text: text[base:], From: left - base, Base: base, Final: final}
		ruling, err := s.Scan(context.Background(), l)
		var blocked *guard.BlockedError
		if errors.As(err, &blocked) {
			r.blocked = true
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if ruling.Safe < l.From || ruling.Safe > len(l.Text) {
			t.Fatalf("safe %d outside [%d,%d]", ruling.Safe, l.From, len(l.Text))
		}
		at := l.From
		for _, c := range ruling.Changes {
			if c.Start < at || c.End > ruling.Safe {
				t.Fatalf("change [%d,%d) outside [%d,%d)", c.Start, c.End, at, ruling.Safe)
			}
			r.out += l.Text[at:c.Start] + c.New
			at = c.End
		}
		r.out += l.Text[at:ruling.Safe]
		left = base + ruling.Safe
		return true
	}
	for _, p := range pieces {
		text += p
		if !step(false) {
			break
		}
	}
	if !r.blocked {
		step(true)
	}
	r.verdict = s.Verdict()
	if f, ok := r.verdict.First(); ok {
		r.first = fmt.Sprint(f.Detector, f.Category, f.Start, f.End, f.Decision)
	}
	return r
}

func pieces(text string, at ...int) []string {
	var out []string
	from := 0
	for _, i := range at {
		out = append(out, text[from:i])
		from = i
	}
	return append(out, text[from:])
}

func policies() map[string]guard.Policy {
	all := map[string]guard.Policy{}
	for _, hold := range []string{"prefix", "sentence", "all"} {
		for _, act := range []guard.Action{"mask", "block", "flag"} {
			p := guard.Policy{Secrets: guard.Secrets{Output: act}, Rules: []guard.Rule{
				{ID: "nightjar", Phrase: "Project Nightjar", Action: act},
				{ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"},
			}}
			p.Output.Hold = hold
			all[hold+"/"+string(act)] = p
		}
	}
	return all
}

// TestEveryCut holds promise 3: the same text cut at any place gives the same
// decision, first finding and edits, in every hold mode.
func TestEveryCut(t *testing.T) {
	for name, p := range policies() {
		c := compile(t, p)
		for n, text := range answers {
			whole := feed(t, c.Scanner(), llm.Channel{}, []string{text})
			judged := c.Judge(context.Background(), guard.Output, []llm.Passage{{Origin: llm.OriginModel, Text: text}})
			if judged.Verdict.Decision != whole.verdict.Decision {
				t.Errorf("%s text %d: Judge says %v, Scanner %v", name, n, judged.Verdict.Decision, whole.verdict.Decision)
			}
			step := 1
			if len(text) > 600 {
				step = 37
			}
			for i := 0; i <= len(text); i += step {
				sameAs(t, fmt.Sprintf("%s text %d cut at %d", name, n, i), whole, feed(t, c.Scanner(), llm.Channel{}, pieces(text, i)))
			}
			if len(text) < 600 {
				sameAs(t, fmt.Sprintf("%s text %d byte by byte", name, n), whole, feed(t, c.Scanner(), llm.Channel{}, strings.Split(text, "")))
			}
		}
	}
}

func sameAs(t *testing.T, what string, want, got result) {
	t.Helper()
	if got.verdict.Decision != want.verdict.Decision || got.first != want.first || got.blocked != want.blocked {
		t.Errorf("%s: %v %s, whole: %v %s", what, got.verdict.Decision, got.first, want.verdict.Decision, want.first)
	}
	if !want.blocked && got.out != want.out {
		t.Errorf("%s: out %q, whole %q", what, got.out, want.out)
	}
	if got.blocked && !strings.HasPrefix(want.out, got.out) && !strings.HasPrefix(got.out, want.out) {
		t.Errorf("%s: left %q before the block, whole %q", what, got.out, want.out)
	}
}

// TestPhraseNeverLeaves cuts a forbidden phrase everywhere: no more of it than a
// short prefix leaves.
func TestPhraseNeverLeaves(t *testing.T) {
	for name, p := range policies() {
		if !strings.HasSuffix(name, "/block") {
			continue
		}
		c := compile(t, p)
		text := "Something harmless first, then Project Nightjar, and more."
		for i := range text {
			for j := i; j < len(text); j++ {
				r := feed(t, c.Scanner(), llm.Channel{}, pieces(text, i, j))
				if !r.blocked || strings.Contains(r.out, "Project"[:7]) {
					t.Fatalf("%s cut at %d, %d: blocked %v, %q left", name, i, j, r.blocked, r.out)
				}
			}
		}
	}
}

// TestChannelsApart plays two channels in turns: each comes out as alone.
func TestChannelsApart(t *testing.T) {
	p := policies()["sentence/mask"]
	c := compile(t, p)
	a, b := answers[3], answers[4]
	alone := []result{feed(t, c.Scanner(), llm.Channel{Choice: 0}, []string{a}), feed(t, c.Scanner(), llm.Channel{Choice: 1}, []string{b})}
	s := c.Scanner()
	var texts [2]string
	var out [2]string
	var left [2]int
	for i := 0; i <= max(len(a), len(b)); i++ {
		for n, full := range []string{a, b} {
			if i > len(full) {
				continue
			}
			texts[n] = full[:i]
			base := max(0, left[n]-s.Reach())
			l := llm.Look{Channel: llm.Channel{Choice: n}, Text: texts[n][base:], From: left[n] - base, Base: base, Final: i == len(full)}
			r, err := s.Scan(context.Background(), l)
			if err != nil {
				t.Fatal(err)
			}
			at := l.From
			for _, ch := range r.Changes {
				out[n] += l.Text[at:ch.Start] + ch.New
				at = ch.End
			}
			out[n] += l.Text[at:r.Safe]
			left[n] = base + r.Safe
		}
	}
	for n := range out {
		if out[n] != alone[n].out {
			t.Errorf("channel %d: %q, alone %q", n, out[n], alone[n].out)
		}
	}
	v := s.Verdict()
	for _, k := range v.Checks {
		if k.State == risk.Ran && !slices.Equal(k.Passages, []int{0, 1}) {
			t.Errorf("%s claims %v", k.Detector, k.Passages)
		}
	}
}

// TestSnapshot holds that a text repeated beside its channel is judged by
// itself: the same edits, and nothing of the channel's state is lost.
func TestSnapshot(t *testing.T) {
	c := compile(t, policies()["sentence/mask"])
	text := answers[4]
	whole := feed(t, c.Scanner(), llm.Channel{}, []string{text})
	s := c.Scanner()
	half := llm.Look{Text: text[:60]}
	if _, err := s.Scan(context.Background(), half); err != nil {
		t.Fatal(err)
	}
	r, err := s.Scan(context.Background(), llm.Look{Text: text, Final: true, Whole: true})
	if err != nil || r.Safe != len(text) {
		t.Fatalf("snapshot: %+v, %v", r, err)
	}
	out, at := "", 0
	for _, ch := range r.Changes {
		out += text[at:ch.Start] + ch.New
		at = ch.End
	}
	if out+text[at:] != whole.out {
		t.Errorf("snapshot %q, channel %q", out+text[at:], whole.out)
	}
	if r, err = s.Scan(context.Background(), llm.Look{Text: text, Final: true}); err != nil || r.Safe != len(text) || len(r.Changes) == 0 {
		t.Errorf("the channel went on as %+v, %v", r, err)
	}
	if v := s.Verdict(); len(v.Findings) != len(whole.verdict.Findings) {
		t.Errorf("%d findings with the snapshot, %d without", len(v.Findings), len(whole.verdict.Findings))
	}
	blocking := compile(t, policies()["sentence/block"]).Scanner()
	var blocked *guard.BlockedError
	if _, err := blocking.Scan(context.Background(), llm.Look{Text: text, Final: true, Whole: true}); !errors.As(err, &blocked) || strings.Contains(err.Error(), secretLike) {
		t.Errorf("a forbidden snapshot gave %v", err)
	}
}

// TestSnapshotsThatRepeat holds that a snapshot that comes again is read once, with the same
// edits each time, and that another one is read.
func TestSnapshotsThatRepeat(t *testing.T) {
	reads := 0
	counts := inlined{stand{"x/count", func(context.Context, []llm.Passage) ([]risk.Finding, error) {
		reads++
		return nil, nil
	}}}
	s := everything(t, policies()["sentence/mask"], counts).Scanner()
	look := func(text string) llm.Ruling {
		t.Helper()
		r, err := s.Scan(context.Background(), llm.Look{Text: text, Final: true, Whole: true})
		if err != nil || r.Safe != len(text) {
			t.Fatalf("snapshot: %+v, %v", r, err)
		}
		return r
	}
	first, read := look(answers[4]), reads
	for range 2 {
		again := look(answers[4])
		if reads != read || len(first.Changes) == 0 || !slices.Equal(again.Changes, first.Changes) {
			t.Errorf("read %d times, then %d; changes %+v, then %+v", read, reads, first.Changes, again.Changes)
		}
		clear(again.Changes) // what a caller does with them is nobody else's
	}
	if look(answers[4] + " More."); reads == read {
		t.Error("another snapshot was not read")
	}
}

// TestMediaInAnswers holds that a part which nobody can read is never claimed.
func TestMediaInAnswers(t *testing.T) {
	s := compile(t, guard.Policy{}).Scanner()
	media := llm.Channel{Item: 1, Kind: llm.KindMedia}
	if _, err := s.Scan(context.Background(), llm.Look{Text: "An image follows.", Final: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scan(context.Background(), llm.Look{Channel: media, MIME: "image/png", Final: true, Whole: true}); err != nil {
		t.Fatal(err)
	}
	v := s.Verdict()
	if f, ok := v.First(); v.Decision != risk.Flag || !ok || f.Category != risk.Unreadable || f.Passage != 1 {
		t.Errorf("image: %v %+v", v.Decision, f)
	}
	for _, k := range v.Checks {
		if slices.Contains(k.Passages, 1) && k.State != risk.Skipped {
			t.Errorf("%s claims the image: %v", k.Detector, k.State)
		}
	}
	var blocked *guard.BlockedError
	if _, err := s.Scan(context.Background(), llm.Look{Channel: media, MIME: "audio", Final: true, Whole: true}); !errors.As(err, &blocked) {
		t.Errorf("audio gave %v", err)
	}
}

// TestArguments holds that tool arguments are judged once, whole.
func TestArguments(t *testing.T) {
	c := compile(t, policies()["prefix/mask"])
	s := c.Scanner()
	ch := llm.Channel{Kind: llm.KindArgs}
	text := `{"note": "about Project Nightjar. And more, much more."}`
	if r, err := s.Scan(context.Background(), llm.Look{Channel: ch, Text: text[:30]}); err != nil || r.Safe != 0 {
		t.Errorf("in part: %+v, %v", r, err)
	}
	r, err := s.Scan(context.Background(), llm.Look{Channel: ch, Text: text, Final: true})
	if err != nil || r.Safe != len(text) || len(r.Changes) != 1 {
		t.Errorf("whole: %+v, %v", r, err)
	}
}

// TestMissingText holds that a scanner which was not shown a part says so.
func TestMissingText(t *testing.T) {
	c := compile(t, guard.Policy{})
	if _, err := c.Scanner().Scan(context.Background(), llm.Look{Text: "later", Base: 100}); err == nil {
		t.Error("text was missing, and nobody said so")
	}
}

// FuzzCuts cuts any text in two places, in every hold mode.
func FuzzCuts(f *testing.F) {
	for i, text := range answers {
		f.Add(text, i*7, i*13+5)
	}
	var compiled []*guard.Compiled
	for _, p := range policies() {
		compiled = append(compiled, compile(f, p))
	}
	f.Fuzz(func(t *testing.T, text string, a, b int) {
		if a < 0 || b < a || b > len(text) || len(text) > 4000 {
			return
		}
		for i, c := range compiled {
			whole := feed(t, c.Scanner(), llm.Channel{}, []string{text})
			sameAs(t, fmt.Sprint(i, a, b), whole, feed(t, c.Scanner(), llm.Channel{}, pieces(text, a, b)))
		}
	})
}

// TestHastyAnswersAreReadByRules holds that models, which read sentences, are left out, and
// on record as left out, where answers leave word by word.
func TestHastyAnswersAreReadByRules(t *testing.T) {
	for hold, want := range map[string]risk.State{"prefix": risk.Skipped, "sentence": risk.Ran, "all": risk.Ran} {
		v := everything(t, guard.Policy{Output: guard.Leaving{Hold: hold}}).Judge(context.Background(), guard.Output, []llm.Passage{{Origin: llm.OriginModel, Text: "The harbour opens at six.", Whole: true}}).Verdict
		found := false
		for _, k := range v.Checks {
			if k.Detector == "model@1" {
				found = true
				if k.State != want {
					t.Errorf("%s: the models' check is %s, want %s", hold, k.State, want)
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing is said of the models", hold)
		}
	}
}
