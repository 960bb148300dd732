package redteam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/store"
	"github.com/bartizan-ai/bartizan/store/storetest"
)

// canariesSuite is what both databases must do alike.
var canariesSuite = []struct {
	name string
	run  func(*testing.T, *store.Store)
}{
	{"one replica at a time makes a round, and another when that one is gone", testClaim},
	{"a round is kept whole, and only the newest are", testRoundKept},
	{"an alarm is raised once while it is open, and what is settled is settled", testAlarms},
}

func TestCanariesSQLite(t *testing.T) {
	for _, c := range canariesSuite {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}))
		})
	}
}

func TestCanariesPostgreSQL(t *testing.T) {
	dsn := storetest.PostgreSQL(t)
	for i, c := range canariesSuite {
		s, err := store.Open(t.Context(), store.Config{DSN: dsn})
		fatal(t, err)
		_, err = s.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE canaries%d", i))
		fatal(t, errors.Join(err, s.Close()))
		t.Run(c.name, func(t *testing.T) {
			c.run(t, database(t, store.Config{DSN: strings.Replace(dsn, "/postgres?", fmt.Sprintf("/canaries%d?", i), 1)}))
		})
	}
}

func database(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	cfg.Migrations = []store.Migrations{{Room: "redteam", Files: Migrations}}
	s, err := store.Open(context.Background(), cfg)
	fatal(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func testClaim(t *testing.T, s *store.Store) {
	r, ctx := rows{s}, t.Context()
	_, err := r.get(ctx, "bot")
	fatal(t, err)
	claims := func(holder string, at time.Time) bool {
		t.Helper()
		ok, err := r.claim(ctx, "bot", holder, at)
		fatal(t, err)
		return ok
	}
	if !claims("one", moment) || claims("two", moment.Add(holdFor/2)) || !claims("one", moment.Add(holdFor/2)) {
		t.Error("two have it, or the one who has it lost it")
	}
	if claims("two", moment.Add(holdFor)) || !claims("two", moment.Add(2*holdFor)) || claims("one", moment.Add(2*holdFor)) {
		t.Error("whoever is gone keeps it, or loses it too soon")
	}
	fatal(t, r.release(ctx, "bot", "one"))
	if claims("one", moment.Add(2*holdFor)) {
		t.Error("one let go what two has")
	}
	fatal(t, r.release(ctx, "bot", "two"))
	if !claims("one", moment.Add(2*holdFor)) {
		t.Error("what was let go is still held")
	}
}

func testRoundKept(t *testing.T, s *store.Store) {
	r, ctx := rows{s}, t.Context()
	w, err := r.get(ctx, "bot")
	fatal(t, err)
	w.Began, w.Folder, w.Causes, w.Deployed, w.Asked = moment, "f", []string{"policy"}, map[string]string{"policy": "p@1"}, "ada"
	w.Known = Known{Answerers: map[string][]string{"fast": {"m 1"}}, Prompts: []Sketch{newSketch(1, "a b c d")}, Tools: []uint64{7}}
	fatal(t, r.begin(ctx, &w))
	got, err := r.get(ctx, "bot")
	fatal(t, err)
	if w.Asked = ""; !reflect.DeepEqual(got, w) {
		t.Errorf("%+v\nis not\n%+v", got, w)
	}
	for i := range maxRounds + 3 {
		one := &Round{System: "bot", Begun: moment.Add(time.Duration(i) * time.Hour), Ended: moment.Add(time.Duration(i)*time.Hour + time.Minute), Causes: []string{"schedule", "policy"}, Folder: "f", Panel: "p", Deployed: w.Deployed,
			Tries: []Try{{"a", "integrity", TryHit}, {"b", BenignCell, TryStopped}}, Tokens: 5, Fault: "nothing"}
		w.Due, w.Tokens, w.Day = one.Ended.Add(time.Hour), int64(i), one.Ended
		_, err := r.end(ctx, "", &w, one, nil)
		fatal(t, err)
		if i > 3 && i < maxRounds-1 {
			continue
		}
		list, err := r.rounds(ctx, "bot")
		fatal(t, err)
		if len(list) != min(i+1, maxRounds) || !reflect.DeepEqual(list[len(list)-1], *one) || len(list) > 1 && !list[0].Begun.Before(list[1].Begun) {
			t.Fatalf("after %d: %d, the newest %+v", i, len(list), list[len(list)-1])
		}
	}
	if got, err = r.get(ctx, "bot"); err != nil || got.Folder != "" || got.Tokens != maxRounds+2 || !got.Due.Equal(w.Due) {
		t.Errorf("%+v %v", got, err)
	}
}

func testAlarms(t *testing.T, s *store.Store) {
	r, ctx := rows{s}, t.Context()
	w, err := r.get(ctx, "bot")
	fatal(t, err)
	n := 0
	raises := func(alarms ...Alarm) int {
		t.Helper()
		n++
		raised, err := r.end(ctx, "", &w, &Round{System: "bot", Begun: moment.Add(time.Duration(n) * time.Minute)}, alarms)
		fatal(t, err)
		return len(raised)
	}
	drift := Alarm{System: "bot", Kind: AlarmDrift, Series: "attacks/past", At: moment, Round: moment.Add(time.Minute), Note: "worse"}
	other := drift
	other.Series = "benign/kept"
	if raises(drift, other) != 2 || raises(drift) != 0 {
		t.Error("an alarm that is open is raised again, or not at first")
	}
	list, err := r.alarms(ctx, "bot")
	fatal(t, err)
	if len(list) != 2 || list[0].Note != "worse" || !list[0].Closed.IsZero() || !list[0].Round.Equal(drift.Round) {
		t.Fatalf("%+v", list)
	}
	at := slices.IndexFunc(list, func(a Alarm) bool { return a.Series == drift.Series })
	fatal(t, r.close(ctx, list[at].ID, true, "ada", "a test", moment.Add(time.Hour)))
	if err := r.close(ctx, list[at].ID, true, "ada", "again", moment); !errors.Is(err, ErrNoAlarm) {
		t.Errorf("closed twice: %v", err)
	}
	if got, err := r.get(ctx, "bot"); err != nil || !got.Since.Equal(drift.Round) {
		t.Errorf("what is usual counts from %v: %v", got.Since, err)
	}
	if raises(drift) != 1 {
		t.Error("what was settled is never raised again")
	}
	if list, err = r.alarms(ctx, "bot"); err != nil || len(list) != 3 || list[2].By != "ada" || list[2].Why != "a test" {
		t.Errorf("%+v %v", list, err)
	}
}

// ward is a system of the stock's that anybody may try.
func ward(attempts int) Ward {
	return Ward{System: "bot", Every: time.Hour, Attempts: attempts, Tokens: 1 << 30, MaxTokens: 64, Random: 11, Deployed: map[string]string{"policy": "p@1"},
		Scope: Scope{AllowedBy: "a test", Reason: "it tests", Until: moment.Add(1000 * time.Hour), Targets: []string{"test://"}}}
}

// cage is canaries with a clock of their own and a model that they try.
type cage struct {
	*Canaries
	t      *testing.T
	ward   atomic.Pointer[Ward]
	model  *model
	now    atomic.Int64 // since the moment
	alarms chan Alarm
}

func newCage(t *testing.T, s *store.Store, dir string, w Ward, m *model) *cage {
	c := &cage{t: t, model: m, alarms: make(chan Alarm, 100)}
	c.ward.Store(&w)
	c.Canaries = NewCanaries(CanariesConfig{Store: s, Dir: dir, Library: func() (*Library, error) { return stock(20), nil }, Chains: [][]string{{}, {"shout"}},
		Scorers: func() ([]Scorer, error) { return []Scorer{told{}}, nil }, Wards: func() []Ward { return []Ward{*c.ward.Load()} },
		Target: func(context.Context, string) (Target, func(), error) { return c.model, func() {}, nil },
		Alert:  func(a Alarm) { c.alarms <- a }, Failed: func(system string, err error) { t.Error(system, err) },
		Now: func() time.Time { return moment.Add(time.Duration(c.now.Load())) }, Tick: time.Millisecond})
	return c
}

func (c *cage) pass(d time.Duration) { c.now.Add(int64(d)) }

// once begins what is due and waits for it.
func (c *cage) once(ctx context.Context) {
	c.t.Helper()
	fatal(c.t, c.step(ctx, *c.ward.Load()))
	c.ended.Wait()
}

func (c *cage) status() *WardState {
	c.t.Helper()
	s, err := c.State(context.Background(), "bot")
	fatal(c.t, err)
	return s
}

// TestRounds: the first four come soon, then by the clock; what changed begins one, not sooner than
// a minute after the last; nothing else does.
func TestRounds(t *testing.T) {
	c := newCage(t, database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}), t.TempDir(), ward(40), &model{name: "bot", guard: true})
	ctx := t.Context()
	for i, step := range []struct {
		pass   time.Duration
		change func()
		causes string // of the round that begins; "": none does
	}{
		{0, nil, "first"},
		{0, nil, ""},
		{30 * time.Second, nil, ""},
		{31 * time.Second, nil, "schedule"},
		{time.Minute, nil, "schedule"},
		{time.Minute, nil, "schedule"},
		{time.Minute, nil, ""}, // now it is known what is usual
		{58 * time.Minute, nil, ""},
		{time.Minute, nil, "schedule"},
		{30 * time.Second, func() { w := ward(40); w.Deployed["policy"] = "p@2"; w.Deployed["tools"] = "t"; c.ward.Store(&w) }, ""},
		{30 * time.Second, nil, "policy tools"},
		{time.Minute, nil, ""},
		{0, func() { fatal(t, c.Ask(ctx, "bot", "ada")) }, "asked"},
		{0, nil, ""},
		{time.Second, func() { c.Saw("bot", "fast", "m 1", nil) }, ""}, // the first that anybody saw
		{time.Second, func() { c.Saw("bot", "fast", "m 2", nil) }, ""},
		{time.Minute, nil, ""}, // not sooner than a quarter of the time between rounds
		{14 * time.Minute, nil, "answerer"},
		{time.Minute, func() { c.Saw("bot", "fast", "m 1", nil) }, ""},
		{2 * time.Hour, func() { w := ward(40); w.Scope.Until = moment; c.ward.Store(&w) }, ""}, // nobody allows it any more
		{0, func() { w := ward(40); w.Tokens = 10; c.ward.Store(&w) }, ""},
	} {
		c.pass(step.pass)
		if step.change != nil {
			step.change()
		}
		before := len(c.status().Rounds)
		c.once(ctx)
		s := c.status()
		got := ""
		if len(s.Rounds) > before {
			got = strings.Join(s.Rounds[len(s.Rounds)-1].Causes, " ")
		}
		if got != step.causes {
			t.Fatalf("step %d: a round for %q, want %q", i, got, step.causes)
		}
	}
	if s := c.status(); s.State != "too_little" || len(s.Open()) > 0 {
		t.Errorf("%+v", s)
	}
	if sum := c.status().Rounds[0].Sum(); sum.Attacks < 20 || sum.Harmless < 5 || sum.Stopped < 5 || sum.Hits < 1 {
		t.Errorf("%+v", sum)
	}
}

