package access

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// with returns a request of a browser that has a cookie.
func with(c *http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if c != nil {
		r.AddCookie(c)
	}
	return r
}

func (r *room) signedIn(t *testing.T, s *Sessions, person string) *http.Cookie {
	t.Helper()
	link, err := s.Link(t.Context(), person, []string{"admin", "reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, opened, err := s.Redeem(t.Context(), link)
	if err != nil || opened.Person != person {
		t.Fatalf("%+v, %v", opened, err)
	}
	return c
}

func testLinkOnce(t *testing.T, r *room) {
	s := r.sessions(t)
	link, err := s.Link(t.Context(), "ops@acme.example", []string{"admin", "reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), with(&http.Cookie{Name: Cookie, Value: link})); err != ErrSession {
		t.Errorf("a link is a session: %v", err)
	}
	c, opened, err := s.Redeem(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	if c.Value == link || len(c.Value) < 40 {
		t.Error("the session has the link's token") // ASVS 5.0 V7.2.4
	}
	if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || !strings.HasPrefix(c.Name, "__Host-") {
		t.Errorf("the cookie is %+v", c)
	}
	dump := r.dump(t, "access_session")
	if bytes.Contains(dump, []byte(c.Value)) || bytes.Contains(dump, []byte(link)) {
		t.Error("a token is in the store")
	}
	got, err := s.Session(t.Context(), with(c))
	if err != nil || got.ID != opened.ID || got.Person != "ops@acme.example" || !slices.Equal(got.Roles, []string{"admin", "reader"}) || !got.Has("admin") || got.Has("auditor") {
		t.Errorf("the session is %+v, %v", got, err)
	}
	for name, again := range map[string]string{"a used link": link, "a session's token": c.Value, "nothing": "", "something": "x"} {
		if _, _, err := s.Redeem(t.Context(), again); err != ErrSession {
			t.Errorf("%s opened a session: %v", name, err)
		}
	}
	for name, no := range map[string]*http.Cookie{"no cookie": nil, "an empty one": {Name: Cookie}, "another": {Name: Cookie, Value: "x"}} {
		if _, err := s.Session(t.Context(), with(no)); err != ErrSession {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func testLinkRace(t *testing.T, r *room) {
	s := r.sessions(t)
	link, err := s.Link(t.Context(), "p", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() { _, _, results[i] = s.Redeem(t.Context(), link) })
	}
	wg.Wait()
	open, err := s.List(t.Context())
	if err != nil || len(open) != 1 {
		t.Errorf("%d sessions were opened: %v %v", len(open), err, results)
	}
}

func testLinkEnds(t *testing.T, r *room) {
	s := r.sessions(t)
	early, _ := s.Link(t.Context(), "p", nil, nil)
	r.clock.pass(linkLife - time.Second)
	_, _, err := s.Redeem(t.Context(), early)
	is(t, "in time", err, nil)
	late, _ := s.Link(t.Context(), "p", nil, nil)
	r.clock.pass(linkLife)
	_, _, err = s.Redeem(t.Context(), late)
	is(t, "too late", err, ErrSession)
}

func testTeams(t *testing.T, r *room) {
	s := r.sessions(t)
	for _, teams := range [][]string{nil, {"support"}, {"support", "two words, and a comma", `a "quoted" one`}} {
		link, err := s.Link(t.Context(), "p", []string{"reader"}, teams)
		if err != nil {
			t.Fatal(err)
		}
		c, opened, err := s.Redeem(t.Context(), link)
		if err != nil || !slices.Equal(opened.Teams, teams) {
			t.Fatalf("%q became %q, %v", teams, opened.Teams, err)
		}
		got, err := s.Session(t.Context(), with(c))
		if err != nil || !slices.Equal(got.Teams, teams) {
			t.Errorf("%q became %q, %v", teams, got.Teams, err)
		}
		list, err := s.List(t.Context())
		if i := slices.IndexFunc(list, func(x Session) bool { return x.ID == opened.ID }); err != nil || i < 0 || !slices.Equal(list[i].Teams, teams) {
			t.Errorf("%q is listed as %+v, %v", teams, list, err)
		}
		// What cannot be read must not become the whole organisation.
		if teams == nil {
			continue
		}
		for _, spoilt := range []string{"[", "[]", "null", `"support"`} {
			if _, err := r.store.Exec(t.Context(), `UPDATE access_session SET teams = ? WHERE id = ?`, spoilt, opened.ID); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Session(t.Context(), with(c)); err == nil {
				t.Errorf("%s became %q", spoilt, got.Teams)
			}
			if _, err := s.List(t.Context()); err == nil {
				t.Errorf("%s is listed", spoilt)
			}
		}
		is(t, "ending it", s.End(t.Context(), opened.ID), nil)
	}
}

func testBeforeTeams(t *testing.T, r *room) {
	s := r.sessions(t)
	c := r.signedIn(t, s, "old")
	// As a version before wrote it, which knew no teams.
	if _, err := r.store.Exec(t.Context(), `INSERT INTO access_session (hash, id, kind, person, roles, created, seen, expires)
		SELECT ?, 'ses_before', kind, person, roles, created, seen, expires FROM access_session WHERE kind = 'session'`, s.pepper.hash("session", "before")); err != nil {
		t.Fatal(err)
	}
	for _, cookie := range []*http.Cookie{c, {Name: Cookie, Value: "before"}} {
		if got, err := s.Session(t.Context(), with(cookie)); err != nil || got.Teams != nil || got.Person != "old" {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func testIdle(t *testing.T, r *room) {
	s := r.sessions(t)
	c := r.signedIn(t, s, "p")
	for range 4 { // two hours in all
		r.clock.pass(sessionIdle - time.Second)
		_, err := s.Session(t.Context(), with(c))
		is(t, "while it is used", err, nil)
	}
	r.clock.pass(sessionIdle)
	_, err := s.Session(t.Context(), with(c))
	is(t, "after half an hour without use", err, ErrSession)
	if open, err := s.List(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("still listed: %v, %v", open, err)
	}
}

func testLife(t *testing.T, r *room) {
	s := r.sessions(t)
	c := r.signedIn(t, s, "p")
	for passed := time.Duration(0); passed < sessionLife-20*time.Minute; passed += 20 * time.Minute {
		_, err := s.Session(t.Context(), with(c))
		is(t, "while it is young", err, nil)
		r.clock.pass(20 * time.Minute)
	}
	r.clock.pass(20 * time.Minute)
	_, err := s.Session(t.Context(), with(c))
	is(t, "after twelve hours", err, ErrSession)
}

func testEnd(t *testing.T, r *room) {
	s := r.sessions(t)
	a, b := r.signedIn(t, s, "a"), r.signedIn(t, s, "b")
	link, _ := s.Link(t.Context(), "c", nil, nil)
	got, err := s.Session(t.Context(), with(a))
	if err != nil {
		t.Fatal(err)
	}
	is(t, "ending one", s.End(t.Context(), got.ID), nil)
	is(t, "ending it twice", s.End(t.Context(), got.ID), ErrSession)
	_, err = s.Session(t.Context(), with(a))
	is(t, "the ended one", err, ErrSession)
	_, err = s.Session(t.Context(), with(b))
	is(t, "the other", err, nil)
	is(t, "ending all", s.End(t.Context(), ""), nil)
	_, err = s.Session(t.Context(), with(b))
	is(t, "the other, when all ended", err, ErrSession)
	_, _, err = s.Redeem(t.Context(), link)
	is(t, "a link, when all ended", err, ErrSession)
	is(t, "ending all when there is none", s.End(t.Context(), ""), nil)
}

func testFormTokens(t *testing.T, r *room) {
	s := r.sessions(t)
	ca := r.signedIn(t, s, "a")
	a, err := s.Session(t.Context(), with(ca))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := s.Session(t.Context(), with(ca))
	b, err := s.Session(t.Context(), with(r.signedIn(t, s, "b")))
	if err != nil {
		t.Fatal(err)
	}
	if !a.CheckToken(again.Token) || a.CheckToken(b.Token) || a.CheckToken("") || a.CheckToken(a.Token[:10]) || a.Token == ca.Value || len(a.Token) != 64 {
		t.Error("form tokens do not hold")
	}
	if (&Session{}).CheckToken("") {
		t.Error("a session without a token takes an empty one")
	}
}

func testSweep(t *testing.T, r *room) {
	s := r.sessions(t)
	r.signedIn(t, s, "old")
	r.clock.pass(sessionLife + 23*time.Hour)
	is(t, "sweeping early", s.Sweep(t.Context()), nil)
	if dump := string(r.dump(t, "access_session")); !strings.Contains(dump, "old\n") {
		t.Error("what ended a little ago is forgotten")
	}
	r.clock.pass(2 * time.Hour)
	c := r.signedIn(t, s, "new") // making a link sweeps
	if dump := string(r.dump(t, "access_session")); strings.Contains(dump, "old\n") || !strings.Contains(dump, "new\n") {
		t.Errorf("left is %q", dump)
	}
	is(t, "sweeping", s.Sweep(t.Context()), nil)
	_, err := s.Session(t.Context(), with(c))
	is(t, "the new one", err, nil)
}
