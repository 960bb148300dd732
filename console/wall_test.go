package console

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/internal/teamtest"
	"github.com/bartizan-ai/bartizan/ledger"
)

// visit is one request to a route: a path, and a form where it is a POST.
type visit struct {
	path string
	form []string
}

func at(paths ...string) func(teamtest.Names) []visit {
	return func(teamtest.Names) (out []visit) {
		for _, p := range paths {
			out = append(out, visit{path: p})
		}
		return out
	}
}

func fill(path string, form func(n teamtest.Names) []string) func(teamtest.Names) []visit {
	return func(n teamtest.Names) []visit { return []visit{{path, form(n)}} }
}

// walled are requests to every route. One that is not here fails the test: say which things
// of a team it can name. Those without requests have nothing of a team.
var walled = map[string]func(n teamtest.Names) []visit{
	"GET /static/{file}": nil,
	"GET /login/{token}": nil,
	"POST /login":        nil,
	"POST /logout":       nil,
	"/":                  at("/nowhere"),
	"GET /{$}":           at("/"),
	"GET /traffic":       at("/traffic", "/traffic?range=hour", "/traffic?range=month&scale=own"),
	"GET /providers":     at("/providers"),
	"POST /providers/approve": fill("/providers/approve", func(n teamtest.Names) []string {
		return []string{"provider", n.Provider, "digest", "0123456789ab", "reason", "x"}
	}),
	"GET /conformance": at("/conformance"),
	"GET /notices":     at("/notices"),
	"GET /exchanges": func(n teamtest.Names) (out []visit) {
		// The last ones are what the page asks for while it follows the list live.
		for _, q := range []string{"", "?system=" + n.System, "?model=" + n.Model, "?category=" + n.Category, "?kind=act", "?kind=all", "?end=failed", "?decision=block,mask", "?hours=1", "?before=600", "?before=895",
			"?id=" + n.Exchange, "?id=" + n.Act, "?id=" + n.Key, "?after=0", "?after=450", "?after=890", "?after=1&kind=act", "?after=1&kind=all", "?after=1&system=" + n.System} {
			out = append(out, visit{path: "/exchanges" + q})
		}
		return out
	},
	"GET /exchanges/{id}": func(n teamtest.Names) []visit {
		return []visit{{path: "/exchanges/" + n.Exchange}, {path: "/exchanges/" + n.Act}, {path: "/exchanges/" + n.Act + "_key"}, {path: "/exchanges/" + n.Key}}
	},
	"POST /exchanges/{id}/content": func(n teamtest.Names) []visit {
		return []visit{{"/exchanges/" + n.Exchange + "/content", []string{"reason", "x"}}, {"/exchanges/" + n.Exchange + "/content", nil}, {"/exchanges/" + n.Act + "/content", []string{"reason", "x"}}}
	},
	"GET /systems":              at("/systems"),
	"POST /systems/keys":        fill("/systems/keys", func(n teamtest.Names) []string { return []string{"system", n.System} }),
	"POST /systems/keys/revoke": fill("/systems/keys/revoke", func(n teamtest.Names) []string { return []string{"id", n.Key} }),
	"GET /guard": func(n teamtest.Names) []visit {
		return []visit{{path: "/guard"}, {path: "/guard?range=month&policy=" + n.Policy}, {path: "/guard?policy=shared"}}
	},
	"POST /guard/tries": fill("/guard/tries", func(n teamtest.Names) []string {
		return []string{"text", "the plan of shared", "policy", n.Policy, "direction", "input", "role", "user"}
	}),
	"POST /guard/replays": fill("/guard/replays", func(n teamtest.Names) []string {
		return []string{"policy", n.Policy, "over", "kept", "range", "month", "reason", "x", "family1", "attack", "origin1", "user", "line1", "block", "value1", "0.5"}
	}),
	"GET /guard/replays/{id}": func(n teamtest.Names) []visit { return []visit{{path: "/guard/replays/" + n.Replay}} },
	"GET /redteam":            at("/redteam"),
	"POST /redteam/run":       fill("/redteam/run", func(teamtest.Names) []string { return []string{"reason", "x"} }),
	"GET /redteam/coverage":   at("/redteam/coverage"),
	"GET /redteam/live":       at("/redteam/live"),
	"POST /redteam/live/{system}/try": func(n teamtest.Names) []visit {
		return []visit{{"/redteam/live/" + n.System + "/try", []string{"reason", "x"}}}
	},
	"POST /redteam/live/{system}/pause": func(n teamtest.Names) []visit {
		return []visit{{"/redteam/live/" + n.System + "/pause", []string{"reason", "x"}}}
	},
	"POST /redteam/live/{system}/resume": func(n teamtest.Names) []visit {
		return []visit{{"/redteam/live/" + n.System + "/resume", []string{"reason", "x"}}}
	},
	"POST /redteam/live/{system}/anew": func(n teamtest.Names) []visit {
		return []visit{{"/redteam/live/" + n.System + "/anew", []string{"reason", "x"}}}
	},
	"POST /redteam/alarms/{id}/settle":      fill("/redteam/alarms/alarm_none/settle", func(teamtest.Names) []string { return []string{"usual", "yes", "reason", "x"} }),
	"GET /redteam/{name}":                   at("/redteam/" + teamtest.Campaign),
	"POST /redteam/{name}/stop":             fill("/redteam/"+teamtest.Campaign+"/stop", func(teamtest.Names) []string { return nil }),
	"GET /redteam/{name}/{key}":             at("/redteam/" + teamtest.Campaign + "/none"),
	"POST /redteam/{name}/{key}/transcript": fill("/redteam/"+teamtest.Campaign+"/none/transcript", func(teamtest.Names) []string { return []string{"reason", "x"} }),
	"POST /redteam/{name}/{key}/decide":     fill("/redteam/"+teamtest.Campaign+"/none/decide", func(teamtest.Names) []string { return []string{"verdict", "hit", "reason", "x"} }),
	"POST /redteam/{name}/{key}/finding":    fill("/redteam/"+teamtest.Campaign+"/none/finding", func(teamtest.Names) []string { return []string{"damage", "low", "likelihood", "rare"} }),
	"POST /redteam/{name}/{key}/finding/edit": fill("/redteam/"+teamtest.Campaign+"/none/finding/edit", func(teamtest.Names) []string {
		return []string{"finding", "find_none", "damage", "low", "likelihood", "rare"}
	}),
	"POST /redteam/{name}/{key}/finding/close": fill("/redteam/"+teamtest.Campaign+"/none/finding/close", func(teamtest.Names) []string { return []string{"finding", "find_none"} }),
	"GET /policies":        at("/policies"),
	"GET /ledger":          at("/ledger"),
	"GET /subjects":        at("/subjects"),
	"POST /subjects/find":  fill("/subjects/find", func(n teamtest.Names) []string { return []string{"subject", n.Subject} }),
	"POST /subjects/erase": fill("/subjects/erase", func(n teamtest.Names) []string { return []string{"subject", n.Subject, "reason", "x"} }),
	"GET /flows":           at("/flows", "/flows?range=hour", "/flows?range=month"),
	"GET /retention":       at("/retention"),
	"GET /consents":        at("/consents"),
	"POST /consents": fill("/consents", func(n teamtest.Names) []string {
		return []string{"system", n.System, "what", "training", "purpose", "p"}
	}),
	"POST /consents/revoke":      fill("/consents/revoke", func(n teamtest.Names) []string { return []string{"consent", n.Consent} }),
	"POST /retention/holds":      fill("/retention/holds", func(n teamtest.Names) []string { return []string{"system", n.System, "reason", "x"} }),
	"POST /retention/holds/lift": fill("/retention/holds/lift", func(n teamtest.Names) []string { return []string{"hold", n.Hold, "reason", "x"} }),
	"POST /subjects/requests":    fill("/subjects/requests", func(n teamtest.Names) []string { return []string{"request", n.Request} }),
	"GET /sessions":              at("/sessions"),
	"POST /sessions/end": func(n teamtest.Names) []visit {
		return []visit{{"/sessions/end", []string{"id", n.Session}}, {"/sessions/end", []string{"all", "yes"}}}
	},
}

