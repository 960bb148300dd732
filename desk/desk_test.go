package desk_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// notes is a recorder that can fail from a given act on.
type notes struct {
	mu    sync.Mutex
	acts  []record.Act
	fails int // number of acts before it fails; -1: never
	err   error
}

func (n *notes) Begin(context.Context, record.Intent) (record.Receipt, error) {
	return record.Receipt{}, errors.New("no exchange happens at the desk")
}
func (n *notes) Finish(context.Context, record.Outcome) error { return errors.New("nor does one end") }
func (n *notes) Act(ctx context.Context, a record.Act) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.fails >= 0 && len(n.acts) >= n.fails {
		return n.err
	}
	n.acts = append(n.acts, a)
	return nil
}

// phases are the acts as "kind phase target by".
func (n *notes) phases() (out []string) {
	for _, a := range n.acts {
		out = append(out, strings.Join([]string{a.Kind, a.Phase, a.Target, a.By}, " "))
	}
	return out
}

type office struct {
	*desk.Desk
	keys     *access.Keys
	sessions *access.Sessions
	profiles *privacy.Profiles
	notes    *notes
}

func open(t *testing.T) *office {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "desk.db"), Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}, {Room: "privacy", Files: privacy.Migrations}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	o := &office{notes: &notes{fails: -1, err: fmt.Errorf("ledger: %w", record.ErrFull)}}
	if o.keys, err = access.OpenKeys(t.Context(), access.KeysConfig{Store: st, Dir: filepath.Join(dir, "keys")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.keys.Close)
	if o.sessions, err = access.OpenSessions(st, filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if o.profiles, err = privacy.OpenProfiles(t.Context(), privacy.ProfilesConfig{Store: st}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.profiles.Close)
	permits, err := access.NewPermits([]record.System{{Name: "bot", Status: "active", Models: []string{"fast"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Desk = desk.New(desk.Config{Keys: o.keys, Profiles: o.profiles, Sessions: o.sessions, Recorder: o.notes, Permits: func() *access.Permits { return permits },
		Watch: desk.Watch{Records: &archive{records: []record.Record{{Intent: &record.Intent{ID: "ex_1"}}}}}})
	return o
}

var (
	admin  = desk.Actor{Person: "ada", Roles: []string{"admin"}}
	reader = desk.Actor{Person: "rea", Roles: []string{"reader"}}
)

// op is one operation that changes or shows something.
type op struct {
	kind, target string
	run          func(ctx context.Context, o *office, a desk.Actor) error
	changed      func(t *testing.T, o *office) bool
}

// operations are all that are recorded; prepare makes what they need.
func operations(t *testing.T, o *office) []op {
	t.Helper()
	key, _, err := o.keys.Create(t.Context(), "bot", "x")
	if err != nil {
		t.Fatal(err)
	}
	link, err := o.sessions.Link(t.Context(), "sam", []string{"reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, s, err := o.sessions.Redeem(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	token, shown, changed := "", false, privacy.Profile{URL: "b"}
	for _, p := range []privacy.Profile{{URL: "a"}, changed} {
		if _, err := o.profiles.Declare(t.Context(), map[string]privacy.Profile{"up": p}); err != nil {
			t.Fatal(err)
		}
	}
	return []op{
		{desk.KeyCreate, "bot", func(ctx context.Context, o *office, a desk.Actor) error {
			_, _, err := o.CreateKey(ctx, a, "bot")
			return err
		}, func(t *testing.T, o *office) bool { return len(o.keys.List()) != 1 }},
		{desk.KeyRevoke, key.ID, func(ctx context.Context, o *office, a desk.Actor) error { return o.RevokeKey(ctx, a, key.ID) },
			func(t *testing.T, o *office) bool { return o.keys.Live(record.Principal{ID: key.ID}) != nil }},
		{desk.LinkCreate, "pat", func(ctx context.Context, o *office, a desk.Actor) (err error) {
			token, err = o.Link(ctx, a, "pat", []string{"auditor", "reader"}, nil)
			return err
		}, func(t *testing.T, o *office) bool { return token != "" }},
		{desk.ContentRead, "ex_1", func(ctx context.Context, o *office, a desk.Actor) error {
			found, err := o.Content(ctx, a, "ex_1", "ticket 7")
			shown = len(found) > 0
			return err
		}, func(t *testing.T, o *office) bool { return shown }},
		{desk.ProviderApprove, "up", func(ctx context.Context, o *office, a desk.Actor) error {
			return o.ApproveProvider(ctx, a, "up", changed.Digest(), "new contract")
		}, func(t *testing.T, o *office) bool { return len(o.profiles.Suspended()) == 0 }},
		{desk.SessionEnd, s.ID, func(ctx context.Context, o *office, a desk.Actor) error { return o.EndSession(ctx, a, nil, s.ID) },
			func(t *testing.T, o *office) bool { return o.open(t) == 0 }},
	}
}

func (o *office) open(t *testing.T) int {
	list, err := o.sessions.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// forEach runs every operation in an office of its own.
func forEach(t *testing.T, f func(t *testing.T, o *office, p op)) {
	n := len(operations(t, open(t)))
	for i := range n {
		o := open(t)
		p := operations(t, o)[i]
		t.Run(p.kind, func(t *testing.T) { f(t, o, p) })
	}
}

func TestDoneIsRecorded(t *testing.T) {
	forEach(t, func(t *testing.T, o *office, p op) {
		if err := p.run(t.Context(), o, admin); err != nil || !p.changed(t, o) {
			t.Fatalf("it was not done: %v", err)
		}
		want := []string{p.kind + " intended " + p.target + " ada", p.kind + " done " + p.target + " ada"}
		if got := o.notes.phases(); !slices.Equal(got, want) {
			t.Errorf("recorded is %q", got)
		}
		if a := o.notes.acts; a[0].ID != a[1].ID || !strings.HasPrefix(a[0].ID, "act_") || a[1].At.Before(a[0].At) {
			t.Errorf("the two halves do not fit: %+v", a)
		}
	})
}

func TestRefusedIsRecorded(t *testing.T) {
	forEach(t, func(t *testing.T, o *office, p op) {
		gone, cancel := context.WithCancel(t.Context())
		cancel() // whoever leaves early is recorded all the same
		if err := p.run(gone, o, reader); !errors.Is(err, desk.ErrDenied) || p.changed(t, o) {
			t.Fatalf("refused with %v", err)
		}
		if got, want := o.notes.phases(), []string{p.kind + " refused " + p.target + " rea"}; !slices.Equal(got, want) {
			t.Errorf("recorded is %q", got)
		}
	})
}

func TestNothingHappensUnrecorded(t *testing.T) {
	forEach(t, func(t *testing.T, o *office, p op) {
		o.notes.fails = 0
		if err := p.run(t.Context(), o, admin); !errors.Is(err, record.ErrFull) || p.changed(t, o) {
			t.Errorf("with a full ledger: %v", err)
		}
		if err := p.run(t.Context(), o, reader); !errors.Is(err, desk.ErrDenied) || !errors.Is(err, record.ErrFull) {
			t.Errorf("a refusal that cannot be recorded: %v", err)
		}
	})
}

func TestDoneButUnrecordedSaysSo(t *testing.T) {
	forEach(t, func(t *testing.T, o *office, p op) {
		o.notes.fails = 1
		err := p.run(t.Context(), o, admin)
		if !errors.Is(err, desk.ErrUnrecorded) || errors.Is(err, record.ErrFull) || !p.changed(t, o) {
			t.Errorf("the end of it cannot be recorded: %v", err)
		}
	})
}

func TestFailedIsRecorded(t *testing.T) {
	for _, c := range []struct {
		name, want string
		err        error
		run        func(o *office) error
	}{
		{"a system nobody declared", "key.create failed nobody ada", access.ErrSystem, func(o *office) error { _, _, err := o.CreateKey(t.Context(), admin, "nobody"); return err }},
		{"a key that is not there", "key.revoke failed key_none ada", access.ErrKey, func(o *office) error { return o.RevokeKey(t.Context(), admin, "key_none") }},
		{"a role that is none", "link.create failed pat ada", desk.ErrInvalid, func(o *office) error {
			_, err := o.Link(t.Context(), admin, "pat", []string{"reader", "root"}, nil)
			return err
		}},
		{"nobody", "link.create failed  ada", desk.ErrInvalid, func(o *office) error { _, err := o.Link(t.Context(), admin, "", []string{"reader"}, nil); return err }},
		{"a name with a new line", "link.create failed a\uFFFDb ada", desk.ErrInvalid, func(o *office) error {
			_, err := o.Link(t.Context(), admin, "a\nb", []string{"reader"}, nil)
			return err
		}},
		{"a session that is not there", "session.end failed ses_none ada", access.ErrSession, func(o *office) error { return o.EndSession(t.Context(), admin, nil, "ses_none") }},
		{"no reason", "content.read failed ex_1 ada", desk.ErrInvalid, func(o *office) error { _, err := o.Content(t.Context(), admin, "ex_1", " "); return err }},
		{"a record that is not there", "content.read failed ex_2 ada", desk.ErrRecord, func(o *office) error { _, err := o.Content(t.Context(), admin, "ex_2", "ticket 7"); return err }},
	} {
		o := open(t)
		if err := c.run(o); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := o.notes.phases(); len(got) != 2 || got[1] != c.want {
			t.Errorf("%s: recorded is %q", c.name, got)
		}
		if o.open(t) != 0 || len(o.keys.List()) != 0 {
			t.Errorf("%s: something was made", c.name)
		}
	}
}

func TestLinkOpensAndLeaves(t *testing.T) {
	o := open(t)
	token, err := o.Link(t.Context(), admin, "pat", []string{"reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := o.Open(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	s, err := o.sessions.Session(t.Context(), r)
	if err != nil || s.Person != "pat" {
		t.Fatal(s, err)
	}
	if _, err := o.Open(t.Context(), token); !errors.Is(err, access.ErrSession) {
		t.Errorf("a used link: %v", err)
	}
	me := desk.Actor{Person: "pat", Roles: s.Roles}
	if err := o.EndSession(t.Context(), me, s, ""); !errors.Is(err, desk.ErrDenied) {
		t.Errorf("a reader ended all sessions: %v", err)
	}
	o.notes.fails = 0 // leaving works with a full ledger too
	if err := o.EndSession(t.Context(), me, s, s.ID); !errors.Is(err, record.ErrFull) || o.open(t) != 0 {
		t.Errorf("leaving: %v, %d sessions are open", err, o.open(t))
	}
	want := []string{"session.begin intended " + s.ID + " pat", "session.begin done " + s.ID + " pat", "session.end refused all pat"}
	if got := o.notes.phases()[2:]; !slices.Equal(got, want) {
		t.Errorf("recorded is %q", got)
	}
}

func TestSessionThatCannotBeRecordedEnds(t *testing.T) {
	for fails := range 2 {
		o := open(t)
		token, err := o.sessions.Link(t.Context(), "pat", []string{"reader"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.notes.fails = fails
		if c, err := o.Open(t.Context(), token); err == nil || c != nil || o.open(t) != 0 {
			t.Errorf("after %d acts: %v, %d are open", fails, err, o.open(t))
		}
	}
}

func TestReading(t *testing.T) {
	o := open(t)
	for _, system := range []string{"bot", "other", "bot"} {
		if _, _, err := o.keys.Create(t.Context(), system, "x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // the list is by time
	}
	all, err := o.Keys(admin, "")
	if err != nil || len(all) != 3 || all[0].Created.Before(all[2].Created) {
		t.Errorf("all keys are %+v, %v", all, err)
	}
	if own, err := o.Keys(admin, "bot"); err != nil || len(own) != 2 || own[0].System != "bot" {
		t.Errorf("the keys of one system are %+v, %v", own, err)
	}
	if list, err := o.Sessions(t.Context(), admin); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	_, errKeys := o.Keys(reader, "")
	_, errSessions := o.Sessions(t.Context(), reader)
	_, errExplain := o.Explain(reader, "bot", access.Admit, "fast")
	for _, err := range []error{errKeys, errSessions, errExplain, o.May(desk.Actor{}, desk.RecordRead), o.May(admin, "")} {
		if err != nil && !errors.Is(err, desk.ErrDenied) {
			t.Error(err)
		}
	}
	if errKeys == nil || errSessions == nil || errExplain == nil || o.May(desk.Actor{}, desk.RecordRead) == nil {
		t.Error("somebody without the right may read")
	}
}

func TestExplain(t *testing.T) {
	o := open(t)
	e, err := o.Explain(admin, "bot", access.Admit, "fast")
	if err != nil || !e.Permit.Allowed || !strings.Contains(e.Permits["system/bot/models"], "fast") {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err = o.Explain(admin, "bot", access.UseTool, "search"); err != nil || e.Permit.Allowed || len(e.Permits) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err = o.Explain(admin, "nobody", access.Admit, "fast"); !errors.Is(err, access.ErrSystem) {
		t.Error(err)
	}
	if _, err = o.Explain(admin, "bot", access.Administer, "key.create"); !errors.Is(err, desk.ErrInvalid) {
		t.Error(err)
	}
}
