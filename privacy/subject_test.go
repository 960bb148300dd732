package privacy

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
	"github.com/bartizan-ai/bartizan/store/storetest"
)

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a store with its folder of keys, which can be opened more than once.
type house struct {
	t    testing.TB
	cfg  store.Config
	dir  string
	time time.Time
	mu   sync.Mutex
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

var index = bytes.Repeat([]byte{7}, 32)

func (h *house) open() *Subjects {
	h.t.Helper()
	st, err := store.Open(h.t.Context(), h.cfg)
	fatal(h.t, err)
	s, err := OpenSubjects(h.t.Context(), Config{Store: st, Dir: h.dir, Index: index, Now: h.now})
	fatal(h.t, errors.Join(err))
	h.t.Cleanup(func() { s.Close(); _ = st.Close() })
	return s
}

// subjectSuite is what both databases must do alike.
var subjectSuite = []struct {
	name string
	run  func(*testing.T, *house)
}{
	{"what is sealed opens, on every replica", testSealed},
	{"a value of two subjects goes with either", testTwoSubjects},
	{"notes are found, by any way to write the value", testFind},
	{"an erased subject is gone on every replica, and may come again", testErase},
	{"a hold forbids erasing and says which it is", testHold},
	{"what retention deletes is found no more, and its keys go", testForget},
	{"a second person approves, once and within the hour", testGlass},
	{"a rotation leaves everything readable and the old master key useless", testRotate},
	{"a rotation beside calls loses nothing", testRotateBeside},
	{"many notes at once", testManyNotes},
	{"consents last until they end", testConsents},
}

func runSubjects(t *testing.T, config func(n int) store.Config) {
	for i, c := range subjectSuite {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, cfg: config(i), dir: filepath.Join(t.TempDir(), "data[1]", "keys"), time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
			h.cfg.Migrations = []store.Migrations{{Room: "privacy", Files: Migrations}}
			c.run(t, h)
		})
	}
}

func TestSubjectsSQLite(t *testing.T) {
	runSubjects(t, func(int) store.Config { return store.Config{Path: filepath.Join(t.TempDir(), "p.db")} })
}

func TestSubjectsPostgreSQL(t *testing.T) {
	dsn := storetest.PostgreSQL(t)
	runSubjects(t, func(n int) store.Config {
		s, err := store.Open(t.Context(), store.Config{DSN: dsn})
		fatal(t, err)
		defer s.Close()
		_, err = s.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE suite%d", n))
		fatal(t, err)
		return store.Config{DSN: strings.Replace(dsn, "/postgres?", fmt.Sprintf("/suite%d?", n), 1)}
	})
}

const ann = "value:ann.nightjar@example.com"

// keep notes one value of ann's in an exchange, and seals it.
func (h *house) keep(s *Subjects, exchange string, subjects ...string) [][]byte {
	h.t.Helper()
	n := record.Noting{Exchange: exchange, System: "bot", At: h.now()}
	for _, who := range subjects {
		kind := "text"
		if strings.HasPrefix(who, "value:") {
			kind = "pii.email"
		}
		n.Places = append(n.Places, record.SubjectPlace{Subject: who, Kind: kind, Path: "messages[0].content"})
	}
	sealer, err := s.Note(h.t.Context(), n)
	fatal(h.t, err)
	var out [][]byte
	for _, who := range subjects {
		b, err := sealer.Seal([]string{who}, []byte("of "+who))
		fatal(h.t, err)
		out = append(out, b)
	}
	return out
}

func opens(t *testing.T, s *Subjects, sealed []byte, want string) {
	t.Helper()
	if plain, err := s.Open(sealed); err != nil || string(plain) != want {
		t.Errorf("%q %v, want %q", plain, err, want)
	}
}