// pagesOver is the console of a house of two teams.
func pagesOver(t *testing.T, h *teamtest.House) *Console {
	t.Helper()
	c, err := New(Config{Desk: h.Desk, Sessions: h.Sessions, Data: "data", Now: func() time.Time { return teamtest.Moment }, Ledger: func() ledger.Status { return ledger.Status{State: "ok", Origin: "log.example", Size: teamtest.Figure} },
		Proof: func(context.Context, string) (*ledger.Proof, error) {
			return &ledger.Proof{Origin: "log.example", Index: 3, Checkpoint: "log.example\n4\n"}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var replayID = regexp.MustCompile(`rep_[0-9a-f]{32}`)

// visited is every request to a route with these names, and what was answered, as one text.
func visited(t *testing.T, h *teamtest.House, c *Console, cookie, route string, n teamtest.Names) string {
	t.Helper()
	var out strings.Builder
	for _, v := range walled[route](n) {
		r := httptest.NewRequest("GET", v.path, nil)
		r.AddCookie(&http.Cookie{Name: access.Cookie, Value: cookie})
		if strings.HasPrefix(route, "POST ") {
			s, err := h.Sessions.Session(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			form := url.Values{"token": {s.Token}}
			for i := 0; i+1 < len(v.form); i += 2 {
				form.Set(v.form[i], v.form[i+1])
			}
			r = httptest.NewRequest("POST", v.path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(&http.Cookie{Name: access.Cookie, Value: cookie})
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if id := replayID.FindString(w.Header().Get("Location")); id != "" {
			h.Settle(id)
		}
		fmt.Fprintln(&out, w.Code, w.Header(), w.Body.String())
	}
	return out.String()
}

var manyRoles = [][]string{{"admin"}, {"approver"}, {"auditor"}, {"reader"}, {"stranger"}, {"admin", "approver", "auditor", "reader"}}

// TestR62TeamWall walks every page and form as somebody of one team, with names of theirs, of
// the other team and of nothing: the other team is on no page, its names are answered as those
// of nothing to the byte, and nothing of it is changed. All is as where there is no other team.
func TestR62TeamWall(t *testing.T) {
	h, alone := teamtest.Build(t, true), teamtest.Build(t, false)
	with, without := pagesOver(t, h), pagesOver(t, alone)
	everybody := whole(t, h)
	for _, route := range []string{"GET /{$}", "GET /guard", "GET /traffic", "GET /flows", "GET /providers"} { // counted once in a while
		visited(t, h, with, everybody, route, h.Alpha)
	}
	before, cells, missing := h.Left(), 0, 0
	for _, roles := range manyRoles {
		_, cookie := h.Member(roles...)
		_, cookieAlone := alone.Member(roles...)
		for _, route := range routesOf(t) {
			if f, known := walled[route]; f == nil {
				if !known {
					t.Errorf("nobody said how the wall between teams holds for %s; add it here", route)
				}
				continue
			}
			other := h.Beta.Blank(visited(t, h, with, cookie, route, h.Beta))
			none := teamtest.None.Blank(visited(t, h, with, cookie, route, teamtest.None))
			if other != none {
				t.Errorf("%s as %v tells another team's names from those of nothing:\n%s", route, roles, firstDifference(other, none))
			}
			missing += strings.Count(other, "404 map[")
			own := visited(t, h, with, cookie, route, h.Alpha)
			if leaks := h.Leaks(own + other); leaks != nil {
				t.Errorf("%s as %v tells %q", route, roles, leaks)
			}
			if want := visited(t, alone, without, cookieAlone, route, alone.Alpha); h.Alpha.Blank(own) != alone.Alpha.Blank(want) {
				t.Errorf("%s as %v is otherwise with another team in the house:\n%s", route, roles, firstDifference(h.Alpha.Blank(own), alone.Alpha.Blank(want)))
			}
			cells += 3
		}
	}
	if after := h.Left(); after != before {
		t.Errorf("of the other team there was\n%s\nand is\n%s", before, after)
	}
	if len(walled) != len(may) || cells != 3*(len(walled)-4)*len(manyRoles) || missing < 30 {
		t.Errorf("%d routes in the table of %d; %d cells, %d answers 404", len(walled), len(may), cells, missing)
	}
}

// firstDifference is where two pages are no longer the same.
func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\n" + y[i]
		}
	}
	return fmt.Sprintf("%d and %d lines", len(x), len(y))
}

func whole(t *testing.T, h *teamtest.House) (cookie string) {
	t.Helper()
	link, err := h.Sessions.Link(t.Context(), "root@acme.example", []string{"admin"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := h.Sessions.Redeem(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	return c.Value
}

// TestR62Everybody: those who are limited to no team are shown both, on pages that are as good
// for them as for those who are limited.
func TestR62Everybody(t *testing.T) {
	h := teamtest.Build(t, true)
	c, seen := pagesOver(t, h), ""
	cookie := whole(t, h)
	_, limited := h.Member("admin")
	for _, route := range routesOf(t) {
		if !strings.HasPrefix(route, "GET ") || walled[route] == nil {
			continue
		}
		for _, n := range []teamtest.Names{h.Alpha, h.Beta} {
			seen += visited(t, h, c, cookie, route, n)
		}
		if path := walled[route](h.Alpha)[0].path; route != "GET /guard/replays/{id}" {
			r := httptest.NewRequest("GET", path, nil)
			r.AddCookie(&http.Cookie{Name: access.Cookie, Value: limited})
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			check(t, path+" of a team", w.Body.String())
			if refused := path == "/ledger" || path == "/retention" || path == "/consents" || strings.HasPrefix(path, "/redteam"); refused != (w.Code == 403 && strings.Contains(w.Body.String(), "This concerns the whole organisation")) {
				t.Errorf("%s of a team: %d", path, w.Code)
			}
		}
	}
	for _, n := range []teamtest.Names{h.Alpha, h.Beta} {
		for _, s := range []string{n.Team, n.System, n.Policy, n.Model, n.Provider, n.Person, n.Category, n.Key, n.Exchange, n.Act, n.Session, n.Request, n.Hold} {
			if !strings.Contains(seen, s) {
				t.Errorf("nothing shows %s", s)
			}
		}
	}
	hidden := slices.DeleteFunc(h.Secret(), func(s string) bool { return strings.Contains(seen, s) })
	if len(hidden) > 4 { // the plain figure, a replay's id, and two ids of a consent
		t.Errorf("nothing shows %q", hidden)
	}
}