// TestRoundsAlarm: when a guard that stopped attacks is gone, that is an alarm and so is what follows;
// a system that fails is blind, which is no drift.
func TestRoundsAlarm(t *testing.T) {
	m := &model{name: "bot", guard: true}
	c := newCage(t, database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}), t.TempDir(), ward(60), m)
	for range 6 {
		c.once(t.Context())
		c.pass(time.Hour)
	}
	if s := c.status(); len(s.Rounds) != 6 || len(s.Alarms) > 0 {
		t.Fatalf("%d rounds, %+v", len(s.Rounds), s.Alarms)
	}
	m.fail = func(int64) bool { return true }
	c.once(t.Context())
	if a := <-c.alarms; a.Kind != AlarmBlind || len(c.alarms) > 0 {
		t.Errorf("%+v", a)
	}
	c.pass(time.Hour)
	m.fail, m.guard = nil, false
	c.once(t.Context())
	seen := map[string]bool{}
	for len(c.alarms) > 0 {
		a := <-c.alarms
		seen[a.Series] = a.Kind == AlarmDrift && a.ID != "" && strings.Contains(a.Note, " of ")
	}
	if !seen["attacks/past"] || !seen["integrity/effect"] && !seen["confidentiality/effect"] || seen["benign/kept"] {
		t.Errorf("%v, %+v", seen, c.status().Series)
	}
}

