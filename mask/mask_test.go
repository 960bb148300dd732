package mask

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/llm"
)

func never(string) bool { return false }

func cover(conversation string) *Cover {
	wide := Key([]byte("a master key"), "system", "bot")
	return New(wide, Key(wide, "conversation", conversation), never)
}

func all(string) bool { return true }

// restore runs a text through a restorer in the pieces given.
func restore(t testing.TB, r *Restorer, ch llm.Channel, pieces []string) string {
	t.Helper()
	var out strings.Builder
	text, from := "", 0
	look := func(final bool) {
		l := llm.Look{Channel: ch, Text: text, From: from, Final: final}
		rule, err := r.Scan(context.Background(), l)
		if err != nil {
			t.Fatal(err)
		}
		if rule.Safe < from || rule.Safe > len(text) || final && rule.Safe != len(text) {
			t.Fatalf("ruled %d of %d after %d", rule.Safe, len(text), from)
		}
		at := from
		for _, c := range rule.Changes {
			if c.Start < at || c.End > rule.Safe {
				t.Fatalf("change %+v outside of [%d,%d)", c, at, rule.Safe)
			}
			out.WriteString(text[at:c.Start])
			out.WriteString(c.New)
			at = c.End
		}
		out.WriteString(text[at:rule.Safe])
		from = rule.Safe
	}
	for _, p := range pieces {
		text += p
		look(false)
	}
	look(true)
	return out.String()
}

func TestStable(t *testing.T) {
	a, b, other := cover("one"), cover("one"), cover("two")
	p := a.Hide("pii.email", "anna@example.org", Placeholder, false)
	if !strings.HasPrefix(p, "[EMAIL_") || len(p) != len("[EMAIL_]")+tagLength {
		t.Fatal(p)
	}
	if q := b.Hide("pii.email", "anna@example.org", Placeholder, false); q != p {
		t.Errorf("another turn: %s and %s", p, q)
	}
	if q := other.Hide("pii.email", "anna@example.org", Placeholder, false); q == p {
		t.Error("two conversations share a placeholder")
	}
	if p, q := other.Hide("pii.email", "b@example.org", Placeholder, true), a.Hide("pii.email", "b@example.org", Placeholder, true); p != q {
		t.Error("what instructions hold differs between conversations")
	}
	if q := a.Hide("pii.email", "ann@example.org", Placeholder, false); q == p {
		t.Error("two values share a placeholder")
	}
	if q := a.Hide("pii.phone", "anna@example.org", Placeholder, false); !strings.HasPrefix(q, "[PHONE_") || q[7:] == p[7:] {
		t.Error("the kind is not part of the placeholder", q)
	}
	if q := a.Hide("secret.aws-key", "x1", Placeholder, false); !strings.HasPrefix(q, "[SECRET:AWS-KEY_") {
		t.Error(q)
	}
	if Key([]byte("m"), "ab", "c") == nil || string(Key([]byte("m"), "ab", "c")) == string(Key([]byte("m"), "a", "bc")) {
		t.Error("parts of a key run into each other")
	}
}

func TestRedaction(t *testing.T) {
	c := cover("")
	if p := c.Hide("pii.email", "anna@example.org", Redaction, false); p != "[EMAIL]" {
		t.Error(p)
	}
	r := c.Restorer(all)
	if got := restore(t, r, llm.Channel{}, []string{"to [EMAIL] now"}); got != "to [EMAIL] now" || c.Count.Restored != 0 {
		t.Error(got, c.Count)
	}
}

// values are of every kind and of shapes that are hard to put back.
var values = []struct{ kind, text string }{
	{"pii.email", "anna.keller@example.org"}, {"pii.email", "anna.keller@example.com"}, {"pii.person", "Anna Keller"}, {"pii.person", "Ōe \"Ken\" O'Brien"},
	{"pii.person", "王小明"}, {"pii.phone", "+49 151 2345678"}, {"pii.phone", "(0221) 555-0199"}, {"pii.credit_card", "4111 1111 1111 1111"},
	{"pii.iban", "DE89 3704 0044 0532 0130 00"}, {"pii.date_of_birth", "14.03.1971"}, {"pii.date_of_birth", "3 March 1990"}, {"pii.address", "12 Main Street\nSpringfield"},
	{"pii.national_id", "078-05-1120"}, {"pii.ip_address", "10.1.2.3"}, {"pii.ip_address", "fe80::1"}, {"pii.url", "https://example.org/u/anna"}, {"pii.organization", "Müller GmbH"},
	{"pii.location", "Köln"}, {"secret.password", `a\b"c` + "\t"}, {"ticket", "TCK-123456"}, {"pii.passport", "C01X00T47"}, {"pii.health", "A123456789"},
}

