package console

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pagesOf are the pages that a house has.
func (h *house) pagesOf() []string {
	list := []string{"/", "/traffic", "/traffic?range=month&scale=own", "/providers", "/conformance", "/notices", "/flows", "/consents", "/retention", "/redteam", "/redteam/live", "/redteam/coverage", "/exchanges", "/exchanges?decision=block&system=bot", "/exchanges?kind=act", "/exchanges?end=answered", "/exchanges?id=none", "/systems", "/policies", "/guard", "/guard?range=month&policy=trial", "/ledger", "/subjects", "/sessions"}
	for _, r := range h.records {
		if p := "/exchanges/" + r.ID(); !slices.Contains(list, p) && len(list) < 38 {
			list = append(list, p)
		}
	}
	if len(h.records) > 0 { // it is furnished
		through, waiting := h.attempts("first")
		list = append(list, "/redteam/first", "/redteam/second", "/redteam/first/"+through[0], "/redteam/first/"+waiting[0])
	}
	return append(list, "/exchanges/act_1")
}

func TestPages(t *testing.T) {
	for name, h := range map[string]*house{"full": build(t).furnish(40), "empty": build(t)} {
		admin := h.as("admin")
		for _, path := range h.pagesOf() {
			a := admin.get(path)
			want := http.StatusOK
			if name == "empty" && path == "/exchanges/act_1" {
				want = http.StatusNotFound
			}
			if a.code != want {
				t.Errorf("%s %s: %d", name, path, a.code)
			}
			check(t, name+" "+path, a.body)
		}
	}
	bare := build(t)
	bare.systems, bare.policies, bare.provides, bare.places, bare.limits = nil, nil, nil, nil, nil
	bare.status = ledger.Status{State: "failed", Reason: "disk"}
	admin := bare.as("admin")
	for _, path := range bare.pagesOf() {
		a := admin.get(path)
		check(t, "bare "+path, a.body)
		if !strings.Contains(a.body, "cannot write") {
			t.Errorf("%s does not say that the ledger failed", path)
		}
	}
	bare.status.State = "full"
	if !strings.Contains(admin.get("/").body, "The ledger is full") {
		t.Error("nothing says that the ledger is full")
	}
	check(t, "made", admin.post("/systems/keys", "system", "bot").body)
	check(t, "login", admin.get("/login/abc").body)
	check(t, "message", build(t).as("").get("/").body)
}

// TestHalfRecords shows records that lack what others have.
func TestHalfRecords(t *testing.T) {
	h := build(t)
	full := call(h.clock, 1, 1)
	h.records = []record.Record{{Seq: 5, Outcome: full.Outcome}, {Seq: 4, Intent: full.Intent}, {Seq: 3, Intent: &record.Intent{ID: "ex_bare"}}, {Seq: 2, Outcome: &record.Outcome{ID: "ex_late"}}, {Seq: 1, Act: &record.Act{ID: "act_bare", Kind: "x.y"}}}
	admin := h.as("admin")
	for _, path := range []string{"/", "/traffic", "/traffic?range=hour", "/providers", "/exchanges", "/exchanges?kind=act", "/ledger", "/exchanges/ex_bare", "/exchanges/ex_late", "/exchanges/act_bare", "/exchanges/" + full.ID()} {
		a := admin.get(path)
		if a.code != http.StatusOK {
			t.Errorf("%s: %d", path, a.code)
		}
		check(t, path, a.body)
	}
}

// TestMaskedIsShown: the page of an exchange says how many private values were hidden, put back
// and left.
func TestMaskedIsShown(t *testing.T) {
	h := build(t)
	one := call(h.clock, 1, 1)
	one.Outcome.Masked = &record.Masked{Hidden: 4, Restored: 3, Withheld: 1, Altered: 2}
	h.records = []record.Record{one}
	a := h.as("reader").get("/exchanges/" + one.ID())
	check(t, "masked", a.body)
	if !strings.Contains(a.body, "4 hidden, 3 put back, 1 withheld, 2 changed by the model") {
		t.Error("the page does not say what was masked")
	}
}