// TestRoundGoesOn: a round that was cut off by the end of its process goes on in another one: each
// attempt is made once. Where the system is another one by then, the round begins anew.
func TestRoundGoesOn(t *testing.T) {
	s, dir := database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}), t.TempDir()
	m := &model{name: "bot", slow: 2 * time.Millisecond}
	first := newCage(t, s, dir, ward(40), m)
	cut := func(c *cage) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		fatal(t, c.step(ctx, *c.ward.Load()))
		for c.progress("bot") == nil || m.sent.Load() < 12 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		c.ended.Wait()
	}
	cut(first)
	if st := first.status(); len(st.Rounds) > 0 || st.Watched.Folder == "" {
		t.Fatalf("%+v", st)
	}
	second := newCage(t, s, dir, ward(40), m)
	second.once(t.Context())
	st := second.status()
	if len(st.Rounds) != 1 || len(st.Rounds[0].Tries) != 35 || st.Rounds[0].Causes[0] != CauseFirst || !st.Rounds[0].Begun.Equal(moment) || m.sent.Load() > 120 {
		t.Fatalf("%d requests, %+v", m.sent.Load(), st.Rounds)
	}
	m.sent.Store(0)
	second.pass(time.Hour)
	cut(second)
	third := newCage(t, s, dir, ward(40), &model{name: "another"})
	third.pass(2 * time.Hour)
	third.once(t.Context())
	if st := third.status(); len(st.Rounds) != 2 || len(st.Rounds[1].Tries) != 35 || !st.Rounds[1].Begun.Equal(moment.Add(2*time.Hour)) {
		t.Fatalf("%+v", st.Rounds)
	}
	for range maxFolders + 3 {
		third.pass(time.Hour)
		third.once(t.Context())
	}
	if list, err := os.ReadDir(filepath.Join(dir, "bot")); err != nil || len(list) > maxFolders {
		t.Errorf("%d folders are left: %v", len(list), err)
	}
}