// TestEveryCut holds that values come back whatever the text is cut into, in every form, and
// that no value is in the masked text.
func TestEveryCut(t *testing.T) {
	for _, form := range []Form{Placeholder, Fake, Shaped} {
		c := cover("c")
		var plain, masked strings.Builder
		for i, v := range values {
			p := c.Hide(v.kind, v.text, form, i%2 == 0)
			fmt.Fprintf(&plain, "%d: %s, and (%s). ", i, v.text, v.text)
			fmt.Fprintf(&masked, "%d: %s, and (%s). ", i, p, p)
			if strings.Contains(masked.String(), v.text) {
				t.Errorf("%s: %q is in %q", form, v.text, p)
			}
		}
		m := masked.String()
		want := plain.String()
		for cut := range len(m) + 1 {
			r := c.Restorer(all)
			if got := restore(t, r, llm.Channel{Item: cut}, []string{m[:cut], m[cut:]}); got != want {
				t.Fatalf("%s, cut at %d (%q):\n%s\n%s", form, cut, m[max(0, cut-8):cut], got, want)
			}
		}
		var bytes []string
		for i := range m {
			bytes = append(bytes, m[i:i+1])
		}
		c.Count = Count{}
		if got := restore(t, c.Restorer(all), llm.Channel{}, bytes); got != want || c.Count.Restored != 2*len(values) {
			t.Errorf("%s, byte by byte: %+v\n%s", form, c.Count, got)
		}
	}
}

// TestDelaysNothing holds that text leaves at once unless a placeholder may have begun.
func TestDelaysNothing(t *testing.T) {
	c := cover("c")
	p := c.Hide("pii.email", "anna@example.org", Placeholder, false)
	r := c.Restorer(all)
	for text, safe := range map[string]int{
		"Hello there": 11, "Hello [": 6, "Hello [EMA": 6, "Hello [EMAIL_": 6, "Hello [EMAIL_qqqqq": 6, "a [link](x) b": 13, "list[0]": 7, "list[i": 6, "[x": 2, "[NOTE] ok": 9,
		p[:len(p)-1]: 0, p: len(p), "see [EMAIL_" + strings.Repeat("q", 80): 91,
	} {
		rule, err := r.Scan(context.Background(), llm.Look{Channel: llm.Channel{Item: len(text)}, Text: text})
		if err != nil || rule.Safe != safe {
			t.Errorf("%q: %d of %d may leave, not %d", text, rule.Safe, len(text), safe)
		}
	}
}

// TestStay holds that what is not exactly a placeholder of this exchange stays, and is
// counted.
func TestStay(t *testing.T) {
	for name, one := range map[string]struct {
		text func(p, tag string) string
		want Count
	}{
		"unknown":    {func(p, _ string) string { return "[EMAIL_zzzzzz] and [CREDIT_CARD_abcdef]" }, Count{Unknown: 2}},
		"upper case": {func(p, _ string) string { return strings.ToUpper(p) }, Count{Altered: 1}},
		"no bracket": {func(p, _ string) string { return strings.Trim(p, "[]") + " x" }, Count{Altered: 1}},
		"broken":     {func(p, tag string) string { return "[EMAIL " + tag + "]" }, Count{Altered: 1}},
		"translated": {func(p, tag string) string { return "[CORREO_" + tag + "]" }, Count{Unknown: 1}},
		"plain":      {func(_, _ string) string { return "[CREDIT_CARD] [x_y] [a] [] [[ [NOT_A_PLACEHOLDER] [1]" }, Count{}},
		"exact":      {func(p, _ string) string { return p }, Count{Restored: 1}},
	} {
		c := cover("c")
		p := c.Hide("pii.email", "anna@example.org", Placeholder, false)
		tag := p[7 : len(p)-1]
		c.Count = Count{}
		text := one.text(p, tag)
		got := restore(t, c.Restorer(all), llm.Channel{}, strings.SplitAfter(text, ""))
		if one.want.Restored == 0 && got != text || c.Count != one.want {
			t.Errorf("%s: %q became %q, %+v", name, text, got, c.Count)
		}
	}
}

