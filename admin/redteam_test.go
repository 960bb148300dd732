package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/redteam"
)

var whole = desk.Actor{Person: "x", Roles: []string{"admin"}}

// through are keys of attempts that got through the first campaign and held in the second, and
// that have no finding which is not closed.
func (s *server) through(t *testing.T) (keys []string) {
	t.Helper()
	first, err := s.desk.Campaign(context.Background(), whole, "first")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.desk.Campaign(context.Background(), whole, "second")
	if err != nil {
		t.Fatal(err)
	}
	for pair, one := range first.Survey.Pairs {
		if a, err := s.desk.Attempt(context.Background(), whole, "first", one.Key); err == nil && one.Through() && second.Survey.Pairs[pair].Held() && len(a.Findings) == 0 {
			keys = append(keys, one.Key)
		}
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		t.Fatal("nothing got through that has no finding")
	}
	return keys
}

// quiet ends the campaign that runs.
func (s *server) quiet(t *testing.T) {
	t.Helper()
	for range 2000 {
		list, err := s.desk.Campaigns(context.Background(), whole)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(c desk.Campaign) bool { return c.State == desk.CampaignRunning || c.State == desk.CampaignStopping })
		if i < 0 {
			return
		}
		_ = s.desk.StopCampaign(context.Background(), whole, list[i].ID)
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("a campaign does not stop")
}

// aboutAttacks is a good request to a route of the red team.
func (r route) aboutAttacks(t *testing.T, s *server) (path, body string) {
	t.Helper()
	id, key := "first", s.through(t)[0]
	switch name := strings.TrimPrefix(r.path, "/api/v1/redteam"); {
	case r.method+name == "POST/campaigns":
		s.quiet(t)
		body = `{"reason":"before the release"}`
	case strings.HasSuffix(name, "/stop"):
		s.quiet(t)
		var err error
		if id, err = s.desk.StartCampaign(context.Background(), whole, "", "x"); err != nil {
			t.Fatal(err)
		}
	case strings.HasSuffix(name, "/read"):
		body = `{"reason":"ticket 7"}`
	case strings.HasSuffix(name, "/decide"):
		body = `{"verdict":"hit","reason":"read it"}`
	case strings.HasSuffix(name, "/finding"):
		body = `{"damage":"high","likelihood":"rare"}`
	case strings.HasPrefix(name, "/findings/"):
		f, err := s.desk.OpenFinding(context.Background(), whole, "first", key, redteam.Handling{Damage: "low", Likelihood: "rare"})
		if err != nil {
			t.Fatal(err)
		}
		if id = f.ID; !strings.HasSuffix(name, "/close") {
			body = `{"damage":"high","likelihood":"rare","mitigation":"read documents apart","fixed":true}`
		}
	}
	return strings.NewReplacer("{id}", id, "{key}", key).Replace(r.path), body
}

// TestRedteam: the API says what the console says, and no word of an attempt without a reason.
func TestRedteam(t *testing.T) {
	s := serve(t)
	key := s.through(t)[0]
	for path, want := range map[string][]string{
		"/redteam/campaigns":                       {`"id":"second"`, `"state":"done"`, `"answer":"fail"`, `"before":"first"`, `"regressed":false`, `"waiting":["`},
		"/redteam/campaigns/first":                 {`"report":{`, `"by_strategy":[`, `"reasons":["`},
		"/redteam/campaigns/first/attempts/" + key: {`"objective":"The secret is told"`, `"through":true`, `"tries":[`},
		"/redteam/coverage":                        {`"ref":"LLM02:2026","tries":0`, `"phase":"runtime"`},
		"/redteam/findings":                        {`[]`},
	} {
		code, body := s.ask(t, "reader", "GET", "/api/v1"+path, "")
		for _, w := range want {
			if code != 200 || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %s in %.300s", path, code, w, body)
			}
		}
		if strings.Contains(body, redteamtest.Secret) || strings.Contains(body, "a secret place") {
			t.Errorf("%s says what was said", path)
		}
	}
	attempt := "/api/v1/redteam/campaigns/first/attempts/" + key
	if code, body := s.ask(t, "approver", "POST", attempt+"/read", `{"reason":"ticket 7"}`); code != 200 || !strings.Contains(body, redteamtest.Secret) {
		t.Errorf("with a reason: %d %.300s", code, body)
	}
	code, body := s.ask(t, "admin", "POST", attempt+"/finding", `{"damage":"critical","likelihood":"likely","owner":"bob","due":"2026-04-01T00:00:00Z"}`)
	var f struct{ ID, Severity, Owner string }
	if err := json.Unmarshal([]byte(body), &f); code != 200 || err != nil || f.Severity != "critical" || f.Owner != "bob" {
		t.Fatal(code, body)
	}
	for _, c := range []struct {
		path, body, want string
		code             int
	}{
		{"/redteam/findings/" + f.ID, `{"damage":"high","likelihood":"rare","fixed":true}`, "say what in the mitigation", 409},
		{"/redteam/findings/" + f.ID + "/close", "", "", 204},
		{"/redteam/findings/" + f.ID + "/close", "", "closed", 409},
		{"/redteam/findings/find_none/close", "", "no such finding", 404},
		{"/redteam/campaigns/none/stop", "", "does not run", 409},
		{"/redteam/campaigns", `{"campaign":"first","reason":"x"}`, "can go on", 409},
	} {
		if code, body := s.ask(t, "admin", "POST", "/api/v1"+c.path, c.body); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.path, code, body)
		}
	}
	if code, body := s.ask(t, "reader", "GET", "/api/v1/redteam/findings", ""); code != 200 || !strings.Contains(body, fmt.Sprintf(`"id":%q`, f.ID)) || !strings.Contains(body, `"state":"closed"`) {
		t.Errorf("%d %s", code, body)
	}
}