func testSealed(t *testing.T, h *house) {
	a, b := h.open(), h.open()
	sealed := h.keep(a, "ex_1", ann, "key:key_1")
	opens(t, b, sealed[0], "of "+ann)
	again, err := b.Seal([]string{"key:key_1"}, []byte("x"))
	fatal(t, err)
	opens(t, a, again, "x")
	for i := range sealed[0] {
		bad := bytes.Clone(sealed[0])
		bad[i] ^= 1
		if plain, err := a.Open(bad); err == nil {
			t.Errorf("with byte %d changed it opens as %q", i, plain)
		}
	}
	if bytes.Contains(sealed[0], []byte("ann")) {
		t.Error("it is not sealed")
	}
	if _, err := a.Seal(nil, []byte("x")); err == nil {
		t.Error("nobody's value was sealed")
	}
	if _, ok, err := a.OpenFor(t.Context(), a.ID("key:key_1"), sealed[0]); ok || err != nil {
		t.Errorf("ann's value is the key's: %v", err)
	}
	if plain, ok, err := a.OpenFor(t.Context(), a.Named("Ann.Nightjar@example.com"), sealed[0]); !ok || err != nil || string(plain) != "of "+ann {
		t.Errorf("%q %v %v", plain, ok, err)
	}
}

func testTwoSubjects(t *testing.T, h *house) {
	s := h.open()
	sealed, err := s.Seal([]string{ann, "value:Bob Finch"}, []byte("both"))
	fatal(t, err)
	opens(t, s, sealed, "both")
	_, err = s.Erase(t.Context(), s.Named("bob finch"))
	fatal(t, err)
	if _, err := s.Open(sealed); !errors.Is(err, ErrErased) {
		t.Errorf("%v", err)
	}
}

func testFind(t *testing.T, h *house) {
	s := h.open()
	h.keep(s, "ex_1", ann, "key:key_1")
	h.pass(time.Minute)
	h.keep(s, "ex_2", "key:key_1", "value:ANN.Nightjar@Example.com")
	for _, way := range []string{"ann.nightjar@example.com", " <Ann.Nightjar@EXAMPLE.COM> ", "mailto:ann.nightjar@example.com", s.ID(ann)} {
		found, err := s.Find(t.Context(), s.Named(way), "email")
		if err != nil || len(found) != 2 || found[0].Exchange != "ex_2" || found[0].System != "bot" || !found[0].At.Equal(h.now()) || found[1].Kind != "pii.email" {
			t.Errorf("%s: %+v %v", way, found, err)
		}
	}
	if found, err := s.Find(t.Context(), s.Named("key:key_1"), ""); err != nil || len(found) != 2 || found[0].Kind != "text" {
		t.Errorf("%+v %v", found, err)
	}
	for _, other := range []string{"an.nightjar@example.com", "key:key_2", "key_1"} {
		if found, err := s.Find(t.Context(), s.Named(other), ""); err != nil || len(found) != 0 {
			t.Errorf("%s: %+v %v", other, found, err)
		}
	}
}

func testErase(t *testing.T, h *house) {
	a, b := h.open(), h.open()
	sealed := h.keep(a, "ex_1", ann, "key:key_1", "value:Bob Finch")
	h.keep(a, "ex_2", ann)
	e, err := b.Erase(t.Context(), b.Named("ann.nightjar@example.com"))
	if err != nil || e != (Erased{Keys: 1, Values: 2, Exchanges: 2, Rows: 2}) {
		t.Errorf("%+v %v", e, err)
	}
	for _, s := range []*Subjects{a, b} {
		if _, err := s.Open(sealed[0]); !errors.Is(err, ErrErased) {
			t.Errorf("%v", err)
		}
		opens(t, s, sealed[1], "of key:key_1")
		opens(t, s, sealed[2], "of value:Bob Finch")
	}
	if found, _ := a.Find(t.Context(), a.ID(ann), ""); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if e, err := a.Erase(t.Context(), a.ID(ann)); err != nil || e != (Erased{}) {
		t.Errorf("again: %+v %v", e, err)
	}
	later := h.keep(a, "ex_3", ann)
	opens(t, b, later[0], "of "+ann)
	if _, err := b.Open(sealed[0]); !errors.Is(err, ErrErased) {
		t.Errorf("the new key opens what was erased: %v", err)
	}
	if e, err := a.Erase(t.Context(), a.Named("key:key_1")); err != nil || e.Texts != 1 || e.Values != 0 {
		t.Errorf("%+v %v", e, err)
	}
}

