package entity

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
)

// inside are values by the kind that must be found when base64 holds them.
var inside = map[string]string{
	"email":         "mail anna.berg@example.org now",
	"phone":         `{"tel":"+49 30 5550123"}`,
	"credit_card":   "card 4509 4820 1947 3717 ok",
	"iban":          "IBAN DE41500105170123456789",
	"national_id":   "SSN 536-90-4399, please",
	"date_of_birth": "geboren am 3. Mai 1990 in Ä",
	"person":        "Please write to Maria Keller about the invoice.",
	"address":       "Sie wohnt in der Gartenstraße 12, 50674 Köln.",
}

// wrapped breaks a text into lines, as mail does.
func wrapped(s, sep string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + sep)
		s = s[76:]
	}
	return b.String() + s
}

// TestEncoded: what lies in base64 is found as what it is, and is the whole run, in either
// alphabet, at any place, padded or not, in lines or not.
func TestEncoded(t *testing.T) {
	detectors, n := Detectors(), 0
	for kind, text := range inside {
		for pad := range 4 {
			plain := strings.Repeat("x", pad) + " " + text + strings.Repeat(" and so on", 12*(pad%2))
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				run := enc.EncodeToString([]byte(plain))
				for _, shown := range []string{run, wrapped(run, "\n"), wrapped(run, "\r\n")} {
					for _, around := range [][2]string{{"", ""}, {"see ", " there"}, {"Authorization: Basic ", "\n"}, {`{"data":"`, `"}`}, {"a=", "&b=1"}, {"日本語", "、"}, {"é\u00a0", "."}} {
						whole := around[0] + shown + around[1]
						passages := []llm.Passage{{Text: whole}}
						found, left, err := detectors[0].LookOn(context.Background(), passages, nil)
						more, _, err2 := detectors[1].LookOn(context.Background(), passages, left)
						if err != nil || err2 != nil {
							t.Fatal(err, err2)
						}
						ok := false
						for _, f := range append(found, more...) {
							ok = ok || string(f.Category) == "pii."+kind && whole[f.Start:f.End] == shown && f.Confidence >= likely
						}
						if n++; !ok {
							t.Fatalf("%s in %q (%q): %v %v", kind, whole, plain, found, more)
						}
					}
				}
			}
		}
	}
	t.Logf("%d texts", n)
}

// TestNotEncoded: digests, keys, pictures, tokens, paths and words are no texts, and what is
// encoded twice is not read.
func TestNotEncoded(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	bytes := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	l := look{kinds: kinds()}
	l.shapes = shapes(l.kinds)
	for range 3000 {
		for _, s := range []string{hex.EncodeToString(bytes(32)), base64.StdEncoding.EncodeToString(bytes(18 + rng.IntN(300))), "/usr/local/lib/python3/dist-packages/numpy/core", "aVeryLongIdentifierThatSomebodyWrote" + hex.EncodeToString(bytes(4)),
			strings.Repeat("A", 24+rng.IntN(9)), "anticonstitutionnellement-et-plus_encore"} {
			if got := l.inners(newPage(s)); len(got) != 0 {
				t.Fatalf("%q is %q", s, got[0].t)
			}
		}
	}
	mail := "mail anna.berg@example.org now"
	once := base64.StdEncoding.EncodeToString([]byte(mail))
	for _, text := range []string{base64.StdEncoding.EncodeToString([]byte(once)), once[:20], base64.StdEncoding.EncodeToString([]byte("\x00" + mail)), base64.StdEncoding.EncodeToString([]byte("nothing of anybody is in here")),
		base64.StdEncoding.EncodeToString([]byte(strings.Repeat("filler ", maxDecoded/7+1) + mail))} {
		if got := reported(t, shaped(), text); got != "" {
			t.Errorf("%.40q: %s", text, got)
		}
	}
	for _, token := range []string{`{"alg":"HS256","typ":"JWT"}`, `{"typ":"JWT","alg":"HS256"}`, `{"sub":"nQBqdpJC","iat":1786485915,"role":"admin"}`} {
		for _, d := range both() {
			if got := reported(t, d, base64.RawURLEncoding.EncodeToString([]byte(token))); got != "" {
				t.Errorf("%s: %s", token, got)
			}
		}
	}
	if got := reported(t, shaped(), strings.Repeat(once+" ", 3*maxRuns)); strings.Count(got, "email:") != maxRuns {
		t.Errorf("%d runs are read", strings.Count(got, "email:"))
	}
}

// TestEncodedIsLinear: base64 without end costs what it is long.
func TestEncodedIsLinear(t *testing.T) {
	l := look{kinds: kinds()}
	l.shapes = shapes(l.kinds)
	line := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("words of nobody ", 4)))[:76] + "\n"
	for _, unit := range []string{"A", "QUJD", line, "QUJDQUJDQUJDQUJDQUJDQUJDQUJD ", "QUJDQUJDQUJDQUJDQUJDQUJD=", "A\n", strings.Repeat("a", 23) + " "} {
		p := &page{t: strings.Repeat(unit, (1<<20)/len(unit))}
		began := time.Now()
		l.inners(p)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%q: %s for a megabyte", unit, took)
		}
	}
}
