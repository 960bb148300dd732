package guard_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/mask/entity"
	"github.com/bartizan-ai/bartizan/risk"
)

// prose is ordinary English of our own, repeated to a length.
func prose(n int) string {
	const text = "The harbour office opens at eight and closes at six, and on market days it stays open until the last boat is in. " +
		"Please bring the papers of the boat, the name of the owner and a phone number, so that the clerk can enter them in the book. " +
		"If the weather turns, a red flag is raised above the old customs house; then nobody may leave before the pilot says so. " +
		"Last year 214 boats were entered, eleven more than the year before, and the fee for a week rose from 30 to 34 euros. " +
		"Who needs water or power asks at the second pier, where a list of the free places hangs next to the door. "
	return strings.Repeat(text, n/len(text)+1)[:n]
}

func full() guard.Policy {
	return guard.Policy{
		Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block"}, {ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"}},
		Mask:  guard.Masking{Entities: []guard.Entity{{Name: "pii.email"}, {Name: "pii.credit_card"}, {Name: "pii.iban"}, {Name: "pii.person"}, {Name: "pii.location"}}},
	}
}

// private wants all kinds of personal data.
func private() guard.Policy {
	p := full()
	p.Mask.Entities = nil
	for _, d := range entity.Detectors() {
		for _, c := range d.Finds() {
			p.Mask.Entities = append(p.Mask.Entities, guard.Entity{Name: string(c)})
		}
	}
	return p
}

func BenchmarkJudge(b *testing.B) { judged(b, full()) }

// BenchmarkJudgeAll looks for all kinds of personal data, and BenchmarkJudgeNone for none: their
// ratio in one run is what docs/performance.md quotes.
func BenchmarkJudgeAll(b *testing.B) { judged(b, private()) }

func BenchmarkJudgeNone(b *testing.B) {
	p := full()
	p.Mask.Entities = nil
	judged(b, p)
}

func judged(b *testing.B, p guard.Policy) {
	c := everything(b, p)
	for _, size := range []struct {
		name string
		n    int
	}{{"1KB", 1 << 10}, {"16KB", 16 << 10}, {"1MB", 1 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			p := []llm.Passage{{Origin: llm.OriginUser, Text: prose(size.n)}}
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				c.Judge(context.Background(), guard.Input, p)
			}
		})
	}
}

func BenchmarkScanner100Chunks(b *testing.B) {
	for _, hold := range []string{"prefix", "sentence", "all"} {
		b.Run(hold, func(b *testing.B) {
			p := full()
			p.Output.Hold = hold
			c := everything(b, p)
			text := prose(2000)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s := c.Scanner()
				left := 0
				for i := 20; i <= len(text); i += 20 {
					base := max(0, left-s.Reach())
					r, err := s.Scan(context.Background(), llm.Look{Text: text[base:i], From: left - base, Base: base, Final: i == len(text)})
					if err != nil {
						b.Fatal(err)
					}
					left = base + r.Safe
				}
			}
		})
	}
}

// TestHostile feeds the whole guard texts made to be slow.
func TestHostile(t *testing.T) {
	c := everything(t, full())
	for _, unit := range []string{"a", "ignore ", "ignore all previous ", "system: you must ", "http://a?b=c ", "<|im_start|>", "-----BEGIN ", "password=", "@", "1@a.", "4111 1111 ", "DE12", "{{", "![](", "<img ", "`", "\u202e", "a b ", "a\n", "105 ", "a<b>", "\\151", "%u0061", "repeat forever ", "://a:b@", "\x1b[", "\x1b[mab", "忽略", "[", "](", "[a](", "![a]", "[a]: //b\n", "https://", "https://a@", "&#x6a;", "\x1b]", "\u009b", "</a", "<a href=//b>c</a", "style=", "`", "``` ", "~~~\n", "]:", "!"} {
		text := strings.Repeat(unit, 50_000)
		text = text[:min(len(text), 200_000)]
		for _, dir := range []guard.Direction{guard.Input, guard.Output} {
			// What grows faster than its text is a way to stop a gate.
			if took := judgeHostile(t, c, dir, unit, text); took > uint64(mostMemory*len(text)+4<<20) {
				t.Errorf("%q, direction %d: %d bytes of memory for %d", unit, dir, took, len(text))
			}
		}
	}
}

// mostFindings is what one text may add to a record, 32 of each detector and decision, and
// mostMemory how many bytes a byte of it may cost.
const (
	mostFindings = 200
	mostMemory   = 512
)

// dense are texts of nothing but places where a secret may begin: a check that gives up on
// them has failed, and says so.
var dense = []string{"password=", "https://", "https://a@", "://a:b@"}

// judgeHostile judges a text, holds that the verdict is whole, and returns how much memory
// that took.
func judgeHostile(t *testing.T, c *guard.Compiled, dir guard.Direction, unit, text string) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v := c.Judge(context.Background(), dir, []llm.Passage{{Origin: llm.OriginRetrieved, Text: text}}).Verdict
	runtime.ReadMemStats(&after)
	for _, k := range v.Checks {
		if k.State == risk.Failed && k.Detector == "secret@2" && slices.Contains(dense, unit) {
			continue
		}
		if k.State == risk.Failed && k.Detector != "guard/readings" || k.State == risk.Ran && !slices.Equal(k.Passages, []int{0}) {
			t.Errorf("%q, direction %d: %s is %v over %v: %s", unit, dir, k.Detector, k.State, k.Passages, k.Err)
		}
	}
	for _, f := range v.Findings {
		if f.Passage != -1 && (f.Passage != 0 || f.Start < 0 || f.Start > f.End || f.End > len(text)) {
			t.Errorf("%q, direction %d: %s at [%d,%d) of %d", unit, dir, f.Detector, f.Start, f.End, len(text))
		}
	}
	if len(v.Checks) == 0 || len(v.Findings) > mostFindings {
		t.Errorf("%q, direction %d: %d checks, %d findings", unit, dir, len(v.Checks), len(v.Findings))
	}
	return after.TotalAlloc - before.TotalAlloc
}
