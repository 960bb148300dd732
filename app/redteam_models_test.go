package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// TestModelTimesOut: an attacker's model that does not answer in its time makes the attempt an error.
func TestModelTimesOut(t *testing.T) {
	late := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-late }))
	defer s.Close()
	defer close(late)
	lib, err := AttackLibrary(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := redteam.Make(redteam.Campaign{Name: "late", Arms: []string{armOn}, Strategies: []string{"pair"}, Seeds: redteam.Selection{IDs: []string{"mark-chaff"}},
		Attacker: &redteam.Attacker{Endpoint: redteam.Endpoint{Dialect: "openai", URL: s.URL + "/v1/chat/completions", Model: "m", Seconds: .1}}}, lib)
	if err != nil {
		t.Fatal(err)
	}
	attacker, judge, err := OpenModels("", &p.Campaign)
	if err != nil || judge != nil {
		t.Fatal(judge, err)
	}
	dir := t.TempDir()
	scope := &redteam.Scope{AllowedBy: "x", Reason: "y", Until: time.Now().Add(time.Hour), Targets: []string{"inside://", s.URL}}
	if _, err := redteam.Run(context.Background(), redteam.RunConfig{Dir: dir, Plan: p, Targets: map[string]redteam.Target{armOn: parrot{"last"}}, Scope: scope, Attacker: attacker}); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = redteam.Results(dir, func(r *redteam.Result) error {
		if n++; r.Outcome != redteam.Failed || !strings.HasSuffix(r.Error, "timeout") || len(r.Asked) != 1 || len(r.Replies) != 0 {
			t.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d attempts, %v", n, err)
	}
}