// TestPanel: a panel is the same each time, half of it and more attacks, on each impact, with
// harmless ones beside; its secrets are those of the deployment.
func TestPanel(t *testing.T) {
	w, lib := ward(40), stock(30)
	one, err := Make(w.Panel(lib, [][]string{{}, {"shout"}}), lib)
	fatal(t, err)
	two, err := Make(w.Panel(stock(30), [][]string{{}, {"shout"}}), stock(30))
	fatal(t, err)
	w.Random = 12
	other, err := Make(w.Panel(lib, [][]string{{}, {"shout"}}), lib)
	fatal(t, err)
	if one.panel() != two.panel() || one.panel() == other.panel() {
		t.Error("a panel is not the same each time, or the same everywhere")
	}
	cells, secrets, chained := map[string]int{}, map[string]bool{}, 0
	for n := range one.Attempts {
		a, b := one.Attempt(n), other.Attempt(n)
		cells[a.Cell]++
		secrets[a.secret()] = true
		if secrets[b.secret()] {
			t.Error("two deployments have the same secret")
		}
		if len(a.Chain) > 0 {
			chained++
		}
	}
	if one.Attempts != 35 || cells[BenignCell] < 5 || cells[BenignCell] > 14 || cells["integrity"] < 10 || cells["confidentiality"] < 10 || len(secrets) != 35 || chained < 5 {
		t.Errorf("%d attempts: %v, %d secrets, %d disguised", one.Attempts, cells, len(secrets), chained)
	}
	lib.Scenes[0].Tools = []Tool{{Name: "send"}}
	if _, err := Make(w.Panel(lib, nil), lib); err == nil {
		t.Error("a system that may use no tool is tried with one")
	}
	w.AnyTool = true
	if _, err := Make(w.Panel(lib, nil), lib); err != nil {
		t.Error(err)
	}
	w.Prompt = "You sell kettles."
	mine := w.prompted(lib)
	a := Attempt{Seed: &lib.Seeds[0], Scene: mine.scene("code")}
	if s := mine.scene("").System; !strings.HasPrefix(a.Scene.System, "You sell kettles.") || !strings.Contains(s, Canary) || !strings.HasPrefix(s, "You sell") || strings.Contains(lib.scene("code").System, "kettles") {
		t.Errorf("%q %q", a.Scene.System, s)
	}
}

