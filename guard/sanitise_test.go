package guard_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
)

// cleaned is what leaves of an answer, or of what goes to a model.
func cleaned(t *testing.T, dir guard.Direction, text string) string {
	t.Helper()
	c := compile(t, guard.Policy{Secrets: guard.Secrets{Input: "flag", Output: "flag"}})
	origin := llm.OriginModel
	if dir == guard.Input {
		origin = llm.OriginTool
	}
	j := c.Judge(context.Background(), dir, []llm.Passage{{Origin: origin, Text: text, Whole: true}})
	out, at := "", 0
	for _, ch := range j.Changes {
		out += text[at:ch.Start] + ch.New
		at = ch.End
	}
	return out + text[at:]
}

func TestEscapesLeave(t *testing.T) {
	for _, c := range [][2]string{
		{"\x1b[31mred\x1b[0m", "red"},
		{"\u009b1;31mred\u009b0m", "red"},
		{"\x1b]8;;https://evil.invalid\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\x1b]52;c;cm0gLXJmIC8=\x07text", "text"},
		{"\u009d52;c;cm0gLXJmIC8=\u009ctext", "text"},
		{"\x1bP1$r0m\x1b\\text", "text"},
		{"\x1b^private\x1b\\\x1b_program\x1b\\\x1bXstring\x1b\\text", "text"},
		{"\x1b(B\x1b#8\x1bc\x1b7text\x1b8", "text"},
		{"a\x1b[2K\x1b[1A\x1b[?25lb", "ab"},
		{"rm -rf /\b\b\b\b\b\b\b\bls", "rm -rf /ls"},
		{"bell\x07 and del\x7f", "bell and del"},
		{"\x1b]0;a title that never ends", "0;a title that never ends"},
		{"\x1b]" + strings.Repeat("x", 3000) + "\x07 end", strings.Repeat("x", 3000) + " end"},
		{"\x1b[31", "31"},
		{"\x1b[3\x01m", "3\x01m"},
		{"end\x1b", "end"},
		{"\x1bA letter behind it", "A letter behind it"},
		{"a\u0085b \u00a0c\u00abd\u00bb", "a\u0085b \u00a0c\u00abd\u00bb"},
		{"\u00e2\u0080\u009dsaid\u00e2\u0080\u009cso", "\u00e2said\u00e2so"},
		{"tabs\tand\r\nlines\n", "tabs\tand\r\nlines\n"},
	} {
		for _, dir := range []guard.Direction{guard.Input, guard.Output} {
			if got := cleaned(t, dir, c[0]); got != c[1] {
				t.Errorf("%s %q: %q, want %q", dir, c[0], got, c[1])
			}
		}
	}
}

