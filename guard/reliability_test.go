package guard_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// evil are patterns that take a backtracking engine longer than anybody waits.
var evil = []string{`(a+)+$`, `(a|aa)+$`, `(a|a)*b`, `(.*)*x`, `(a?){50}a{50}`, `^(([a-z])+.)+[A-Z]([a-z])+$`, `(x+x+)+y`, `(\w+\s?)*!`, `(?i)(é|e)+z`}

// hostile are texts that make them.
var hostile = []string{strings.Repeat("a", 50_000), strings.Repeat("x", 50_000), strings.Repeat("a ", 25_000), strings.Repeat("é", 25_000), strings.Repeat("aA", 25_000)}

func evilRules() guard.Policy {
	p := full()
	for i, pattern := range evil {
		p.Rules = append(p.Rules, guard.Rule{ID: fmt.Sprintf("evil-%d", i), Pattern: pattern, Action: "flag"})
	}
	return p
}

// TestR10AllMatches: counting the work changes nothing of what is found.
func TestR10AllMatches(t *testing.T) {
	text := strings.Repeat("TCK-123456, a tick-tock\nÉcole of 12 and 7;  \xff ab aab bad cab \n", 40)
	for _, pattern := range []string{`TCK-\d{6}`, `(?i)\bt\w+`, `(?m)^\p{L}+`, `^TCK`, `\b`, `\B`, `(?m)$`, `[^a]+`, `a+b?`, `(a)(b)|c`, `(?s)k.`, `\d+|;`, `b|ab|aab`, `(?U)a.*b`, `.`, `é|É`} {
		if got, want := guard.AllMatches(pattern, text), regexp.MustCompile(pattern).FindAllStringIndex(text, -1); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d matches, want %d", pattern, len(got), len(want))
		}
	}
}

// TestR10HostilePatterns: policies may hold any pattern, and texts any repetition: each is
// read once, in time that grows with its length, by rules, by the shipped detectors and by
// the scanner of streamed answers. An engine that goes back would not end before the test's
// own deadline; that every rule has really read the text is checked.
func TestR10HostilePatterns(t *testing.T) {
	c := everything(t, evilRules())
	for _, text := range hostile {
		v := c.Judge(context.Background(), guard.Input, []llm.Passage{{Origin: llm.OriginUser, Text: text}}).Verdict
		for _, k := range v.Checks {
			if k.State != risk.Ran || len(k.Passages) != 1 {
				t.Errorf("%.8s…: %+v", text, k)
			}
		}
		if strings.HasPrefix(text, "aaa") && len(v.Findings) == 0 {
			t.Errorf("%.8s…: no rule found what it looks for", text)
		}
		s := c.Scanner()
		r, err := s.Scan(context.Background(), llm.Look{Text: text, Final: true})
		if err != nil || r.Safe > len(text) {
			t.Errorf("%.8s…: %+v, %v", text, r.Safe, err)
		}
	}
	// Each match may be found in linear time and all of them not be: then the check has
	// failed, and says so, and policy decides.
	p := full()
	p.Rules = append(p.Rules, guard.Rule{ID: "square", Pattern: `a.*b|a`, Action: "flag"}, guard.Rule{ID: "cube", Pattern: `a(.*b|.*c)?`, Action: "mask"})
	v := everything(t, p).Judge(context.Background(), guard.Input, []llm.Passage{{Origin: llm.OriginUser, Text: hostile[0]}}).Verdict
	failed := 0
	for _, k := range v.Checks {
		if k.State == risk.Failed && strings.HasPrefix(k.Detector, "rule/") && strings.Contains(k.Err, "work") {
			failed++
		}
	}
	if failed != 2 || v.Decision != risk.Block {
		t.Errorf("%v, %+v", v.Decision, v.Checks)
	}
	var blocked *guard.BlockedError
	if _, err := everything(t, p).Scanner().Scan(context.Background(), llm.Look{Text: hostile[0], Final: true}); !errors.As(err, &blocked) {
		t.Errorf("an answer: %v", err)
	}
	// What would grow with a power of what it says is refused before it runs.
	e, err := guard.New(guard.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{`(((a{1,100}){1,100}){1,100}){1,100}`, `a{2000}`, strings.Repeat("(", 2000) + strings.Repeat(")", 2000)} {
		if _, err := e.Compile("test", guard.Policy{Rules: []guard.Rule{{ID: "big", Pattern: pattern, Action: "flag"}}}); err == nil {
			t.Errorf("%.30s… is a rule", pattern)
		}
	}
}

// BenchmarkR10HostilePatterns over two lengths: twice the text is twice the time.
func BenchmarkR10HostilePatterns(b *testing.B) {
	c := everything(b, evilRules())
	for _, n := range []int{25_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				c.Judge(context.Background(), guard.Input, []llm.Passage{{Origin: llm.OriginUser, Text: hostile[0][:n]}})
			}
		})
	}
}

// scripts is text of our own in many scripts at once, of about n bytes, with what readers
// have to undo: marks apart from their letters, wide forms, look-alikes, what draws nothing.
func scripts(n int) string {
	const text = "The boat is in. Το πλοίο έφτασε. Судно у причала, груз на берегу. 船已经到港了,货物在岸上。船は港に着きました。배가 항구에 도착했습니다. " +
		"وصلت السفينة إلى الميناء. הספינה הגיעה לנמל. जहाज बंदरगाह पर आ गया। เรือมาถึงท่าเรือแล้ว Ｗｉｄｅ ｌｅｔｔｅｒｓ, cafe\u0301, p\u0430ypal, soft\u00adhyphen, zero\u200bwidth, " +
		"🚢⚓️👩‍✈️ and 214 tons at 34 € a week, aGVsbG8gaGFyYm91ciBtYXN0ZXI= %48%69. "
	return strings.ToValidUTF8(strings.Repeat(text, n/len(text)+1)[:n], "")
}

// TestR11MegabyteOfScripts: a full check of one megabyte of mixed scripts is bounded in
// work: every check reads all of it, in memory that is a small multiple of the text, and
// twice the text takes twice of it. BenchmarkR11MegabyteOfScripts is how long that takes.
func TestR11MegabyteOfScripts(t *testing.T) {
	c := everything(t, full())
	took := func(n int) int64 {
		p := []llm.Passage{{Origin: llm.OriginUser, Text: scripts(n)}}
		c.Judge(context.Background(), guard.Input, p) // what is kept for later is there now
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v := c.Judge(context.Background(), guard.Input, p).Verdict
		runtime.ReadMemStats(&after)
		for _, k := range v.Checks {
			if k.State != risk.Ran || len(k.Passages) != 1 {
				t.Errorf("%d bytes: %+v", n, k)
			}
		}
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	half, whole := took(1<<19), took(1<<20)
	t.Logf("%d kB for half a megabyte, %d kB for one", half>>10, whole>>10)
	if whole > 64<<20 || whole > 3*half+1<<20 {
		t.Errorf("half a megabyte takes %d kB, a megabyte %d kB", half>>10, whole>>10)
	}
}

// BenchmarkR11MegabyteOfScripts is a full check of a prompt of one megabyte.
func BenchmarkR11MegabyteOfScripts(b *testing.B) {
	c := everything(b, full())
	p := []llm.Passage{{Origin: llm.OriginUser, Text: scripts(1 << 20)}}
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		c.Judge(context.Background(), guard.Input, p)
	}
}