// TestDriftHoldsItsErrors: over 2,000 systems whose attempts go as they always went, each with a chance of its
// own, some by a coin and most nearly always alike, an alarm is rarer than one in 20,000 tries of a series; and
// a system whose guard lets half past is seen.
func TestDriftHoldsItsErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const systems, after = 2000, 26
	tries, alarms, seen, soon := 0, 0, 0, 0
	for n := range systems {
		bad := make([]float64, 24) // how often each attempt gets past the guard
		for i := range bad {
			switch bad[i] = r.Float64() * r.Float64() * r.Float64(); r.IntN(3) {
			case 0:
				bad[i] = 0
			case 1:
				bad[i] = 1 - bad[i]
			}
		}
		var rounds []Round
		begin := moment
		play := func(worse float64) {
			one := Round{System: "s", Begun: begin, Panel: "p"}
			for i, p := range bad {
				end := TryStopped
				if r.Float64() < max(p, worse) {
					end = TryPassed
				}
				one.Tries = append(one.Tries, Try{Pair: fmt.Sprint(i), Cell: "integrity", End: end})
			}
			rounds, begin = append(rounds, one), begin.Add(time.Hour)
		}
		for range learnRounds + after {
			play(0)
		}
		past := Drift(rounds, time.Time{})
		i := slices.IndexFunc(past, func(s Series) bool { return s.Kind == SeriesPast })
		if i < 0 {
			continue
		}
		for _, p := range past[i].Points {
			if !p.Learn {
				tries += p.Tries
			}
			if p.Alarm {
				alarms++
			}
		}
		if n%10 > 0 {
			continue
		}
		seen++
		for range 4 {
			play(.7)
		}
		for _, s := range Drift(rounds, time.Time{}) {
			if s.Kind == SeriesPast && slices.ContainsFunc(s.Points[learnRounds+after:], func(p Point) bool { return p.Alarm }) {
				soon++
			}
		}
	}
	t.Logf("%d alarms in %d tries of systems as usual, one in %d; %d of %d that got worse were seen within four rounds", alarms, tries, tries/max(alarms, 1), soon, seen)
	if float64(alarms) > float64(tries)/20_000 || soon < seen*9/10 {
		t.Error("that is too many, or too few")
	}
}

// TestDriftCounts: only rounds of the newest panel, since the time that somebody settled, count; what
// failed counts neither way.
func TestDriftCounts(t *testing.T) {
	at := func(i int, panel string, ends ...string) Round {
		r := Round{Begun: moment.Add(time.Duration(i) * time.Hour), Panel: panel}
		for k, e := range ends {
			r.Tries = append(r.Tries, Try{fmt.Sprint(k), []string{"integrity", BenignCell}[k%2], e})
		}
		return r
	}
	rounds := []Round{at(0, "old", TryHit, TryStopped), at(1, "new", TryStopped, TryPassed), at(2, "new", TryFailed, TryFailed), at(3, "new", TryStopped, TryStopped), at(4, "new", TryUnknown, TryPassed)}
	got := Drift(rounds, time.Time{})
	if len(got) != 2 || got[0].Name() != "attacks/past" || got[1].Name() != "integrity/effect" {
		t.Fatalf("%+v", got)
	}
	if p := got[0].Points; len(p) != 3 || p[0].Tries != 1 || p[0].Bad != 0 || p[2].Bad != 1 || got[1].Points[2].Bad != 0 {
		t.Errorf("%+v", got)
	}
	if got := Drift(rounds, moment.Add(4*time.Hour)); len(got) != 2 || got[0].Name() != "integrity/effect" || got[1].Name() != "benign/kept" || len(got[0].Points) != 1 {
		t.Errorf("%+v", got)
	}
	var steady []Round
	for i := range 7 {
		end := TryStopped
		if i >= holdRounds {
			end = TryHit
		}
		steady = append(steady, at(i, "p", end, TryPassed, end, TryPassed, end, TryPassed))
	}
	for i, p := range Drift(steady, time.Time{})[0].Points { // rounds that say what is usual add nothing to the sum
		if p.Learn != (i < learnRounds) || p.Learn && (p.Sum != 0 || p.Alarm) || p.Bad != map[bool]int{true: 3}[i >= holdRounds] {
			t.Errorf("round %d: %+v", i, p)
		}
	}
	if got := Drift(nil, time.Time{}); got != nil {
		t.Errorf("%+v", got)
	}
}
