package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/admin"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/internal/teamtest"
)

// request is one request of a route, as "path body".
type request func(n teamtest.Names) []string

func plain(paths ...string) request {
	return func(teamtest.Names) []string { return paths }
}

// walled are requests to every route. One that is not here fails the test: say which things
// of a team it can name.
var walled = map[string]request{
	"GET /keys": func(n teamtest.Names) []string { return []string{"/keys", "/keys?system=" + n.System} },
	"POST /keys": func(n teamtest.Names) []string {
		return []string{`/keys {"system":"` + n.System + `"}`}
	},
	"DELETE /keys/{id}": func(n teamtest.Names) []string { return []string{"/keys/" + n.Key} },
	"POST /links": func(n teamtest.Names) []string {
		return []string{`/links {"person":"` + n.Person + `","roles":["reader"],"teams":["` + n.Team + `"]}`, `/links {"person":"pat","roles":["reader"],"teams":["alpha","` + n.Team + `"]}`, `/links {"person":"pat","roles":["reader"]}`}
	},
	"GET /access/explain": func(n teamtest.Names) []string {
		return []string{"/access/explain?system=" + n.System + "&target=" + n.Model, "/access/explain?system=" + n.System + "&action=use_tool&target=" + n.Team + "-tool"}
	},
	"GET /sessions":         plain("/sessions"),
	"DELETE /sessions/{id}": func(n teamtest.Names) []string { return []string{"/sessions/" + n.Session} },
	"DELETE /sessions":      plain("/sessions"),
	"GET /providers":        plain("/providers"),
	"POST /providers/{id}/approve": func(n teamtest.Names) []string {
		return []string{"/providers/" + n.Provider + `/approve {"digest":"0123456789ab","reason":"x"}`}
	},
	"GET /redteam/campaigns":                              plain("/redteam/campaigns"),
	"POST /redteam/campaigns":                             plain(`/redteam/campaigns {"reason":"x"}`),
	"GET /redteam/campaigns/{id}":                         plain("/redteam/campaigns/" + teamtest.Campaign),
	"POST /redteam/campaigns/{id}/stop":                   plain("/redteam/campaigns/" + teamtest.Campaign + "/stop {}"),
	"GET /redteam/campaigns/{id}/attempts/{key}":          plain("/redteam/campaigns/" + teamtest.Campaign + "/attempts/none"),
	"POST /redteam/campaigns/{id}/attempts/{key}/read":    plain("/redteam/campaigns/" + teamtest.Campaign + `/attempts/none/read {"reason":"x"}`),
	"POST /redteam/campaigns/{id}/attempts/{key}/decide":  plain("/redteam/campaigns/" + teamtest.Campaign + `/attempts/none/decide {"verdict":"hit","reason":"x"}`),
	"POST /redteam/campaigns/{id}/attempts/{key}/finding": plain("/redteam/campaigns/" + teamtest.Campaign + `/attempts/none/finding {"damage":"low","likelihood":"rare"}`),
	"GET /redteam/findings":                               plain("/redteam/findings"),
	"POST /redteam/findings/{id}":                         plain(`/redteam/findings/find_none {"damage":"low","likelihood":"rare"}`),
	"POST /redteam/findings/{id}/close":                   plain("/redteam/findings/find_none/close {}"),
	"GET /redteam/live":                                   plain("/redteam/live"),
	"POST /redteam/live/{system}/try":                     func(n teamtest.Names) []string { return []string{"/redteam/live/" + n.System + `/try {"reason":"x"}`} },
	"POST /redteam/live/{system}/pause": func(n teamtest.Names) []string {
		return []string{"/redteam/live/" + n.System + `/pause {"reason":"x"}`}
	},
	"POST /redteam/live/{system}/resume": func(n teamtest.Names) []string {
		return []string{"/redteam/live/" + n.System + `/resume {"reason":"x"}`}
	},
	"POST /redteam/live/{system}/anew": func(n teamtest.Names) []string { return []string{"/redteam/live/" + n.System + `/anew {"reason":"x"}`} },
	"POST /redteam/alarms/{id}/settle": plain(`/redteam/alarms/alarm_none/settle {"usual":true,"reason":"x"}`),
	"GET /redteam/coverage":            plain("/redteam/coverage"),
	"GET /traffic":                     plain("/traffic", "/traffic?range=hour", "/traffic?range=month"),
	"GET /conformance":                 plain("/conformance"),
	"GET /notices":                     func(n teamtest.Names) []string { return []string{"/notices", "/notices?system=" + n.System} },
	"GET /guard":                       plain("/guard", "/guard?range=month"),
	"POST /guard/tries": func(n teamtest.Names) []string {
		return []string{`/guard/tries {"text":"the plan of shared","policy":"` + n.Policy + `"}`, `/guard/tries {"text":"the plan of shared","policy":"shared"}`}
	},
	"POST /guard/replays": func(n teamtest.Names) []string {
		return []string{`/guard/replays {"policy":"` + n.Policy + `","reason":"x","edits":[{"family":"attack","origin":"user","line":"block","value":0.5}]}`}
	},
	"GET /guard/replays/{id}":    func(n teamtest.Names) []string { return []string{"/guard/replays/" + n.Replay} },
	"GET /systems/{id}/spending": func(n teamtest.Names) []string { return []string{"/systems/" + n.System + "/spending"} },
	"POST /subjects/find":        func(n teamtest.Names) []string { return []string{`/subjects/find {"subject":"` + n.Subject + `"}`} },
	"POST /subjects/export": func(n teamtest.Names) []string {
		return []string{`/subjects/export {"subject":"` + n.Subject + `","reason":"x"}`}
	},
	"POST /subjects/erase": func(n teamtest.Names) []string {
		return []string{`/subjects/erase {"subject":"` + n.Subject + `","reason":"x"}`}
	},
	"POST /subjects/master": plain("/subjects/master"),
	"GET /flows":            plain("/flows", "/flows?range=hour", "/flows?range=month"),
	"GET /retention":        plain("/retention"),
	"GET /holds":            plain("/holds"),
	"POST /holds":           func(n teamtest.Names) []string { return []string{`/holds {"system":"` + n.System + `","reason":"x"}`} },
	"POST /holds/{id}/lift": func(n teamtest.Names) []string { return []string{"/holds/" + n.Hold + `/lift {"reason":"x"}`} },
	"POST /consents": func(n teamtest.Names) []string {
		return []string{`/consents {"subject":"` + n.Subject + `","what":"x","purpose":"y"}`}
	},
	"POST /consents/list": func(n teamtest.Names) []string {
		return []string{`/consents/list {"subject":"` + n.Subject + `"}`, "/consents/list {}"}
	},
	"DELETE /consents/{id}":       func(n teamtest.Names) []string { return []string{"/consents/" + n.Consent} },
	"GET /content/requests":       plain("/content/requests"),
	"POST /content/requests/{id}": func(n teamtest.Names) []string { return []string{"/content/requests/" + n.Request} },
}

