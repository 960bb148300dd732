package gateway

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestVeiledValues: values in base64 and addresses with blanks around their signs do not leave,
// and come back to the caller as they were written.
func TestVeiledValues(t *testing.T) {
	run := base64.StdEncoding.EncodeToString([]byte("login: anna.keller@example.org, card 4012 8888 8888 1881"))
	for value, kind := range map[string]string{
		run:                                  "[EMAIL_",
		"anna.keller @ example . org":        "[EMAIL_",
		"anna.keller (at) example (dot) org": "[EMAIL_",
		"anna.keller @ example.org":          "[EMAIL_",
	} {
		for _, as := range []string{"", "fake", "redact"} {
			h := newHouse(t, houseConfig{policy: hiding(as), detectors: everything()})
			echo(h)
			text := "Please keep <" + value + "> for me."
			got := h.chat(user(text, false))
			up := string(h.up.received()[0])
			if strings.Contains(up, value) || strings.Contains(up, "keller") || strings.Contains(up, run[:12]) || strings.Contains(up, run[len(run)-12:]) || as == "" && !strings.Contains(up, kind) {
				t.Errorf("%s, %q: the upstream got %s", value, as, up)
			}
			if as != "redact" && !slices.Contains(slices.Collect(maps.Values(heard(t, got))), text) {
				t.Errorf("%s, %q: the caller reads %q", value, as, heard(t, got))
			}
		}
	}
}

// TestNestedArguments: a value that comes back into JSON which lies in a string of a tool's
// arguments is escaped once for each string, in every dialect, streamed or not.
func TestNestedArguments(t *testing.T) {
	const firm = `Acme "Works" GmbH`
	h := newHouse(t, houseConfig{policy: hiding("")})
	for _, kind := range []string{"tool", "Messages", "schema"} {
		for _, stream := range []bool{false, true} {
			for seed := range uint64(8) {
				path := "/v1/chat/completions"
				if kind == "Messages" {
					path = "/v1/messages"
				}
				h.up.does(func(w http.ResponseWriter, _ *http.Request, b []byte) {
					p := stood.FindString(string(b))
					speak(w, kind, stream, `{"body":`+quoted(`{"firm":`+quoted(p)+`,"deep":`+quoted(`{"x":["`+p+`"]}`)+`}`)+`,"note":`+quoted("a 5\" pipe for "+p)+`}`, rand.New(rand.NewPCG(seed, 1)))
				})
				got := h.post(path, `{"model":"fast","max_tokens":99,"stream":`+fmt.Sprint(stream)+`,"messages":[{"role":"user","content":`+quoted("write to "+firm)+`}]}`)
				want := `{"body":` + quoted(`{"firm":`+quoted(firm)+`,"deep":`+quoted(`{"x":[`+quoted(firm)+`]}`)+`}`) + `,"note":` + quoted(`a 5" pipe for `+firm) + `}`
				if said := slices.Collect(maps.Values(heard(t, got))); !slices.ContainsFunc(said, func(s string) bool { return sameJSON(s, want) }) {
					t.Fatalf("%s, stream=%v: the caller reads %q, not %s", kind, stream, said, want)
				}
			}
		}
	}
}
