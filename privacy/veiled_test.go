package privacy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// veils write a text so that it looks as before, or nearly so, and is other bytes.
var veils = map[string]func(string) string{
	"full width": func(s string) string {
		return strings.Map(func(r rune) rune {
			if '!' <= r && r <= '~' {
				return r + 0xFEE0
			}
			return r
		}, s)
	},
	"zero width":   func(s string) string { return between(s, "\u200b") },
	"joiners":      func(s string) string { return between(s, "\u2060") },
	"soft hyphens": func(s string) string { return between(s, "\u00ad") },
	"directions":   func(s string) string { return "\u202a" + between(s, "\u200e") + "\u202c" },
	"tags":         func(s string) string { return strings.ReplaceAll(s, "i", "i\U000E0041") + "\U000E0001" },
	"look-alikes":  strings.NewReplacer("o", "о", "a", "а", "e", "е", "c", "с", "O", "О", "A", "А", "E", "Е", "C", "С").Replace,
	"blanks":       func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") },
}

// between puts something invisible between letters.
func between(s, what string) string {
	var b strings.Builder
	for i, r := range s {
		b.WriteRune(r)
		if next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):]); r > ' ' && next > ' ' && next != utf8.RuneError {
			b.WriteString(what)
		}
	}
	return b.String()
}

// TestVeiledMarkings: a marking is read whatever its letters are written with, at either end of a
// document of any length.
func TestVeiledMarkings(t *testing.T) {
	l := labels(t, nil, map[string]string{"Company Secret": "highly_confidential"})
	long := strings.Repeat(prose, 200)
	for name, veil := range veils {
		for text, want := range map[string]Label{
			"CONFIDENTIAL": Confidential, "Confidential": Confidential, "*** Highly Confidential ***": HighlyConfidential, "Classification: Confidential": Confidential,
			"Einstufung: Streng vertraulich": HighlyConfidential, "Company Secret": HighlyConfidential, "TLP:RED": HighlyConfidential,
			"Acme | Vertraulich | Seite 3": Confidential, "SECRET//NOFORN": HighlyConfidential, "[INTERNAL]": General,
		} {
			for _, doc := range []string{veil(text) + "\n" + prose, prose + "\n" + veil(text), long + veil(text) + "\n", veil(text) + "\n" + long, veil(text + "\n" + prose)} {
				if got, ok := l.Marking(doc); !ok || got != want {
					t.Errorf("%s, %s of %d bytes: %s, %v; want %s", name, text, len(doc), l.Name(got), ok, l.Name(want))
				}
			}
		}
		for _, text := range []string{"The report was marked CONFIDENTIAL.\n", "Please keep this confidential.\n", "- Confidential\n- Secret\n", "Is this public or internal?\n", "Classification: a survey of methods\n", "Geheim ist das nicht.\n"} {
			for _, doc := range []string{veil(text) + prose, prose + "\n" + veil(text), long + veil("CONFIDENTIAL\n") + long} {
				if got, ok := l.Marking(doc); ok {
					t.Errorf("%s, %q is marked %s", name, text, l.Name(got))
				}
			}
		}
	}
}

// TestEvenLines: where both ends that are looked at happen to be of one length, both are.
func TestEvenLines(t *testing.T) {
	l := labels(t, nil, nil)
	for n := 10; n < 90; n++ {
		line := strings.Repeat("w", n-1) + "\n"
		doc := strings.Repeat(line, 3*edge/n+1) + "CONFIDENTIAL\n"
		if got, ok := l.Marking(doc); !ok || got != Confidential {
			t.Errorf("lines of %d bytes: %v, %v", n, got, ok)
		}
	}
}