func TestLinksAreDisarmed(t *testing.T) {
	for _, c := range [][2]string{
		// Images from elsewhere become links; those of the document stay.
		{"![a](https://evil.invalid/x.png)", "[a](https://evil.invalid/x.png)"},
		{"![a [b] c](https://evil.invalid/x)", "[a [b] c](https://evil.invalid/x)"},
		{"![a](<https://evil.invalid/x>)", "[a](<https://evil.invalid/x>)"},
		{"![a](&#104;ttps://evil.invalid/x)", "[a](&#104;ttps://evil.invalid/x)"},
		{"![a](//evil.invalid/x)", "[a](//evil.invalid/x)"},
		{"![a](/\\evil.invalid/x)", "![a](/\\evil.invalid/x)"},
		{"![a](images/a.png) ![b](#part) ![c](./c.svg)", "![a](images/a.png) ![b](#part) ![c](./c.svg)"},
		// By reference, whether the address comes before or after.
		{"![a][r]\n\n[r]: https://evil.invalid/x", "[a][r]\n\n[r]: https://evil.invalid/x"},
		{"![r]\n\n[r]: https://evil.invalid/x", "![r]\n\n[r] : https://evil.invalid/x"},
		{"[R]: https://evil.invalid/x\n\n![r]", "[R]: https://evil.invalid/x\n\n[r]"},
		{"Great![1] And more.\n\n[2]: https://docs.invalid/x", "Great![1] And more.\n\n[2]: https://docs.invalid/x"},
		// Elements and attributes that load.
		{"a <IMG src=x onerror=alert(1)>", "a &lt;IMG src=x offerror=alert(1)>"},
		{"<picture><source srcset='https://evil.invalid/x'></picture>", "&lt;picture>&lt;source blocked='https://evil.invalid/x'></picture>"},
		{`<td background="https://evil.invalid/x">`, `<td blocked="https://evil.invalid/x">`},
		{`<p style="color:red">a</p><p style="background: URL(//evil.invalid/x)">b</p>`, `<p style="color:red">a</p><p blocked="background: URL(//evil.invalid/x)">b</p>`},
		{`<meta http-equiv=refresh content="0;url=https://evil.invalid"><link rel=stylesheet href=//evil.invalid>`, `&lt;meta http-equiv=refresh content="0;url=https://evil.invalid">&lt;link rel=stylesheet href=//evil.invalid>`},
		{"<b onclick = 'go()'>x</b>", "<b offclick = 'go()'>x</b>"},
		// What is not seen does not hide them.
		{"a <i\x1b[0mmg src=x>", "a &lt;img src=x>"},
		{"a !\x1b[0m[b c](https://evil.invalid/x)", "a [b c](https://evil.invalid/x)"},
		{"[x](java\u200b\u200b\u200bscript:alert(1))", "[x](blocked:alert(1))"},
		// Schemes that run code, however they are written.
		{"[x](javascript:alert(1))", "[x](blocked:alert(1))"},
		{"[x](JaVa\tScript:alert(1))", "[x](blocked:alert(1))"},
		{"[x](&#x6A;avascript&colon;alert(1))", "[x](blocked:alert(1))"},
		{"<a href=\"\x01 javascript:alert(1)\">x</a>", "<a href=\"\x01 blocked:alert(1)\">x</a>"},
		{"[x](data:text/html;base64,PGI+)", "[x](blocked:text/html;base64,PGI+)"},
		{"[r]: vbscript:msgbox(1)", "[r]: blocked:msgbox(1)"},
		{"<javascript:alert(1)>", "<blocked:alert(1)>"},
		{"JavaScript: The Good Parts, data: 5 rows (javascript: a language)", "JavaScript: The Good Parts, data: 5 rows (javascript: a language)"},
		// Addresses that pretend to be others.
		{"[https://bank.example](https://evil.invalid/a)", "[https://bank.example (\u2192 evil.invalid)](https://evil.invalid/a)"},
		{"[www.bank.example/login](https://bank.example.evil.invalid)", "[www.bank.example/login (\u2192 bank.example.evil.invalid)](https://bank.example.evil.invalid)"},
		{"<a href='https://evil.invalid'><b>bank.com</b></a>", "<a href='https://evil.invalid'><b>bank.com</b> (\u2192 evil.invalid)</a>"},
		{"[help@bank.com](mailto:help@evil.invalid)", "[help@bank.com (\u2192 evil.invalid)](mailto:help@evil.invalid)"},
		{"Go to https://bank.example@evil.invalid/x now", "Go to https://evil.invalid/x now"},
		{"Go to https://p\u0430ypal.com/x now", "Go to https://xn--pypal-4ve.com/x now"},
		{"[https://bank.example](https://www.bank.example/a) [a.com](https://docs.a.com) [README.md](https://host.invalid/README.md)", "[https://bank.example](https://www.bank.example/a) [a.com](https://docs.a.com) [README.md](https://host.invalid/README.md)"},
		{"[mail](mailto:a@b.example) me@b.example https://m\u00fcller.de https://\u043f\u043e\u0447\u0442\u0430.\u0440\u0444 https://user:pw@host/x", "[mail](mailto:a@b.example) me@b.example https://m\u00fcller.de https://\u043f\u043e\u0447\u0442\u0430.\u0440\u0444 https://user:pw@host/x"},
		// Code is shown, not rendered.
		{"`![a](https://b.invalid)` and ``a ` ![a](https://b.invalid)``", "`![a](https://b.invalid)` and ``a ` ![a](https://b.invalid)``"},
		{"```\n![a](https://b.invalid)\n```\n![a](https://b.invalid)", "```\n![a](https://b.invalid)\n```\n[a](https://b.invalid)"},
		{"~~~md\n```\n<img src=x>\n~~~\n<img src=x>", "~~~md\n```\n<img src=x>\n~~~\n&lt;img src=x>"},
		{"````\n```\n<img src=x>\n```\n````\n", "````\n```\n<img src=x>\n```\n````\n"},
		{"A lone ` mark ![a](https://b.invalid)", "A lone ` mark [a](https://b.invalid)"},
		{"not a block ``` ![a](https://b.invalid)", "not a block ``` [a](https://b.invalid)"},
	} {
		if got := cleaned(t, guard.Output, c[0]); got != c[1] {
			t.Errorf("%q:\n got %q\nwant %q", c[0], got, c[1])
		}
	}
}

// TestOrdinaryMarkdownStays holds that what people write every day is left alone.
func TestOrdinaryMarkdownStays(t *testing.T) {
	for _, text := range []string{
		"# Title\n\nSee [the docs](https://docs.example.org/a?b=c#d), [part two](#two) and <https://example.org>.\n",
		"| a | b |\n| --- | --- |\n| `x[0]` | y < 3 && z > 4 |\n",
		"> [!NOTE]\n> Read this first[^1].\n\n[^1]: A note with a colon: yes.\n",
		"- [ ] open\n- [x] done\n\n[link]: https://example.org/page\n[other]: <https://example.org/b> \"title\"\n",
		"The interval [0, 1) and f(x) = x^2; see [1](https://example.org/1) and [2].",
		"Write to [support](mailto:support@example.org?subject=Help) or call [us](tel:+49301234).",
		"<details><summary>More</summary>\n\n<p align=\"center\" style=\"color: red\">text</p></details>",
		"Clone it: `git clone https://user@git.example.org/a.git`\n\n```sh\ncurl https://example.org | tee a\n```\n",
		"Hello! How are you? Fine! [Next](next.md)",
	} {
		if got := cleaned(t, guard.Output, text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// FuzzSanitise holds that cleaning ends, stays inside the text, and that what was
// cleaned needs no more cleaning of what acts by itself.
func FuzzSanitise(f *testing.F) {
	for _, s := range append(answers, "![", "](", "[a]:", "<a href=", "</a", "&#x6a;", "\x1b]", "\u009b", "https://\u0430", "~~~", "````", "[!](//", "![a]\n[a]:\n//") {
		f.Add(s)
	}
	c := compile(f, guard.Policy{})
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 8000 {
			return
		}
		for _, dir := range []guard.Direction{guard.Input, guard.Output} {
			j := c.Judge(context.Background(), dir, []llm.Passage{{Origin: llm.OriginModel, Text: text, Whole: true}})
			at := 0
			for _, ch := range j.Changes {
				if ch.Start < at || ch.End < ch.Start || ch.End > len(text) {
					t.Fatalf("change [%d,%d) behind %d of %d", ch.Start, ch.End, at, len(text))
				}
				at = ch.End
			}
		}
	})
}