func testHold(t *testing.T, h *house) {
	s := h.open()
	h.keep(s, "ex_1", ann)
	if first, records, err := s.HeldFrom(t.Context()); !first.IsZero() || records || err != nil {
		t.Errorf("%v %v %v", first, records, err)
	}
	if _, err := s.AddHold(t.Context(), Hold{Reason: "x"}); err == nil {
		t.Error("a hold on nothing")
	}
	for _, on := range []Hold{{Subject: s.ID(ann)}, {System: "bot"}} {
		on.Reason, on.By = "case 7", "ada"
		made, err := s.AddHold(t.Context(), on)
		fatal(t, err)
		_, err = s.Erase(t.Context(), s.ID(ann))
		var held *HeldError
		if !errors.Is(err, ErrHeld) || !errors.As(err, &held) || held.ID != made.ID {
			t.Errorf("%+v: %v", on, err)
		}
		first, records, err := s.HeldFrom(t.Context())
		if err != nil || first.Format(time.DateOnly) != "2026-03-04" || records != (on.System != "") {
			t.Errorf("%v %v %v", first, records, err)
		}
		fatal(t, s.LiftHold(t.Context(), made.ID, "bob"))
		if err := s.LiftHold(t.Context(), made.ID, "bob"); !errors.Is(err, ErrNone) {
			t.Errorf("lifted twice: %v", err)
		}
	}
	other, err := s.AddHold(t.Context(), Hold{System: "other", Reason: "x", By: "ada"})
	fatal(t, err)
	list, err := s.Holds(t.Context())
	if err != nil || len(list) != 3 || list[2].LiftedBy != "bob" && list[1].LiftedBy != "bob" {
		t.Errorf("%+v %v", list, err)
	}
	if e, err := s.Erase(t.Context(), s.ID(ann)); err != nil || e.Keys != 1 {
		t.Errorf("under hold %s of another system: %+v %v", other.ID, e, err)
	}
}

func testForget(t *testing.T, h *house) {
	s := h.open()
	old := h.keep(s, "ex_1", ann, "key:key_1")
	h.pass(48 * time.Hour)
	young := h.keep(s, "ex_2", "key:key_1")
	fatal(t, s.Forget(t.Context(), h.now()))
	if _, err := s.Open(old[0]); !errors.Is(err, ErrErased) {
		t.Errorf("%v", err)
	}
	opens(t, s, young[0], "of key:key_1")
	if found, _ := s.Find(t.Context(), s.ID("key:key_1"), ""); len(found) != 1 || found[0].Exchange != "ex_2" {
		t.Errorf("%+v", found)
	}
	if found, _ := s.Find(t.Context(), s.ID(ann), ""); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func testGlass(t *testing.T, h *house) {
	s := h.open()
	ctx := t.Context()
	uses := func(who, what string, want bool) {
		t.Helper()
		if ok, err := s.Break(ctx, who, what); ok != want || err != nil {
			t.Errorf("%s reads %s: %v %v", who, what, ok, err)
		}
	}
	uses("ada", "ex_1", false)
	g, err := s.Ask(ctx, "ada", "ex_1", "ticket 7")
	fatal(t, err)
	if again, err := s.Ask(ctx, "ada", "ex_1", "other"); err != nil || again.ID != g.ID {
		t.Errorf("%+v %v", again, err)
	}
	if list, err := s.Asked(ctx); err != nil || len(list) != 1 || list[0].Reason != "ticket 7" || list[0].Asker != "ada" {
		t.Errorf("%+v %v", list, err)
	}
	if err := s.Approve(ctx, g.ID, "ada"); !errors.Is(err, ErrSame) {
		t.Errorf("%v", err)
	}
	uses("ada", "ex_1", false)
	fatal(t, s.Approve(ctx, g.ID, "bob"))
	if err := s.Approve(ctx, g.ID, "bob"); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	uses("bob", "ex_1", false)
	uses("ada", "ex_2", false)
	uses("ada", "ex_1", true)
	uses("ada", "ex_1", false)
	late, err := s.Ask(ctx, "ada", "ex_1", "once more")
	fatal(t, err)
	h.pass(61 * time.Minute)
	if err := s.Approve(ctx, late.ID, "bob"); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	third, err := s.Ask(ctx, "ada", "ex_1", "again")
	fatal(t, err)
	fatal(t, s.Approve(ctx, third.ID, "bob"))
	h.pass(61 * time.Minute)
	uses("ada", "ex_1", false)
	if list, _ := s.Asked(ctx); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func testManyNotes(t *testing.T, h *house) {
	s := h.open()
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			sealed := h.keep(s, fmt.Sprint("ex_", i), "key:key_1", fmt.Sprintf("value:p%d@example.com", i%5))
			opens(t, s, sealed[0], "of key:key_1")
		})
	}
	wg.Wait()
	if found, err := s.Find(t.Context(), s.ID("key:key_1"), ""); err != nil || len(found) != 60 {
		t.Errorf("%d %v", len(found), err)
	}
	if found, err := s.Find(t.Context(), s.Named("p3@example.com"), ""); err != nil || len(found) != 12 {
		t.Errorf("%d %v", len(found), err)
	}
}