// TestNotices: the page says what people are told, and first of all whether somebody learns
// from it.
func TestNotices(t *testing.T) {
	h := build(t)
	body := h.as("reader").get("/notices").body
	check(t, "notices", body)
	says(t, "notices", body, "Of 1 system somebody may learn from what is written.", "email: replaced by a placeholder, and put back into the answer", "passes data to Sub One", "do not exclude that they learn from what they are sent: other", "0123456789ab")
	h.told = h.told[:1]
	says(t, "notices", h.as("reader").get("/notices").body, "Nothing that is written to 1 system is used to train a model.")
	h.told = nil
	says(t, "notices", h.as("reader").get("/notices").body, "No system is declared.")
}

// may says who gets where, written down once more: R61. A route that is not here
// fails the test.
var may = map[string][]string{
	"GET /static/{file}":                       {"", "admin", "approver", "auditor", "reader"},
	"GET /login/{token}":                       {"", "admin", "approver", "auditor", "reader"},
	"POST /login":                              {},
	"POST /logout":                             {"", "admin", "approver", "auditor", "reader"},
	"GET /{$}":                                 {"admin", "approver", "auditor", "reader"},
	"GET /traffic":                             {"admin", "approver", "auditor", "reader"},
	"GET /providers":                           {"admin", "approver", "auditor", "reader"},
	"POST /providers/approve":                  {"admin", "approver"},
	"GET /conformance":                         {"admin", "approver", "auditor", "reader"},
	"GET /notices":                             {"admin", "approver", "auditor", "reader"},
	"GET /exchanges":                           {"admin", "approver", "auditor", "reader"},
	"GET /exchanges/{id}":                      {"admin", "approver", "auditor", "reader"},
	"POST /exchanges/{id}/content":             {"admin", "approver"},
	"GET /systems":                             {"admin"},
	"POST /systems/keys":                       {"admin"},
	"POST /systems/keys/revoke":                {"admin"},
	"GET /guard":                               {"admin", "approver", "auditor", "reader"},
	"POST /guard/tries":                        {"admin"},
	"POST /guard/replays":                      {"admin", "approver"},
	"GET /guard/replays/{id}":                  {"admin", "approver"},
	"GET /policies":                            {"admin"},
	"GET /redteam":                             {"admin", "approver", "auditor", "reader"},
	"POST /redteam/run":                        {"admin"},
	"GET /redteam/coverage":                    {"admin", "approver", "auditor", "reader"},
	"GET /redteam/live":                        {"admin", "approver", "auditor", "reader"},
	"POST /redteam/live/{system}/try":          {"admin"},
	"POST /redteam/live/{system}/pause":        {"admin"},
	"POST /redteam/live/{system}/resume":       {"admin"},
	"POST /redteam/live/{system}/anew":         {"admin"},
	"POST /redteam/alarms/{id}/settle":         {"admin"},
	"GET /redteam/{name}":                      {"admin", "approver", "auditor", "reader"},
	"POST /redteam/{name}/stop":                {"admin"},
	"GET /redteam/{name}/{key}":                {"admin", "approver", "auditor", "reader"},
	"POST /redteam/{name}/{key}/transcript":    {"admin", "approver"},
	"POST /redteam/{name}/{key}/decide":        {"admin"},
	"POST /redteam/{name}/{key}/finding":       {"admin"},
	"POST /redteam/{name}/{key}/finding/edit":  {"admin"},
	"POST /redteam/{name}/{key}/finding/close": {"admin"},
	"GET /ledger":                              {"admin", "auditor"},
	"GET /subjects":                            {"admin", "approver"},
	"POST /subjects/find":                      {"admin"},
	"POST /subjects/erase":                     {"admin"},
	"GET /flows":                               {"admin", "auditor", "approver", "reader"},
	"GET /retention":                           {"admin", "approver"},
	"POST /retention/holds":                    {"admin"},
	"POST /retention/holds/lift":               {"admin"},
	"GET /consents":                            {"admin"},
	"POST /consents":                           {"admin"},
	"POST /consents/revoke":                    {"admin"},
	"POST /subjects/requests":                  {"admin", "approver"},
	"GET /sessions":                            {"admin"},
	"POST /sessions/end":                       {"admin"},
	"/":                                        {},
}

