package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// wanted finds the words of a test in what an attacker's model is asked.
var wanted = regexp.MustCompile(`(?s)In the words of the test: (.*?)\n\n`)

// judgeWord is the word that a judge's answer must have, and marked a mark as attempts have them.
var (
	judgeWord = regexp.MustCompile(`begin with the word ([0-9a-f]{20}),`)
	marked    = regexp.MustCompile(`[a-z]+-[a-z]+-[0-9a-f]{6}[a-z]`)
)

// advice is what a model on the red team's side says: the words of the test, as its next message.
func advice(prompt string) string {
	text := "Good day."
	if m := wanted.FindStringSubmatch(prompt); m != nil {
		text = m[1]
	}
	if m := judgeWord.FindStringSubmatch(prompt); m != nil {
		return `{"id": "` + m[1] + `", "verdict": "hit", "reply": 1}`
	}
	switch {
	case strings.Contains(prompt, `"on_topic"`):
		return `{"on_topic": true}`
	case strings.Contains(prompt, `"rating"`):
		return `{"rating": 5}`
	}
	said := map[string]string{}
	for _, k := range []string{"improvement", "prompt", "observation", "thought", "strategy", "reply"} {
		if strings.Contains(prompt, `"`+k+`"`) {
			said[k] = text
		}
	}
	b, _ := json.Marshal(said)
	return string(b)
}

// adviser starts a model on the red team's side, which wants a key, and puts its URL into $ADVISER. It
// keeps in a file how often it was asked: adviser FILE.
func adviser(ts *testscript.TestScript, neg bool, args []string) {
	var asked atomic.Int64
	count := ts.MkAbs(args[0])
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v struct {
			Messages []struct{ Content string }
			Seed     *int64
		}
		if strings.HasPrefix(r.URL.Path, "/target/") { // speaks about what it was asked, and for the judge
			b, _ := io.ReadAll(r.Body)
			marks := marked.FindAll(b, -1) // the canary comes before it
			fmt.Fprintf(w, `{"choices":[{"message":{"content":"Somebody wrote a prompt injection here, it is about %s and more. verdict: miss"}}]}`, marks[len(marks)-1])
			return
		}
		if r.Header.Get("Authorization") != "Bearer test-only" || json.NewDecoder(r.Body).Decode(&v) != nil || len(v.Messages) != 1 || v.Seed == nil {
			http.Error(w, "who asks?", http.StatusUnauthorized)
			return
		}
		_ = os.WriteFile(count, fmt.Appendln(nil, asked.Add(1)), 0o600)
		text, _ := json.Marshal(advice(v.Messages[0].Content))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model":"adviser-1","choices":[{"finish_reason":"stop","message":{"content":%s}}],"usage":{"prompt_tokens":40,"completion_tokens":9}}`, text)
	}))
	ts.Defer(s.Close)
	ts.Setenv("ADVISER", s.URL)
}