// TestCanonical: what is one value to a person is one to the index, and no more than that.
func TestCanonical(t *testing.T) {
	for _, same := range [][]string{
		{"ann@example.com", "ANN@Example.COM", "<ann@example.com>", "mailto:ann@example.com", "ann@example.com.", "ａｎｎ@example.com"},
		{"DE89 3704 0044 0532 0130 00", "de89370400440532013000", "DE89-3704-0044-0532-0130-00"},
		{"+44 20 7946 0018", "+44 (20) 7946-0018", "442079460018"},
		{"Ann Nightjar", "ann  nightjar", "ANN NIGHTJAR", "Ann-Nightjar", "Ann\nNightjar,"},
		{"Zoë", "Zoe\u0308", "ZOË"}, {"Straße", "STRASSE"}, {"!!", " !! "},
	} {
		for _, v := range same[1:] {
			if canonical(v) != canonical(same[0]) {
				t.Errorf("%q is %q, %q is %q", v, canonical(v), same[0], canonical(same[0]))
			}
		}
	}
	for _, apart := range [][2]string{{"ann@example.com", "ann@example.org"}, {"a.nn@example.com", "ann@example.com"}, {"Ann Nightjar", "Annnightjar"},
		{"Zoë", "Zoe"}, {"4111 1111 1111 1111", "4111 1111 1111 1112"}, {"ann", "ann@example.com"}} {
		if canonical(apart[0]) == canonical(apart[1]) {
			t.Errorf("%q and %q are both %q", apart[0], apart[1], canonical(apart[0]))
		}
	}
	if Mentions("a deletion", "Li") || !Mentions("for Li", "Li") || !Mentions("by ADA@x.example", "person:ada@x.example") {
		t.Error("short names, and people")
	}
	if !Mentions("as ANN (at) asked: Ann@Example.com!", "ann@example.com") || Mentions("ticket 7", "ann@example.com") || Mentions("sub_0", "key:0") {
		t.Error("mentions")
	}
}

// FuzzSealed: what is no sealed value is refused, and what is parsed is read as it lies.
func FuzzSealed(f *testing.F) {
	keys := map[string]subjectKey{"a": {key: make([]byte, keySize)}, "b": {key: make([]byte, keySize)}}
	for _, ids := range [][]string{{"a"}, {"a", "b"}} {
		b, err := seal(keys, ids, []byte("plain"))
		fatal(f, err)
		f.Add(b)
		f.Add(b[:len(b)-20])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseSealed(b)
		if err != nil {
			if !errors.Is(err, ErrSealed) {
				t.Error(err)
			}
			return
		}
		if !bytes.Equal(append(bytes.Clone(e.head), e.body...), b) || len(e.ids) != int(b[1]) || len(e.nonce) != nonceSize {
			t.Errorf("%x", b)
		}
	})
}

// FuzzCanonical: the canonical form of a canonical form is itself.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"Ann@Example.com", "+44 20 7946 0018", "Ann Nightjar", "ǰ\u0345@", "\xff", "ﬃ 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 200 {
			return
		}
		if c := canonical(s); c == "" && strings.TrimSpace(s) != "" && foldedForm(s) != "" && strings.TrimSpace(foldedForm(s)) != "" {
			t.Errorf("%q has none", s)
		}
	})
}

// BenchmarkNote is what one side of a call that is kept costs, 16 at once.
func BenchmarkNote(b *testing.B) {
	h := &house{t: b, cfg: store.Config{Path: filepath.Join(b.TempDir(), "p.db"), Migrations: []store.Migrations{{Room: "privacy", Files: Migrations}}}, dir: filepath.Join(b.TempDir(), "keys"), time: time.Now()}
	s := h.open()
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h.keep(s, fmt.Sprint("ex_", n.Add(1)), "key:key_1", fmt.Sprintf("value:p%d@example.com", n.Load()%500))
		}
	})
}
