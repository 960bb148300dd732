package guard_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
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
		Mask:  guard.Masking{Entities: []guard.Entity{{Name: "pii.email"}, {Name: "pii.credit_card"}, {Name: "pii.iban"}}},
	}
}

func BenchmarkJudge(b *testing.B) {
	c := everything(b, full())
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
	for _, unit := range []string{"a", "ignore ", "ignore all previous ", "system: you must ", "http://a?b=c ", "<|im_start|>", "-----BEGIN ", "password=", "@", "1@a.", "4111 1111 ", "DE12", "{{", "![](", "<img ", "`", "\u202e", "a b ", "repeat forever ", "://a:b@", "\x1b[", "忽略", "[", "](", "[a](", "![a]", "[a]: //b\n", "https://", "https://a@", "&#x6a;", "\x1b]", "\u009b", "</a", "<a href=//b>c</a", "style=", "`", "``` ", "~~~\n", "]:", "!"} {
		text := strings.Repeat(unit, 50_000)
		for _, dir := range []guard.Direction{guard.Input, guard.Output} {
			c.Judge(context.Background(), dir, []llm.Passage{{Origin: llm.OriginRetrieved, Text: text[:min(len(text), 200_000)]}})
		}
	}
}