func TestWithheld(t *testing.T) {
	c := cover("c")
	mail, phone := c.Hide("pii.email", "anna@example.org", Placeholder, false), c.Hide("pii.phone", "+1 555 0100", Fake, false)
	c.Count = Count{}
	r := c.Restorer(func(kind string) bool { return kind == "pii.phone" })
	if got := restore(t, r, llm.Channel{}, []string{mail + " " + phone}); got != mail+" +1 555 0100" || c.Count != (Count{Restored: 1, Withheld: 1}) {
		t.Error(got, c.Count)
	}
	rule, err := r.Scan(context.Background(), llm.Look{Text: phone, Final: true, Sealed: true})
	if err != nil || len(rule.Changes) != 0 {
		t.Error("a signed text was changed")
	}
}

// TestJSON holds that values put into JSON that a model wrote as text keep it JSON.
func TestJSON(t *testing.T) {
	c := cover("c")
	p := c.Hide("pii.address", "12 \"Main\" Street\nSpringfield\\", Placeholder, false)
	for text, want := range map[string]string{
		`{"a": "` + p + `"}`:            `{"a": "12 \"Main\" Street\nSpringfield\\"}`,
		`{"a": "say \"` + p + `\" now"`: `{"a": "say \"12 \"Main\" Street\nSpringfield\\\" now"`,
		"It is " + p + ".":              "It is 12 \"Main\" Street\nSpringfield\\.",
		"\"open\nIt is " + p:            "\"open\nIt is 12 \"Main\" Street\nSpringfield\\",
	} {
		for cut := range len(text) {
			if got := restore(t, c.Restorer(all), llm.Channel{}, []string{text[:cut], text[cut:]}); got != want {
				t.Fatalf("cut at %d: %s, want %s", cut, got, want)
			}
		}
	}
	// Arguments are escaped by their own map.
	rule, err := c.Restorer(all).Scan(context.Background(), llm.Look{Channel: llm.Channel{Kind: llm.KindArgs}, Text: `{"a":"` + p + `"}`, Final: true})
	if err != nil || len(rule.Changes) != 1 || strings.Contains(rule.Changes[0].New, `\"`) {
		t.Errorf("%+v, %v", rule, err)
	}
}

func TestStands(t *testing.T) {
	c := cover("c")
	p, q := c.Hide("pii.email", "anna@example.org", Placeholder, false), c.Hide("pii.phone", "+49 151 2345678", Fake, false)
	r := c.Restorer(all)
	text := "write to " + p + " or " + q + " today"
	for part, want := range map[string]bool{p: true, p[1:6]: true, q: true, q[4:]: true, "or " + q[:3]: true, "write": false, " or ": false, "today": false} {
		at := strings.Index(text, part)
		if got := r.Stands(text, at, at+len(part)); got != want {
			t.Errorf("%q: %v", part, got)
		}
	}
}

// TestFewFakes: where a kind has few fakes, no two values share one, and all come back.
func TestFewFakes(t *testing.T) {
	c := cover("c")
	seen := map[string]bool{}
	var plain, masked strings.Builder
	for i := range 300 {
		v := fmt.Sprintf("10.1.%d.%d", i/200, i%200)
		p := c.Hide("pii.ip_address", v, Fake, false)
		if seen[p] {
			t.Fatalf("%s stands for two addresses", p)
		}
		seen[p] = true
		fmt.Fprintf(&plain, "%s, ", v)
		fmt.Fprintf(&masked, "%s, ", p)
	}
	if got := restore(t, c.Restorer(all), llm.Channel{}, []string{masked.String()}); got != plain.String() {
		t.Error("not all came back")
	}
}