// routesOf reads the routes out of the code.
func routesOf(t *testing.T) (out []string) {
	t.Helper()
	src, err := os.ReadFile("console.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`c\.mux\.Handle(?:Func)?\("([^"]+)"`).FindAllSubmatch(src, -1) {
		out = append(out, string(m[1]))
	}
	if len(out) != len(may) {
		t.Fatalf("the code has %d routes, the table %d: %q", len(out), len(may), out)
	}
	return out
}

func TestRolesAndRoutes(t *testing.T) {
	cells := 0
	for _, route := range routesOf(t) {
		roles, known := may[route]
		if !known {
			t.Errorf("nobody said who may %s", route)
		}
		for _, role := range []string{"", "admin", "approver", "auditor", "reader", "stranger"} {
			h := build(t).furnish(3)
			method, path, _ := strings.Cut(route, " ")
			if path == "" {
				method, path = "GET", "/nowhere"
			}
			id := h.records[0].ID()
			if strings.HasPrefix(path, "/guard/") {
				id = h.replayed().ID
			}
			name, key, finding := "first", "", ""
			if strings.Contains(path, "{key}") {
				through, _ := h.attempts(name)
				key = through[0]
			}
			if strings.Contains(path, "/finding/") {
				_, finding = h.handled()
			}
			if strings.HasSuffix(path, "/stop") {
				name = h.running()
			}
			if strings.Contains(path, "/live") || strings.Contains(path, "/alarms/") {
				id = h.tried().Alarms[0].ID
			}
			if strings.HasSuffix(path, "/resume") {
				h.paused("bot")
			}
			path = strings.NewReplacer("{$}", "", "{name}", name, "{key}", key, "{id}", id, "{file}", "style.css", "{token}", "abc", "{system}", "bot").Replace(path)
			b, a, profile := h.as(role), answer{}, h.suspend("azure")
			if method == "POST" {
				a = b.post(path, "text", "x", "policy", "office", "direction", "input", "over", "samples", "range", "day", "family1", "attack", "origin1", "user", "line1", "block", "value1", "0.5", "system", "bot", "id", h.keys.List()[0].ID, "reason", "ticket 7", "link", "wrong", "all", "yes", "provider", "azure", "digest", profile, "subject", "eve@example.com", "hold", h.held(), "request", h.asked(), "what", "training", "purpose", "Answers questions about orders", "consent", h.agreed(), "verdict", "hit", "damage", "low", "likelihood", "rare", "finding", finding)
			} else {
				a = b.get(path)
			}
			allowed := slices.Contains(roles, role) || role == "stranger" && slices.Contains(roles, "")
			if good := a.code < 400; good != allowed && !(path == "/systems/keys/revoke" && allowed) {
				t.Errorf("%s as %q: %d", route, role, a.code)
			}
			if want := map[bool]int{true: 401, false: 403}[role == ""]; !allowed && len(roles) > 0 && a.code != want {
				t.Errorf("%s as %q: %d, not %d", route, role, a.code, want)
			}
			if method == "POST" && a.code == 403 && (len(h.acts) != 1 || h.acts[0].Phase != "refused") {
				t.Errorf("%s as %q left %+v", route, role, h.acts)
			}
			cells++
		}
	}
	if cells != len(may)*6 {
		t.Errorf("%d cells", cells)
	}
}

// TestRailLeadsWherePeopleMayGo follows every link of the rail: none is refused,
// and none that is allowed is missing.
func TestRailLeadsWherePeopleMayGo(t *testing.T) {
	link := regexp.MustCompile(`<li><a href="([^"]+)"`)
	for role, want := range map[string][]string{"admin": {"/", "/traffic", "/exchanges", "/guard", "/policies", "/flows", "/notices", "/redteam", "/conformance", "/systems", "/subjects", "/consents", "/retention", "/sessions", "/providers", "/ledger"}, "auditor": {"/", "/traffic", "/exchanges", "/guard", "/flows", "/notices", "/redteam", "/conformance", "/providers", "/ledger"},
		"approver": {"/", "/traffic", "/exchanges", "/guard", "/flows", "/notices", "/redteam", "/conformance", "/subjects", "/retention", "/providers"}, "reader": {"/", "/traffic", "/exchanges", "/guard", "/flows", "/notices", "/redteam", "/conformance", "/providers"}, "stranger": nil} {
		b, got := build(t).as(role), []string(nil)
		page := b.get("/nowhere").body
		rail, _, _ := strings.Cut(page, "<main")
		for _, m := range link.FindAllStringSubmatch(rail, -1) {
			got = append(got, m[1])
			if a := b.get(m[1]); a.code != 200 {
				t.Errorf("%s is led to %s: %d", role, m[1], a.code)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %q", role, got)
		}
	}
}

// TestForgery sends forms that other sites might send: R56.
func TestForgery(t *testing.T) {
	h := build(t).furnish(3)
	admin, other := h.as("admin"), h.as("admin")
	through, _ := h.attempts("first")
	attempt := through[0]
	posts := []string{"/redteam/run", "/redteam/live/bot/try", "/redteam/live/bot/pause", "/redteam/live/bot/resume", "/redteam/live/bot/anew", "/redteam/alarms/alarm_x/settle", "/redteam/first/stop", "/redteam/first/" + attempt + "/transcript", "/redteam/first/" + attempt + "/decide", "/redteam/first/" + attempt + "/finding", "/redteam/first/" + attempt + "/finding/edit", "/redteam/first/" + attempt + "/finding/close", "/subjects/find", "/subjects/erase", "/retention/holds", "/retention/holds/lift", "/consents", "/consents/revoke", "/subjects/requests", "/guard/tries", "/guard/replays", "/systems/keys", "/systems/keys/revoke", "/sessions/end", "/logout", "/exchanges/" + h.records[0].ID() + "/content"}
	form := func(token string) url.Values {
		return url.Values{"token": {token}, "system": {"bot"}, "id": {h.keys.List()[0].ID}, "reason": {"x"}, "all": {"yes"}}
	}
	keys := len(h.keys.List())
	for _, path := range posts {
		for name, a := range map[string]answer{
			"no token":             admin.do("POST", path, url.Values{}, "Sec-Fetch-Site", "same-origin"),
			"another's token":      admin.do("POST", path, form(other.token)),
			"token in the address": admin.do("POST", path+"?token="+admin.token, url.Values{"system": {"bot"}}, "Sec-Fetch-Site", "same-origin", "Content-Type", "text/plain"),
			"cross-site":           admin.do("POST", path, form(admin.token), "Sec-Fetch-Site", "cross-site"),
			"same-site":            admin.do("POST", path, form(admin.token), "Sec-Fetch-Site", "same-site"),
			"a foreign origin":     admin.do("POST", path, form(admin.token), "Origin", "https://evil.example"),
			"an opaque origin":     admin.do("POST", path, form(admin.token), "Origin", "null"),
			"a large body":         admin.do("POST", path, url.Values{"token": {strings.Repeat("x", 70<<10)}}),
		} {
			if a.code != 403 {
				t.Errorf("%s with %s: %d", path, name, a.code)
			}
		}
	}
	if len(h.acts) != 0 || len(h.keys.List()) != keys || admin.get("/").code != 200 {
		t.Errorf("a forged form did something: %+v", h.acts)
	}
	link, err := h.sessions.Link(t.Context(), "p", []string{"reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := h.as("").do("POST", "/login", url.Values{"link": {link}}, "Sec-Fetch-Site", "cross-site"); a.code != 403 || len(a.header["Set-Cookie"]) > 0 {
		t.Errorf("another site signed somebody in: %d", a.code)
	}
}

// TestGetChangesNothing follows every link that a program might look at.
func TestGetChangesNothing(t *testing.T) {
	h := build(t).furnish(10)
	link, err := h.sessions.Link(t.Context(), "p", []string{"reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	admin := h.as("admin")
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		for _, path := range append(h.pagesOf(), "/login/"+link, "/logout", "/login", "/guard/tries?token="+admin.token+"&text=x&policy=office&direction=input", "/guard/replays?token="+admin.token+"&reason=x", "/systems/keys?token="+admin.token+"&system=bot", "/systems/keys/revoke?token="+admin.token+"&id="+h.keys.List()[0].ID, "/sessions/end?token="+admin.token+"&all=yes", "/subjects/erase?token="+admin.token+"&subject=x&reason=y", "/retention/holds/lift?token="+admin.token+"&reason=x&hold="+h.held()) {
			if a := admin.do(method, path, nil); len(a.header["Set-Cookie"]) > 0 || a.code >= 500 {
				t.Errorf("%s %s: %d %v", method, path, a.code, a.header["Set-Cookie"])
			}
		}
	}
	if len(h.acts) != 0 || len(h.keys.List()) != 3 {
		t.Errorf("looking did %+v", h.acts)
	}
	if a := h.as("").do("POST", "/login", url.Values{"link": {link}}); a.code != http.StatusSeeOther {
		t.Errorf("the link was used up by looking: %d", a.code)
	}
}

func TestLogin(t *testing.T) {
	h := build(t)
	link, err := h.sessions.Link(t.Context(), "pat", []string{"reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := h.as("")
	if a := b.get("/login/" + link); a.code != 200 || !strings.Contains(a.body, link) {
		t.Fatal(a)
	}
	a := b.do("POST", "/login", url.Values{"link": {link}})
	if a.code != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Fatal(a)
	}
	c := a.header.Get("Set-Cookie")
	for _, want := range []string{"__Host-", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(c, want) || strings.Contains(c, "Domain") {
			t.Errorf("the cookie is %s", c)
		}
	}
	if again := b.do("POST", "/login", url.Values{"link": {link}}); again.code != 401 || again.header.Get("Set-Cookie") != "" {
		t.Errorf("a used link: %d", again.code)
	}
	if len(h.acts) != 2 || h.acts[1].Kind != "session.begin" || h.acts[1].By != "pat" {
		t.Errorf("recorded is %+v", h.acts)
	}
	b.cookie, err = http.ParseSetCookie(c)
	if err != nil {
		t.Fatal(err)
	}
	page := b.get("/")
	token := regexp.MustCompile(`name="token" value="([0-9a-f]+)"`).FindStringSubmatch(page.body)
	if page.code != 200 || token == nil {
		t.Fatal(page.code)
	}
	b.token = token[1]
	if out := b.post("/logout"); out.code != 200 || !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") || b.get("/").code != 401 {
		t.Errorf("signing out: %d %v", out.code, out.header)
	}
}

func TestLoginTries(t *testing.T) {
	h := build(t)
	b := h.as("")
	for i := range triesPerMinute {
		if a := b.do("POST", "/login", url.Values{"link": {fmt.Sprint(i)}}); a.code != 401 {
			t.Fatalf("try %d: %d", i, a.code)
		}
	}
	link, _ := h.sessions.Link(t.Context(), "p", nil, nil)
	if a := b.do("POST", "/login", url.Values{"link": {link}}); a.code != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("after ten tries: %d", a.code)
	}
	if !h.logins.allow("192.0.2.77:1", h.clock) {
		t.Error("another address is locked out")
	}
	h.clock = h.clock.Add(61 * time.Second)
	if a := b.do("POST", "/login", url.Values{"link": {link}}); a.code != http.StatusSeeOther {
		t.Errorf("a minute later: %d", a.code)
	}
}

func TestKeysOnThePage(t *testing.T) {
	h := build(t)
	admin := h.as("admin")
	a := admin.post("/systems/keys", "system", "bot")
	secret := regexp.MustCompile(`bzk_[a-z0-9]+_[a-z0-9]+`).FindString(a.body)
	if a.code != 200 || secret == "" {
		t.Fatal(a.code)
	}
	if _, err := h.keys.Authenticate(http.Header{"X-Api-Key": {secret}}); err != nil {
		t.Error(err)
	}
	if strings.Contains(admin.get("/systems").body, secret) {
		t.Error("the key is shown twice")
	}
	id := h.keys.List()[0].ID
	if a := admin.post("/systems/keys/revoke", "id", id); a.code != http.StatusSeeOther {
		t.Error(a.code)
	}
	for _, c := range []struct {
		path, key, value string
		want             int
	}{{"/systems/keys/revoke", "id", id, 404}, {"/systems/keys", "system", "none", 404}, {"/systems/keys", "system", "", 404}} {
		if a := admin.post(c.path, c.key, c.value); a.code != c.want || c.value != "" && strings.Contains(a.body, ">"+c.value) {
			t.Errorf("%s %s: %d", c.path, c.value, a.code)
		}
	}
	h.full = true
	if a := admin.post("/systems/keys", "system", "bot"); a.code != 503 || !strings.Contains(a.body, "Nothing was changed") || len(h.keys.List()) != 1 {
		t.Errorf("with a full ledger: %d", a.code)
	}
	if a := admin.post("/logout"); a.code != 200 || admin.get("/").code != 401 {
		t.Errorf("with a full ledger nobody can leave: %d", a.code)
	}
}

// TestContentNeedsAReason holds what people wrote behind a right, a reason and a
// record: R63.
func TestContentNeedsAReason(t *testing.T) {
	h := build(t).furnish(3)
	path, text := "/exchanges/"+h.records[1].ID(), "Where is my order?"
	for _, role := range []string{"admin", "approver", "auditor", "reader"} {
		if a := h.as(role).get(path); a.code != 200 || strings.Contains(a.body, text) {
			t.Errorf("%s reads what people wrote without a word", role)
		}
	}
	approver := h.as("approver")
	if a := approver.post(path+"/content", "reason", "  "); a.code != 422 || strings.Contains(a.body, text) {
		t.Errorf("without a reason: %d", a.code)
	}
	h.acts = nil
	a := approver.post(path+"/content", "reason", "ticket 7")
	if a.code != 200 || !strings.Contains(a.body, text) || !strings.Contains(a.body, "<mark") {
		t.Errorf("with a reason: %d", a.code)
	}
	check(t, "content", a.body)
	if len(h.acts) != 2 || h.acts[0].Reason != "ticket 7" || h.acts[0].Kind != "content.read" || h.acts[0].Target != h.records[1].ID() {
		t.Errorf("recorded is %+v", h.acts)
	}
	h.full = true
	if a := approver.post(path+"/content", "reason", "ticket 7"); a.code != 503 || strings.Contains(a.body, text) {
		t.Errorf("with a full ledger: %d", a.code)
	}
}

func TestTail(t *testing.T) {
	h := build(t).furnish(5)
	reader := h.as("reader")
	page := reader.get("/exchanges?system=bot&decision=block")
	if !strings.Contains(page.body, `data-tail="/exchanges?after=`) || !strings.Contains(page.body, "decision=block") {
		t.Error("the tail does not keep the query")
	}
	seq := h.records[0].Seq
	if a := reader.get(fmt.Sprintf("/exchanges?after=%d", seq)); a.code != 200 || strings.TrimSpace(a.body) != "" || a.header.Get("Bartizan-Newest") != "" {
		t.Errorf("nothing new: %+v", a)
	}
	h.records = append([]record.Record{call(h.clock, seq+1, 1)}, h.records...)
	a := reader.get(fmt.Sprintf("/exchanges?after=%d", seq))
	if strings.Count(a.body, "<tr") != 1 || a.header.Get("Bartizan-Newest") != fmt.Sprint(seq+1) || strings.Contains(a.body, "<html") {
		t.Errorf("one new: %+v", a)
	}
	if a := h.as("").get(fmt.Sprintf("/exchanges?after=%d", seq)); a.code != 401 {
		t.Errorf("the tail without a session: %d", a.code)
	}
}

func TestFacetsAndPaging(t *testing.T) {
	h := build(t).furnish(250)
	reader, seen := h.as("reader"), map[string]bool{}
	older := regexp.MustCompile(`<a href="([^"]+)">Older</a>`)
	row := regexp.MustCompile(`href="/exchanges/(ex_\d+)"`)
	at, pages := "/exchanges?system=bot", 0
	for at != "" {
		a := reader.get(at)
		for _, m := range row.FindAllStringSubmatch(a.body, -1) {
			if seen[m[1]] {
				t.Errorf("%s is shown twice", m[1])
			}
			seen[m[1]] = true
		}
		if strings.Contains(a.body, ">lab<") && strings.Contains(a.body, "<td>lab") {
			t.Error("the next page forgot the system")
		}
		at, pages = "", pages+1
		if m := older.FindStringSubmatch(a.body); m != nil {
			at = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if len(seen) != 125 || pages != 2 {
		t.Errorf("%d calls on %d pages", len(seen), pages)
	}
	body := reader.get("/exchanges?system=bot&decision=block&before=200").body
	for _, want := range []string{`href="/exchanges?decision=block&amp;end=failed&amp;system=bot"`, `href="/exchanges?system=bot" aria-current="true"`, `href="/exchanges?decision=block" aria-current="true"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no facet %s", want)
		}
	}
	if a := reader.get("/exchanges?id=ex_5"); a.code != http.StatusSeeOther || a.header.Get("Location") != "/exchanges/ex_5" {
		t.Error(a.code, a.header)
	}
	for _, odd := range []string{"?before=x&after=", "?hours=-1", "?hours=999999999999", "?decision=none", "?kind=all&end=%00", "?id=ex_%2F..%2F..", "?system=%ff"} {
		if a := reader.get("/exchanges" + odd); a.code >= 400 {
			t.Errorf("%s: %d", odd, a.code)
		}
	}
}

// TestScanEnds looks for an end that few calls had: the page must lead on.
func TestScanEnds(t *testing.T) {
	h := build(t)
	for i := range maxScan + 10 {
		r := call(h.clock, uint64(maxScan+10-i), 0)
		r.Intent.Kept, r.Intent.Passages = nil, nil
		h.records = append(h.records, r)
	}
	h.records[maxScan+5].Outcome.End = "cancelled"
	reader := h.as("reader")
	a := reader.get("/exchanges?end=cancelled")
	next := regexp.MustCompile(`<a href="([^"]+)">Look further back`).FindStringSubmatch(a.body)
	if next == nil {
		t.Fatal("the page does not lead on")
	}
	if a = reader.get(strings.ReplaceAll(next[1], "&amp;", "&")); !strings.Contains(a.body, h.records[maxScan+5].ID()) {
		t.Error("the call was not found")
	}
}

// TestFiguresAreCountedOnce opens the first page often: the day is read once.
func TestFiguresAreCountedOnce(t *testing.T) {
	h := build(t).furnish(30)
	reader := h.as("reader")
	for range 20 {
		reader.get("/")
	}
	if h.reads != 1 {
		t.Errorf("the records were read %d times", h.reads)
	}
	h.clock = h.clock.Add(desk.CountedLasts)
	if reader.get("/"); h.reads != 2 {
		t.Errorf("after a while they were read %d times", h.reads)
	}
	h.status.State = "full"
	if a := reader.get("/"); !strings.Contains(a.body, "Something is wrong") {
		t.Error("the state of the ledger waits for the figures")
	}
}

func TestStatic(t *testing.T) {
	b := build(t).as("")
	for _, name := range []string{"style.css", "console.js", "serif.woff2", "icon.svg"} {
		if a := b.get("/static/" + name); a.code != 200 || a.body == "" || !strings.Contains(a.header.Get("Cache-Control"), "max-age") {
			t.Errorf("%s: %d", name, a.code)
		}
	}
	for _, path := range []string{"/static/", "/static/none", "/static/..%2Fconsole.go", "/static/../console.go"} {
		if a := b.get(path); a.code == 200 {
			t.Errorf("%s: %d", path, a.code)
		}
	}
	if found, err := filepath.Glob("static/*"); err != nil || len(found) < 5 {
		t.Error(found, err)
	}
}
