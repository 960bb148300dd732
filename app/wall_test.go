package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/desk"
)

// TestR62AsServed: pages and API as the program serves them, over a ledger of its own, show
// those who are limited to a team their team's calls and no others.
func TestR62AsServed(t *testing.T) {
	ctx := context.Background()
	d, err := Demo(ctx, DemoConfig{Data: t.TempDir(), Gate: "127.0.0.1:0", Console: "127.0.0.1:0", Seed: true})
	must(t, err)
	t.Cleanup(func() { must(t, d.App.Stop(ctx)) })
	pages, err := d.App.consoleHandler(&d.At)
	must(t, err)
	mine := seedSystems[0]
	ask := func(path string, teams ...string) string {
		t.Helper()
		link, err := d.App.sessions.Link(ctx, "ada", []string{"admin"}, teams)
		must(t, err)
		cookie, _, err := d.App.sessions.Redeem(ctx, link)
		must(t, err)
		r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
		r.AddCookie(cookie)
		if pages.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	row := regexp.MustCompile(`href="/exchanges/ex_`)
	for _, path := range []string{"/", "/traffic?range=month", "/exchanges", "/exchanges?after=1", "/guard?range=month", "/api/v1/traffic?range=month", "/systems", "/policies", "/notices"} {
		body := ask(path, mine.team)
		for _, s := range seedSystems {
			if s.team != mine.team && strings.Contains(body, s.name) {
				t.Errorf("%s shows %s to the team %s", path, s.name, mine.team)
			}
		}
		if strings.Contains(body, demoSystem) {
			t.Errorf("%s shows the system of the demo", path)
		}
	}
	if body := ask("/exchanges", mine.team); len(row.FindAllString(body, -1)) < 5 || !strings.Contains(body, mine.name) {
		t.Error("a team does not see its own calls")
	}
	calls := func(teams ...string) int {
		var out desk.Traffic
		must(t, json.Unmarshal([]byte(ask("/api/v1/traffic?range=month", teams...)), &out))
		return out.Total.Calls
	}
	sum, counted := 0, map[string]bool{}
	var all []string
	for _, s := range seedSystems {
		if !counted[s.team] {
			counted[s.team] = true
			all = append(all, s.team)
			sum += calls(s.team)
		}
	}
	if both := calls(all...); sum == 0 || both != sum || calls() < sum {
		t.Errorf("the teams have %d calls one by one and %d together, of %d", sum, both, calls())
	}
}
