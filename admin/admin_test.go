package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/admin"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// notes counts what is recorded; err fails everything.
type notes struct {
	mu   sync.Mutex
	acts []record.Act
	err  error
}

func (n *notes) Begin(context.Context, record.Intent) (record.Receipt, error) {
	return record.Receipt{}, errors.New("no exchange happens here")
}
func (n *notes) Finish(context.Context, record.Outcome) error { return errors.New("nor does one end") }
func (n *notes) Act(_ context.Context, a record.Act) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acts = append(n.acts, a)
	return n.err
}

// server is the API; the header Role says who calls.
type server struct {
	http.Handler
	keys     *access.Keys
	sessions *access.Sessions
	profiles *privacy.Profiles
	notes    *notes
	desk     *desk.Desk
	subjects *privacy.Subjects
	attacks  string // folder of campaigns
}

// signed certifies as a log would that has every act at once.
func signed(s *privacy.Subjects) desk.Privacy {
	return desk.Privacy{Subjects: s, Certify: func(b []byte) ([]byte, error) { return b, nil },
		Proof: func(_ context.Context, id string) (*ledger.Proof, error) {
			return &ledger.Proof{Leaf: (&ledger.Leaf{Kind: "act", ID: id, Note: "subject.erase done"}).Bytes()}, nil
		}}
}