// TestNotIntoLinks holds that nothing is put back into what a reader's program would follow or
// load, and nothing that would be such a thing itself, wherever the text is cut.
func TestNotIntoLinks(t *testing.T) {
	c := cover("c")
	url, mail := c.Hide("pii.url", "https://evil.example/p.png?u=anna", Placeholder, false), c.Hide("pii.email", "anna@example.org", Placeholder, false)
	img := c.Hide("ticket", "TICKET![x](https://evil.example/d)", Placeholder, false)
	tag := c.Hide("ticket", "TICKET<img/src=https://evil.example>", Placeholder, false)
	for text, put := range map[string]bool{
		"see " + url + " there": true, "mail " + mail + ".": true, "(" + mail + ")": true, "a [link](https://x.org) and " + mail: true, "<b>x</b> " + mail: true, "1 < 2, " + mail: true,
		"![x](" + url + ")": false, "![x]( " + url + " )": false, "[x]: " + url: false, "[x]:\n" + url: false, "<img src=" + url + ">": false, "<img\nsrc = '" + mail + "'>": false,
		"https://evil.example/?d=" + mail: false, "\"![x](" + mail + ")": false, "![x](https://e.example/a b " + mail + ")": false,
		"see " + img: false, "see " + tag: false,
	} {
		text = strings.ReplaceAll(text, `\n`, "\n")
		for cut := range len(text) + 1 {
			c.Count = Count{}
			got := restore(t, c.Restorer(all), llm.Channel{Item: cut}, []string{text[:cut], text[cut:]})
			if (got != text) != put || put != (c.Count.Restored == 1) || put == (c.Count.Withheld == 1) {
				t.Fatalf("%q cut at %d became %q, %+v", text, cut, got, c.Count)
			}
		}
	}
	rule, err := c.Restorer(all).Scan(context.Background(), llm.Look{Channel: llm.Channel{Kind: llm.KindArgs}, Text: `{"url":"https://x.org/?u=` + mail + `"}`, Final: true})
	if err != nil || len(rule.Changes) != 1 {
		t.Errorf("%+v, %v", rule, err)
	}
}

// TestAlso holds that a value of several kinds is put back only for who may see all of them.
func TestAlso(t *testing.T) {
	c := cover("c")
	p := c.Hide("pii.url", "https://x.org/?q=anna@example.org", Placeholder, false)
	c.Also("pii.url", "https://x.org/?q=anna@example.org", []string{"pii.email"})
	if got := restore(t, c.Restorer(func(kind string) bool { return kind != "pii.email" }), llm.Channel{}, []string{p}); got != p {
		t.Error(got)
	}
	if got := restore(t, c.Restorer(all), llm.Channel{}, []string{p}); got == p {
		t.Error("it was not put back")
	}
}

func TestFakes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		c := cover(fmt.Sprint(i))
		card := c.Hide("pii.credit_card", "4111-1111-1111-1111", Fake, false)
		if sum := luhn(card); !strings.HasPrefix(card, "4000-00") || sum%10 != 0 {
			t.Fatalf("card %s, sum %d", card, sum)
		}
		iban := c.Hide("pii.iban", "DE89 3704 0044 0532 0130 00", Fake, false)
		if len(iban) != 27 || !strings.HasPrefix(iban, "DE") || mod97(iban) != 1 {
			t.Fatal(iban)
		}
		if gb := c.Hide("pii.iban", "GB82WEST12345698765432", Fake, false); mod97(gb) != 1 || len(gb) != 22 {
			t.Fatal(gb)
		}
		var d, m, y int
		if n, err := fmt.Sscanf(c.Hide("pii.date_of_birth", "14.03.1971", Fake, false), "%d.%d.%d", &d, &m, &y); n != 3 || err != nil || d < 1 || d > 28 || m < 1 || m > 12 || y < 1935 || y > 1999 {
			t.Fatal(d, m, y, err)
		}
		phone := fmt.Sprintf("+49 %d %d", 100+rng.IntN(900), rng.IntN(1e7))
		if p := c.Hide("pii.phone", phone, Fake, false); len(p) != len(phone) || !strings.HasPrefix(p, "+49 ") {
			t.Fatal(p, phone)
		}
	}
	c := cover("")
	for kind, want := range map[string]string{"pii.person": "[PERSON_", "pii.phone": "[PHONE_", "pii.health": "[HEALTH_"} {
		if p := c.Hide(kind, "山田太郎", Fake, false); !strings.HasPrefix(p, want) {
			t.Errorf("%s became %s", kind, p)
		}
	}
	// A fake that the caller wrote is none.
	busy := New([]byte("k"), []byte("k"), func(s string) bool { return !strings.HasPrefix(s, "[") })
	if p := busy.Hide("pii.phone", "+49 151 2345678", Fake, false); p != "[PHONE]" {
		t.Error(p)
	}
}

