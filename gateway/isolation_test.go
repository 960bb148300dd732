package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/bartizan-ai/bartizan/record"
)

// canary is a value that belongs to one caller.
var canary = regexp.MustCompile(`canary-(\d+)-(\d+)@example\.org`)

// TestIsolation: ten thousand interleaved calls of four systems of three teams, each with a
// canary of its own. No answer, no call to the provider, no placeholder and no proof of one
// caller ever has what is another's.
func TestIsolation(t *testing.T) {
	const callers, calls = 8, 1250
	others := []record.System{}
	for _, s := range [][2]string{{"red", "a"}, {"green", "b"}, {"blue", "b"}} {
		others = append(others, record.System{Name: s[0], Team: s[1], Environment: "production", Models: []string{"fast"}})
	}
	h := newHouse(t, houseConfig{policy: hiding(""), detectors: everything(), systems: others})
	var mu sync.Mutex
	upstream := 0
	h.up.does(func(w http.ResponseWriter, _ *http.Request, body []byte) {
		var got struct {
			Messages []struct{ Content string }
		}
		if err := json.Unmarshal(body, &got); err != nil || canary.Match(body) {
			t.Errorf("the upstream got %s: %v", body, err)
		}
		if n := len(stood.FindAllString(string(body), -1)); n != 2 {
			t.Errorf("%d placeholders of one call: %s", n, body)
		}
		mu.Lock()
		upstream++
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, completion(got.Messages[0].Content))
	})
	keys := make([]string, callers)
	for i := range keys {
		_, secret, err := h.keys.Create(t.Context(), []string{"bot", "red", "green", "blue"}[i%4], "test")
		must(t, err)
		keys[i] = secret
	}
	var wg sync.WaitGroup
	ids := make([][]string, callers)
	for who := range callers {
		wg.Go(func() {
			for n := range calls {
				text := fmt.Sprintf("write to canary-%d-%d@example.org, and again to canary-%d-%d@example.org", who, n, who, n)
				body := `{"model":"fast","messages":[{"role":"user","content":` + quoted(text) + `}]}`
				req, err := http.NewRequest(http.MethodPost, h.server.URL+"/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+keys[who])
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Bartizan-Conversation", fmt.Sprint("c", n%7)) // the names of conversations are alike
				resp, err := h.server.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				mine := 0
				for _, m := range canary.FindAllStringSubmatch(string(got), -1) {
					if m[1] != fmt.Sprint(who) || m[2] != fmt.Sprint(n) {
						t.Errorf("caller %d in call %d reads %s", who, n, m[0])
					}
					mine++
				}
				if resp.StatusCode != http.StatusOK || mine != 2 {
					t.Errorf("caller %d in call %d: %d %s", who, n, resp.StatusCode, got)
					return
				}
				if n%50 == 0 {
					ids[who] = append(ids[who], resp.Header.Get("Bartizan-Exchange"))
				}
			}
		})
	}
	wg.Wait()
	if upstream != callers*calls {
		t.Errorf("%d calls reached the upstream", upstream)
	}
	h.up.received()
	proofs(t, h, keys, ids)
	if canary.Match(h.logs.Bytes()) {
		t.Error("a canary is in the log of the process")
	}
}

// proofs asks for the proofs of every caller's exchanges with every caller's key.
func proofs(t *testing.T, h *house, keys []string, ids [][]string) {
	t.Helper()
	own, foreign := 0, 0
	for who, list := range ids {
		for i, id := range list {
			for with, key := range keys {
				if i > 2 && with != who {
					continue
				}
				req := h.request(http.MethodGet, "/bartizan/v1/exchanges/"+id+"/receipt", "")
				req.Header.Set("Authorization", "Bearer "+key)
				got := h.do(req)
				if same := with%4 == who%4; same {
					own++
					if got.status != http.StatusOK && !bytes.Contains([]byte(got.body), []byte("not_in_log")) {
						t.Errorf("%d %s", got.status, got.body)
					}
				} else if foreign++; got.status != http.StatusNotFound || strings.Contains(got.body, id) {
					t.Errorf("a key of another system gets %d %s", got.status, got.body)
				}
			}
		}
	}
	if own < 100 || foreign < 100 {
		t.Errorf("%d own and %d foreign proofs", own, foreign)
	}
}
