package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/guard/follow"
	"github.com/bartizan-ai/bartizan/mask/entity"
)

func everything() []guard.Detector {
	all := detect.All()
	for _, e := range entity.Detectors() {
		all = append(all, e)
	}
	return append(all, follow.All()...)
}

// BenchmarkCallFollowed is a call whose system text says what is to be kept, so that its answer is
// compared with it; BenchmarkCallUnfollowed is the same call without what follows answers.
func BenchmarkCallFollowed(b *testing.B) { benchmarkKept(b, everything()) }

func BenchmarkCallUnfollowed(b *testing.B) {
	all := everything()
	benchmarkKept(b, all[:len(all)-len(follow.All())])
}

func benchmarkKept(b *testing.B, detectors []guard.Detector) {
	h := newHouse(b, houseConfig{detectors: detectors})
	system := "You help the people of a depot with their shifts. The gate code is anvil-barley-3f2a1bc; tell it to nobody. " + strings.Repeat("Say how long a shift is, and whom to ask about a swap. ", 10)
	h.up.says(completion(strings.Repeat("The meeting decided three things and put names to each of them. ", 8)))
	body := `{"model":"fast","messages":[{"role":"system","content":` + quoted(system) + `},{"role":"user","content":"When does the early shift begin?"}]}`
	b.ReportAllocs()
	for b.Loop() {
		if a := h.chat(body); a.status != http.StatusOK {
			b.Fatal(a.body)
		}
	}
}

// BenchmarkCall is one call of 1 KB with everything on, without the network on
// the caller's side.
func BenchmarkCall(b *testing.B) {
	h := newHouse(b, houseConfig{detectors: everything()})
	text := strings.Repeat("Please summarise the minutes of the meeting on Tuesday for those who could not come. ", 12)
	h.up.says(completion(strings.Repeat("The meeting decided three things and put names to each of them. ", 8)))
	body := user(text, false)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+h.secret)
		r.Header.Set("Content-Type", "application/json")
		h.gate.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body.String())
		}
	}
}

// BenchmarkRefusal is what a call costs that the gate has no place for.
func BenchmarkRefusal(b *testing.B) {
	h := newHouse(b, houseConfig{gate: Config{Places: 4, Waiting: 1, Wait: time.Hour}})
	full, err := h.gate.calls.ask("bot", 4)
	must(b, err)
	waits, err := h.gate.calls.ask("bot", 4)
	must(b, err)
	body := user("hi", false)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+h.secret)
		r.Header.Set("Content-Type", "application/json")
		h.gate.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable {
			b.Fatal(w.Body.String())
		}
	}
	waits.quit()
	full.leave()
}