func luhn(s string) (sum int) {
	double := false
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' {
			continue
		}
		v := int(s[i] - '0')
		if double {
			v = v*2 - v/5*9
		}
		sum, double = sum+v, !double
	}
	return sum
}

func mod97(s string) (rest int) {
	s = strings.ReplaceAll(s, " ", "")
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest
}

func TestSweep(t *testing.T) {
	c := cover("c")
	passages := []llm.Passage{{Text: "Anna Keller wrote. Ann did not."}, {Text: "Dear Anna Keller, Anna Kellerman, annex, Anna Keller"}, {Text: "王小明说王小明"}, {Text: "no Al"}}
	places := []Place{{Passage: 0, Start: 0, End: 11, Kind: "pii.person"}, {Passage: 0, Start: 19, End: 22, Kind: "pii.person"}, {Passage: 2, Start: 0, End: 9, Kind: "pii.person"}, {Passage: 3, Start: 3, End: 5, Kind: "pii.person"}}
	var got []string
	for _, p := range c.Sweep(passages, places) {
		got = append(got, fmt.Sprint(p.Passage, p.Start, " ", passages[p.Passage].Text[p.Start:p.End]))
	}
	if want := "[1 5 Anna Keller 1 41 Anna Keller 2 12 王小明]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	// A longer value that is only the beginning of a word hides no shorter one.
	met := []llm.Passage{{Text: "Anna Lee, Anna"}, {Text: "met Anna Leeds and Anna"}}
	if n := len(c.Sweep(met, []Place{{Passage: 0, Start: 0, End: 8, Kind: "pii.person"}, {Passage: 0, Start: 10, End: 14, Kind: "pii.person"}})); n != 2 {
		t.Errorf("%d places of two", n)
	}
	// What repeats itself costs no more than its length.
	long := strings.Repeat("a ", 100) + "b"
	if n := len(c.Sweep([]llm.Passage{{Text: long}, {Text: strings.Repeat("a ", 200_000) + long}, {Text: strings.Repeat("1", 400_000)}}, []Place{{Passage: 0, Start: 0, End: len(long), Kind: "x"}})); n != 1 {
		t.Errorf("%d places of one", n)
	}
	if c.Sweep(passages, nil) != nil {
		t.Error("nothing was found again")
	}
}

func TestSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	word := func() string {
		b := make([]byte, 1+rng.IntN(5))
		for i := range b {
			b[i] = "abc"[rng.IntN(3)]
		}
		return string(b)
	}
	for range 300 {
		var texts []string
		for range 1 + rng.IntN(20) {
			texts = append(texts, word())
		}
		s := newSet(append([]string(nil), texts...))
		for range 50 {
			in := word() + word()
			want, open := 0, false
			for _, x := range texts {
				if strings.HasPrefix(in, x) {
					want = max(want, len(x))
				}
				open = open || len(x) > len(in) && strings.HasPrefix(x, in)
			}
			if n, o := s.longest(in); n != want || o != open {
				t.Fatalf("%q in %q: %d %v, want %d %v", in, texts, n, o, want, open)
			}
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add("{\"a\": \"{\\\"b\\\": \\\"X\\\"}\", \"c\": [X, 5\" X]}", 9)
	f.Add("to [EMAIL_k3f9qz], or +49 151 1234567 \"x\\", 7)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		c := cover("c")
		for _, v := range values[:8] {
			c.Hide(v.kind, v.text, []Form{Placeholder, Fake}[len(v.text)%2], false)
		}
		for p := range c.stands {
			s = strings.Replace(s, "X", p, 1)
		}
		// Frames hold whole characters.
		s = strings.ToValidUTF8(s, "?")
		for cut = max(0, min(len(s), cut)); cut < len(s) && !utf8.RuneStart(s[cut]); cut++ {
		}
		c.Count = Count{}
		whole := restore(t, c.Restorer(all), llm.Channel{}, []string{s})
		once := c.Count
		c.Count = Count{}
		if got := restore(t, c.Restorer(all), llm.Channel{}, []string{s[:cut], s[cut:]}); got != whole || c.Count != once {
			t.Fatalf("cut at %d: %q and %q, %+v and %+v", cut, whole, got, once, c.Count)
		}
	})
}
