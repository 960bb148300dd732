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
	case strings.HasPrefix(name, "/live/"), strings.HasPrefix(name, "/alarms/"):
		return r.aboutLive(t, s)
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

// aboutLive is a good request about what is tried while people use it.
func (r route) aboutLive(t *testing.T, s *server) (path, body string) {
	t.Helper()
	list, err := s.desk.Live(context.Background(), whole)
	if err != nil {
		t.Fatal(err)
	}
	paused := !list[0].Watched.Paused.IsZero()
	if strings.HasSuffix(r.path, "/resume") && !paused {
		err = s.desk.PauseRounds(context.Background(), whole, "bot", "x")
	} else if strings.HasSuffix(r.path, "/try") && paused {
		err = s.desk.ResumeRounds(context.Background(), whole, "bot", "x")
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("{system}", "bot", "{id}", list[0].Alarms[0].ID).Replace(r.path), `{"reason":"ticket 7"}`
}

// TestRedteamLive: what is tried while people use it, with its rounds, sums and alarms.
func TestRedteamLive(t *testing.T) {
	s := serve(t)
	code, body := s.ask(t, "reader", "GET", "/api/v1/redteam/live", "")
	var got []struct {
		System, State, Every string
		Tokens               map[string]int64
		Alarms               []redteam.Alarm
		Rounds               []struct {
			Campaign string
			Causes   []string
			Attacks  int
			Stopped  int
		}
		Series []redteam.Series
	}
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil || len(got) != 1 {
		t.Fatal(code, err, body)
	}
	one := got[0]
	if one.System != "bot" || one.State != "waiting" || one.Every != "6h0m0s" || len(one.Rounds) != 6 || len(one.Alarms) == 0 || one.Alarms[0].Kind != redteam.AlarmDrift || len(one.Series) < 2 || one.Tokens["a_day"] == 0 || one.Tokens["used"] == 0 {
		t.Errorf("%+v", one)
	}
	if first, last := one.Rounds[5], one.Rounds[0]; first.Causes[0] != redteam.CauseFirst || last.Stopped >= first.Stopped/2 {
		t.Errorf("%+v, then %+v", first, last)
	}
	if code, body := s.ask(t, "reader", "GET", "/api/v1/redteam/campaigns/"+one.Rounds[0].Campaign, ""); code != 200 || !strings.Contains(body, `"state":"done"`) {
		t.Errorf("%d %.300s", code, body)
	}
	for _, c := range []struct {
		path, body, want string
		code             int
	}{
		{"/live/other/try", `{"reason":"x"}`, "is not tried", 404},
		{"/live/bot/pause", `{"reason":"a busy day"}`, "", 204},
		{"/live/bot/try", `{"reason":"x"}`, "let them go on first", 409},
		{"/live/bot/resume", `{"reason":"x"}`, "", 204},
		{"/alarms/" + one.Alarms[0].ID + "/settle", `{"usual":true,"reason":"it is watched only"}`, "", 204},
		{"/alarms/" + one.Alarms[0].ID + "/settle", `{"usual":true,"reason":"x"}`, "settled already", 404},
	} {
		if code, body := s.ask(t, "admin", "POST", "/api/v1/redteam"+c.path, c.body); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.path, code, body)
		}
	}
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