// api is the API of a house, for people with a session as the program itself serves it.
func api(h *teamtest.House) http.Handler {
	return admin.New(admin.Config{Desk: h.Desk, Version: "1", Console: func() string { return "https://console.example" },
		Who: func(r *http.Request) (desk.Actor, error) {
			s, err := h.Sessions.Session(r.Context(), r)
			if err != nil {
				return desk.Actor{}, errors.Join(access.ErrSession, err)
			}
			return desk.ActorOf(s), nil
		}})
}

var replayID = regexp.MustCompile(`rep_[0-9a-f]{32}`)

// asked is every request to a route with these names, and what was answered, as one text.
func asked(h *teamtest.House, to http.Handler, cookie string, r route, n teamtest.Names) string {
	var out strings.Builder
	for _, line := range walled[r.method+" "+strings.TrimPrefix(r.path, "/api/v1")](n) {
		path, body, _ := strings.Cut(line, " ")
		req := httptest.NewRequest(r.method, "/api/v1"+path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.AddCookie(&http.Cookie{Name: access.Cookie, Value: cookie})
		w := httptest.NewRecorder()
		to.ServeHTTP(w, req)
		if id := replayID.FindString(w.Body.String()); r.method == "POST" && id != "" {
			h.Settle(id)
			w.Body.Reset() // says how far it was at once
		}
		fmt.Fprintln(&out, w.Code, w.Header(), w.Body.String())
	}
	return out.String()
}

var manyRoles = [][]string{{"admin"}, {"approver"}, {"auditor"}, {"reader"}, {"stranger"}, {"admin", "approver", "auditor", "reader"}}

// TestR62TeamWall walks every route as somebody of one team, with names of theirs, of the
// other team and of nothing: the other team is in no answer, its names are answered as those
// of nothing to the byte, and nothing of it is changed. All is as where there is no other team.
func TestR62TeamWall(t *testing.T) {
	h, alone := teamtest.Build(t, true), teamtest.Build(t, false)
	with, without, routes := api(h), api(alone), serve(t).routes(t)
	before, cells, missing := h.Left(), 0, 0
	for _, roles := range manyRoles {
		_, cookie := h.Member(roles...)
		_, cookieAlone := alone.Member(roles...)
		for _, r := range routes {
			name := r.method + " " + strings.TrimPrefix(r.path, "/api/v1")
			if walled[name] == nil {
				t.Errorf("nobody said how the wall between teams holds for %s; add it here", name)
				continue
			}
			other := h.Beta.Blank(asked(h, with, cookie, r, h.Beta))
			none := teamtest.None.Blank(asked(h, with, cookie, r, teamtest.None))
			if other != none {
				t.Errorf("%s as %v tells another team's names from those of nothing:\n%s\n%s", name, roles, other, none)
			}
			missing += strings.Count(other, "404 ")
			own := asked(h, with, cookie, r, h.Alpha)
			if leaks := h.Leaks(own + other); leaks != nil {
				t.Errorf("%s as %v tells %q: %.600s", name, roles, leaks, own)
			}
			if want := asked(alone, without, cookieAlone, r, alone.Alpha); h.Alpha.Blank(own) != alone.Alpha.Blank(want) {
				t.Errorf("%s as %v is otherwise with another team in the house:\n%s\n%s", name, roles, own, want)
			}
			cells += 3
		}
	}
	if after := h.Left(); after != before {
		t.Errorf("of the other team there was\n%s\nand is\n%s", before, after)
	}
	if len(walled) != len(routes) || cells != 3*len(routes)*len(manyRoles) || missing < 16 {
		t.Errorf("%d routes in the table, %d in the document; %d cells, %d answers 404", len(walled), len(routes), cells, missing)
	}
}

// TestR62Organisation: what concerns everybody at once is refused to those limited to a team,
// whatever their role, with a sentence that says whom to ask.
func TestR62Organisation(t *testing.T) {
	h := teamtest.Build(t, true)
	_, cookie := h.Member("admin")
	within := []string{desk.KeyCreate, desk.KeyRevoke, desk.KeyRead, desk.LinkCreate, desk.SessionEnd, desk.SessionRead, desk.RecordRead, desk.PolicyRead, desk.ContentRead, desk.ContentApprove}
	refused := 0
	for _, r := range serve(t).routes(t) {
		if all := r.method+r.path == "DELETE/api/v1/sessions"; slices.Contains(within, r.permission) && !all {
			continue
		}
		refused++
		if got := asked(h, api(h), cookie, r, h.Beta); !strings.HasPrefix(got, "403 ") || !strings.Contains(got, "This concerns the whole organisation") {
			t.Errorf("%s %s: %s", r.method, r.path, got)
		}
	}
	if refused != 30 {
		t.Errorf("%d routes are refused", refused)
	}
}

// TestR62Everybody: those who are limited to no team are shown both.
func TestR62Everybody(t *testing.T) {
	h := teamtest.Build(t, true)
	to, seen := api(h), ""
	link, err := h.Sessions.Link(t.Context(), "root@acme.example", []string{"admin"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, err := h.Sessions.Redeem(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range serve(t).routes(t) {
		if r.method == "GET" {
			seen += asked(h, to, cookie.Value, r, h.Alpha) + asked(h, to, cookie.Value, r, h.Beta)
		}
	}
	for _, n := range []teamtest.Names{h.Alpha, h.Beta} {
		for _, s := range []string{n.Team, n.System, n.Policy, n.Model, n.Provider, n.Person, n.Key, n.Session, n.Replay, n.Request, n.Hold} {
			if !strings.Contains(seen, s) {
				t.Errorf("nothing shows %s", s)
			}
		}
	}
	if body := asked(h, to, cookie.Value, route{"POST", "/api/v1/links", ""}, h.Beta); strings.Count(body, "/login/") != 3 {
		t.Errorf("links for teams: %s", body)
	}
	if body := asked(h, to, cookie.Value, route{"POST", "/api/v1/links", ""}, teamtest.None); strings.Count(body, "No declared system is of this team") != 2 {
		t.Errorf("links for a team that there is not: %s", body)
	}
}