func serve(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "admin.db"), Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}, {Room: "privacy", Files: privacy.Migrations}, {Room: "redteam", Files: redteam.Migrations}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &server{notes: &notes{}}
	if s.keys, err = access.OpenKeys(t.Context(), access.KeysConfig{Store: st, Dir: filepath.Join(dir, "keys")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.keys.Close)
	if s.sessions, err = access.OpenSessions(st, filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if s.subjects, err = privacy.OpenSubjects(t.Context(), privacy.Config{Store: st, Dir: filepath.Join(dir, "keys"), Index: s.keys.Derive("subjects")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.subjects.Close)
	if s.profiles, err = privacy.OpenProfiles(t.Context(), privacy.ProfilesConfig{Store: st}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.profiles.Close)
	permits, err := access.NewPermits([]record.System{{Name: "bot", Status: "active", Models: []string{"fast"}, Purposes: []string{"support"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := guard.New(guard.Config{})
	if err != nil {
		t.Fatal(err)
	}
	office, err := engine.Compile("office", guard.Policy{Rules: []guard.Rule{{ID: "nightjar", Phrase: "Project Nightjar", Action: "block"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.attacks = filepath.Join(dir, "redteam")
	redteamtest.Make(t, s.attacks, redteamtest.Spec{ID: "first", Begun: time.Now().Add(-time.Hour), Stops: 2}, redteamtest.Spec{ID: "second", Begun: time.Now().Add(-time.Minute), Stops: 8})
	attacks := redteamtest.Attacks(s.attacks, redteamtest.Spec{Begun: time.Now(), Slow: 20 * time.Millisecond, Stops: 9}, redteam.OpenFindings(st, nil))
	attacks.Canaries = redteamtest.Live(t, st, s.attacks, redteamtest.LiveSpec{System: "bot", Rounds: 6, Gone: 5, Last: time.Now()})
	s.desk = desk.New(desk.Config{Attacks: attacks, Keys: s.keys, Profiles: s.profiles, Sessions: s.sessions, Recorder: s.notes, Permits: func() *access.Permits { return permits }, Watch: watched, Privacy: signed(s.subjects), Policies: func() []*guard.Compiled { return []*guard.Compiled{office} }})
	t.Cleanup(s.desk.Close)
	s.Handler = admin.New(admin.Config{Version: "1.2.3", Console: func() string { return "https://console.example" }, Desk: s.desk,
		Who: func(r *http.Request) (desk.Actor, error) {
			role := r.Header.Get("Role")
			if role == "" {
				return desk.Actor{}, access.ErrSession
			}
			return desk.Actor{Person: "p:" + role, Roles: []string{role}}, nil
		}})
	return s
}

// ask calls the API and checks what holds for every answer.
func (s *server) ask(t *testing.T, role, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Role", role)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	got, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.Header().Get("Cache-Control") != "no-store" || strings.Contains(string(got), "$schema") || w.Header().Get("Link") != "" {
		t.Errorf("%s %s: headers %v, body %s", method, path, w.Header(), got)
	}
	if w.Code >= 400 {
		var p struct {
			Title, Detail string
			Status        int
		}
		if err := json.Unmarshal(got, &p); err != nil || p.Status != w.Code || p.Title == "" || p.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s %s is no problem of RFC 9457", method, path, w.Code, w.Header().Get("Content-Type"), got)
		}
	}
	return w.Code, string(got)
}

// route is one operation as the OpenAPI document has it.
type route struct{ method, path, permission string }

type document struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Security    []map[string][]string
	}
	Components struct {
		SecuritySchemes map[string]any
	}
}

func (s *server) document(t *testing.T) document {
	t.Helper()
	code, body := s.ask(t, "reader", "GET", "/api/v1/openapi.json", "")
	var d document
	if err := json.Unmarshal([]byte(body), &d); code != 200 || err != nil {
		t.Fatal(code, err)
	}
	return d
}

// routes reads every route out of the document: what is not in it does not exist.
func (s *server) routes(t *testing.T) (out []route) {
	t.Helper()
	for path, operations := range s.document(t).Paths {
		for method, o := range operations {
			if len(o.Security) != 1 || len(o.Security[0]["session"]) != 1 || !slices.Contains(desk.Acts, o.Security[0]["session"][0]) || o.Summary == "" || o.OperationID == "" {
				t.Errorf("%s %s does not name one permission: %+v", method, path, o)
				continue
			}
			out = append(out, route{strings.ToUpper(method), path, o.Security[0]["session"][0]})
		}
	}
	if len(out) < 12 {
		t.Fatalf("only %d routes are in the document", len(out))
	}
	slices.SortFunc(out, func(a, b route) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return out
}

func TestDocument(t *testing.T) {
	d := serve(t).document(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1") || d.Info.Version != "1.2.3" || d.Components.SecuritySchemes["session"] == nil {
		t.Errorf("OpenAPI %s, %+v, %v", d.OpenAPI, d.Info, d.Components.SecuritySchemes)
	}
}

// call is a good request to a route.
func (r route) call(t *testing.T, s *server) (path, body string) {
	t.Helper()
	path = r.path
	switch r.method + " " + r.path {
	case "POST /api/v1/keys":
		body = `{"system":"bot"}`
	case "POST /api/v1/links":
		body = `{"person":"pat","roles":["reader"]}`
	case "GET /api/v1/access/explain":
		path += "?system=bot&target=fast"
	case "DELETE /api/v1/keys/{id}":
		k, _, err := s.keys.Create(t.Context(), "bot", "x")
		if err != nil {
			t.Fatal(err)
		}
		path = strings.ReplaceAll(path, "{id}", k.ID)
	case "POST /api/v1/providers/{id}/approve":
		changed := privacy.Profile{URL: "b", Region: fmt.Sprint(len(s.notes.acts))}
		for _, p := range []privacy.Profile{{URL: "a"}, changed} {
			if _, err := s.profiles.Declare(t.Context(), map[string]privacy.Profile{"up": p}); err != nil {
				t.Fatal(err)
			}
		}
		path, body = strings.ReplaceAll(path, "{id}", "up"), fmt.Sprintf(`{"digest":%q,"reason":"new contract"}`, changed.Digest())
	case "POST /api/v1/guard/tries":
		body = `{"text":"Good morning.","policy":"office"}`
	case "POST /api/v1/guard/replays":
		s.settle(t)
		body = replayCall
	case "GET /api/v1/guard/replays/{id}":
		s.settle(t)
		r, err := s.desk.StartReplay(t.Context(), desk.Actor{Person: "x", Roles: []string{"admin"}}, desk.ReplayAsk{Policy: "office", Over: desk.OverSamples, Span: "day", Reason: "x", Edits: []desk.Edit{{Family: "attack", Origin: "user", Line: "block", Value: .5}}})
		if err != nil {
			t.Fatal(err)
		}
		path = strings.ReplaceAll(path, "{id}", r.ID)
	case "GET /api/v1/systems/{id}/spending":
		path = strings.ReplaceAll(path, "{id}", "bot")
	case "POST /api/v1/subjects/find", "POST /api/v1/subjects/export", "POST /api/v1/subjects/erase", "POST /api/v1/subjects/master", "POST /api/v1/consents/list", "POST /api/v1/consents", "POST /api/v1/holds",
		"POST /api/v1/holds/{id}/lift", "DELETE /api/v1/consents/{id}", "POST /api/v1/content/requests/{id}":
		return r.aboutSubjects(t, s)
	case "DELETE /api/v1/sessions/{id}":
		link, err := s.sessions.Link(t.Context(), "x", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, one, err := s.sessions.Redeem(t.Context(), link)
		if err != nil {
			t.Fatal(err)
		}
		path = strings.ReplaceAll(path, "{id}", one.ID)
	}
	if strings.HasPrefix(path, "/api/v1/redteam/") {
		path, body = r.aboutAttacks(t, s)
	}
	if strings.Contains(path, "{") {
		t.Fatalf("there is no good request to %s", r.path)
	}
	return path, body
}

// may is who may do what, written down once more: R61.
var may = map[string][]string{
	"admin":    desk.Acts,
	"approver": {desk.RecordRead, desk.ContentRead, desk.ContentApprove, desk.HoldRead, desk.ProviderApprove, desk.RedteamRead},
	"auditor":  {desk.RecordRead, desk.LedgerRead, desk.RedteamRead},
	"reader":   {desk.RecordRead, desk.RedteamRead},
	"stranger": {},
}

func TestRolesAndRoutes(t *testing.T) {
	s, cells := serve(t), 0
	for _, r := range s.routes(t) {
		for role, acts := range may {
			path, body := r.call(t, s)
			before := len(s.notes.acts)
			code, answer := s.ask(t, role, r.method, path, body)
			if allowed := slices.Contains(acts, r.permission); allowed != (code < 300) || !allowed && code != 403 {
				t.Errorf("%s %s as %s: %d %s", r.method, r.path, role, code, answer)
			}
			if r.method != "GET" && len(s.notes.acts) == before {
				t.Errorf("%s %s as %s left no record", r.method, r.path, role)
			}
			cells++
		}
		path, body := r.call(t, s)
		if code, _ := s.ask(t, "", r.method, path, body); code != 401 {
			t.Errorf("%s %s without an identity: %d", r.method, r.path, code)
		}
		cells++
	}
	t.Logf("%d cells", cells)
	for _, path := range []string{"/api/v1/openapi.json", "/api/v1/none", "/"} {
		if code, _ := s.ask(t, "", "GET", path, ""); code != 401 {
			t.Errorf("%s without an identity: %d", path, code)
		}
	}
	for _, path := range []string{"/api/v1/none", "/", "/docs", "/schemas/Key.json", "/api/v1/openapi.json/x"} {
		if code, _ := s.ask(t, "admin", "GET", path, ""); code != 404 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

// TestProblemsNeverEcho plants a word wherever a client can put one.
func TestProblemsNeverEcho(t *testing.T) {
	const canary = "cAnArY7"
	s, tried := serve(t), 0
	long := strings.Repeat("x", 200) + canary
	bodies := []string{canary, `"` + canary + `"`, `{"` + canary + `":1}`, `{"system":"` + canary + `"}`, `{"system":{"` + canary + `":"` + canary + `"}}`,
		`{"system":["` + canary + `"]}`, `{"system":"` + long + `"}`, `{"system":"bot","` + canary + `":"` + canary + `"}`, `{"system":"bot"}` + canary, `[` + canary,
		`{"person":"` + canary + `","roles":["` + canary + `"]}`, `{"person":"` + long + `","roles":"` + canary + `"}`, `{"person":"a","roles":[{"` + canary + `":1}]}`,
		`{"person":5,"roles":["` + canary + `",1,null,true]}`, `{"person":"a\u0000` + canary + `","roles":["reader"]}`, `{"roles":[],"system":"` + canary + "\xff" + `"}`, ""}
	for _, r := range s.routes(t) {
		for _, body := range bodies {
			for _, q := range []string{"", "?system=" + canary + "&action=" + canary + "&target=" + long, "?system=" + long + "&" + canary + "=" + canary, "?%zz" + canary} {
				path := strings.ReplaceAll(r.path, "{id}", canary) + q
				code, answer := s.ask(t, "admin", r.method, path, body)
				if code >= 400 && strings.Contains(answer, canary) {
					t.Errorf("%s %s %q: %d %s", r.method, path, body, code, answer)
				}
				if code >= 500 {
					t.Errorf("%s %s %q: %d %s", r.method, path, body, code, answer)
				}
				tried++
			}
		}
		if code, answer := s.ask(t, "admin", r.method, strings.ReplaceAll(r.path, "{id}", long), bodies[0]); strings.Contains(answer, canary) {
			t.Errorf("%s %s: %d %s", r.method, r.path, code, answer)
		}
	}
	if tried < 400 {
		t.Fatalf("only %d requests were tried", tried)
	}
}

func TestBounds(t *testing.T) {
	s := serve(t)
	code, _ := s.ask(t, "admin", "POST", "/api/v1/keys", `{"system":"`+strings.Repeat("x", 64<<10)+`"}`)
	if code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d", code)
	}
	for _, body := range []string{`{"system":""}`, `{}`, `null`, `{"system":null}`, `{"system":"` + strings.Repeat("x", 65) + `"}`} {
		if code, answer := s.ask(t, "admin", "POST", "/api/v1/keys", body); code != 422 && code != 400 {
			t.Errorf("%.40s: %d %s", body, code, answer)
		}
	}
	for _, body := range []string{`{"person":"a","roles":[]}`, `{"person":"a"}`, `{"person":"","roles":["reader"]}`, `{"person":"a","roles":["root"]}`,
		`{"person":"a\nb","roles":["reader"]}`, `{"person":"a","roles":["reader","reader","reader","reader","reader","reader","reader","reader","reader"]}`} {
		if code, answer := s.ask(t, "admin", "POST", "/api/v1/links", body); code != 422 {
			t.Errorf("%s: %d %s", body, code, answer)
		}
	}
	if n := len(s.keys.List()); n != 0 {
		t.Errorf("%d keys were made", n)
	}
}

func TestKeysAndLinks(t *testing.T) {
	s := serve(t)
	code, body := s.ask(t, "admin", "POST", "/api/v1/keys", `{"system":"bot"}`)
	var made struct{ ID, Key, System, Hint string }
	if err := json.Unmarshal([]byte(body), &made); code != 200 || err != nil || !strings.HasPrefix(made.Key, "bzk_") || made.System != "bot" {
		t.Fatal(code, body, err)
	}
	if _, err := s.keys.Authenticate(http.Header{"X-Api-Key": {made.Key}}); err != nil {
		t.Error(err)
	}
	code, body = s.ask(t, "admin", "GET", "/api/v1/keys?system=bot", "")
	if code != 200 || !strings.Contains(body, made.ID) || strings.Contains(body, made.Key) || strings.Contains(body, `"key"`) {
		t.Errorf("the list is %d %s", code, body)
	}
	if code, body = s.ask(t, "admin", "GET", "/api/v1/keys?system=none", ""); code != 200 || strings.TrimSpace(body) != "[]" {
		t.Errorf("an empty list is %d %s", code, body)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"DELETE", "/api/v1/keys/" + made.ID, "", 204}, {"DELETE", "/api/v1/keys/" + made.ID, "", 404}, {"DELETE", "/api/v1/keys/none", "", 404},
		{"DELETE", "/api/v1/sessions/none", "", 404}, {"POST", "/api/v1/keys", `{"system":"none"}`, 404},
		{"GET", "/api/v1/access/explain?system=none&target=fast", "", 404}, {"GET", "/api/v1/access/explain?system=bot&target=fast&action=administer", "", 422},
	} {
		if code, answer := s.ask(t, "admin", c.method, c.path, c.body); code != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, answer)
		}
	}
	code, body = s.ask(t, "admin", "POST", "/api/v1/links", `{"person":"pat","roles":["auditor"]}`)
	var link struct{ URL string }
	if err := json.Unmarshal([]byte(body), &link); code != 200 || err != nil || !strings.HasPrefix(link.URL, "https://console.example/login/") {
		t.Fatal(code, body, err)
	}
	if _, one, err := s.sessions.Redeem(t.Context(), strings.TrimPrefix(link.URL, "https://console.example/login/")); err != nil || one.Person != "pat" {
		t.Error(one, err)
	}
}

func TestFullLedger(t *testing.T) {
	s := serve(t)
	for _, err := range []error{record.ErrFull, record.ErrUnavailable} {
		s.notes.err = fmt.Errorf("ledger: %w", err)
		if code, answer := s.ask(t, "admin", "POST", "/api/v1/keys", `{"system":"bot"}`); code != 503 || !strings.Contains(answer, "Nothing was changed") || len(s.keys.List()) != 0 {
			t.Errorf("%v: %d %s", err, code, answer)
		}
	}
	s.notes.err = errors.New("something secret")
	if code, answer := s.ask(t, "admin", "POST", "/api/v1/keys", `{"system":"bot"}`); code != 500 || strings.Contains(answer, "secret") {
		t.Errorf("%d %s", code, answer)
	}
}

// watched is what people look at, made up.
var watched = desk.Watch{
	Providers: func() []desk.Provider {
		return []desk.Provider{{Name: "up", State: "open", Opens: time.Second, Uses: []desk.Use{{Model: "fast", As: "small", Place: 1, Of: 2}}, Failed: []desk.Failure{{Class: "slow"}}}}
	},
	Conformance: func() ([]desk.Place, error) {
		return []desk.Place{{Dialect: "chat", Side: "answer", Name: "text", Cells: []desk.Cell{{Action: "block", Stream: true, Result: "blocked", Tries: 61}}}}, nil
	},
	Allowances: func(context.Context, string) ([]desk.Allowance, error) {
		return []desk.Allowance{{Counts: "tokens", Per: "day", Limit: 10, Spent: 3}}, nil
	},
}

// TestWatch: the API says what the pages of the console say.
func TestWatch(t *testing.T) {
	s := serve(t)
	for path, want := range map[string][]string{
		"/providers":            {`"whole":true`, `"provider":"up"`, `"state":"open"`, `"opens_ns":1000000000`, `"model":"fast"`, `"class":"slow"`, `"month":{"calls":0`},
		"/traffic?range=hour":   {`"name":"hour"`, `"slots":60`, `"total":{"allow":0`, `"refused":0`, `"systems":[]`, `"silent":["bot"]`, `"bands_ns":[10000000`},
		"/traffic":              {`"name":"day"`},
		"/conformance":          {`"dialect":"chat"`, `"place":"text"`, `"tries":61`},
		"/systems/bot/spending": {`"limit":10`, `"spent":3`, `"today":{"requests":0`},
	} {
		code, body := s.ask(t, "reader", "GET", "/api/v1"+path, "")
		for _, w := range want {
			if code != 200 || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %s in %.300s", path, code, w, body)
			}
		}
	}
	if code, body := s.ask(t, "reader", "GET", "/api/v1/traffic?range=year", ""); code != 422 {
		t.Errorf("a year: %d %s", code, body)
	}
}
