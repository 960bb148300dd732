package desk_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/store"
)

// liveLab is a desk whose system is tried while people use it; from the seventh of eight rounds on
// its guard is gone.
func liveLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{notes: &notes{fails: -1}, dir: t.TempDir()}
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(t.TempDir(), "desk.db"), Migrations: []store.Migrations{{Room: "redteam", Files: redteam.Migrations}}})
	fatal(t, err)
	t.Cleanup(func() { _ = st.Close() })
	permits, err := access.NewPermits(nil, nil)
	fatal(t, err)
	attacks := redteamtest.Attacks(l.dir, redteamtest.Spec{}, redteam.OpenFindings(st, nil))
	attacks.Canaries = redteamtest.Live(t, st, l.dir, redteamtest.LiveSpec{System: "support.bot", Rounds: 8, Gone: 7, Last: begun.Add(48 * time.Hour)})
	l.Desk = desk.New(desk.Config{Recorder: l.notes, Permits: func() *access.Permits { return permits }, Attacks: attacks})
	t.Cleanup(l.Close)
	return l
}

func (l *lab) ward(t *testing.T) *redteam.WardState {
	t.Helper()
	list, err := l.Live(ctx, admin)
	fatal(t, err)
	if len(list) != 1 || list[0].Ward.System != "support.bot" {
		t.Fatalf("%+v", list)
	}
	return &list[0]
}

// TestLive: whoever may read what the red team did sees alarms, and whoever may attack begins,
// pauses and goes on with rounds; each of that has a reason and is on record.
func TestLive(t *testing.T) {
	l := liveLab(t)
	s := l.ward(t)
	if len(s.Rounds) != 8 || len(s.Open()) == 0 || s.State != "waiting" || s.Rounds[6].Causes[0] != "policy" {
		t.Fatalf("%d rounds, %+v, %s", len(s.Rounds), s.Alarms, s.State)
	}
	if n, err := l.OpenAlarms(ctx, admin); n != len(s.Open()) || err != nil {
		t.Error(n, err)
	}
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"no reason", l.AskRound(ctx, admin, "support.bot", " "), "has a reason"},
		{"nobody's", l.AskRound(ctx, admin, "other", "x"), "is not tried"},
		{"asked", l.AskRound(ctx, admin, "support.bot", "after the fix"), ""},
		{"goes on already", l.ResumeRounds(ctx, admin, "support.bot", "x"), "are not paused"},
		{"paused", l.PauseRounds(ctx, admin, "support.bot", "a busy day"), ""},
		{"asked while paused", l.AskRound(ctx, admin, "support.bot", "x"), "let them go on first"},
		{"goes on", l.ResumeRounds(ctx, admin, "support.bot", "it is over"), ""},
		{"counted anew", l.CountAnew(ctx, admin, "support.bot", "a new model, as planned"), ""},
		{"no such alarm", l.SettleAlarm(ctx, admin, "alarm_none", true, "x"), "no such alarm"},
		{"no word", l.SettleAlarm(ctx, admin, s.Open()[0].ID, true, ""), "Say what the alarm was"},
	} {
		if c.want == "" && c.err != nil || c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)) {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
	if w := l.ward(t).Watched; w.Asked != admin.Person || !w.Paused.IsZero() {
		t.Errorf("%+v", w)
	}
	for _, one := range s.Open() {
		fatal(t, l.SettleAlarm(ctx, admin, one.ID, true, "It is watched only, until Monday."))
	}
	if s = l.ward(t); len(s.Open()) > 0 || s.Alarms[0].By != admin.Person || s.Watched.Since.IsZero() {
		t.Errorf("%+v", s.Alarms)
	}
	told := ""
	for _, act := range l.notes.acts {
		told += act.Kind + " " + act.Target + " " + act.Reason + "\n"
	}
	for _, want := range []string{"redteam.run round of canaries on support.bot after the fix", "redteam.run pause of canaries on support.bot a busy day", "redteam.run end of the pause of canaries on support.bot it is over", "redteam.decide what is usual for canaries on support.bot a new model, as planned", "redteam.decide alarm " + s.Alarms[0].ID + " usual from now on: It is watched only"} {
		if !strings.Contains(told, want) {
			t.Errorf("nothing of %q in\n%s", want, told)
		}
	}
	reader := desk.Actor{Person: "rita", Roles: []string{"reader"}}
	if _, err := l.Live(ctx, reader); err != nil {
		t.Error(err)
	}
	for _, err := range []error{l.AskRound(ctx, reader, "support.bot", "x"), l.PauseRounds(ctx, reader, "support.bot", "x"), l.ResumeRounds(ctx, reader, "support.bot", "x"), l.CountAnew(ctx, reader, "support.bot", "x"), l.SettleAlarm(ctx, reader, "a", false, "x")} {
		if !errors.Is(err, desk.ErrDenied) {
			t.Error(err)
		}
	}
}

// TestLiveRounds: a round can be read as a campaign, what got through in it is a finding, and later
// rounds are its re-tests. It never goes on as a campaign of the range.
func TestLiveRounds(t *testing.T) {
	l := liveLab(t)
	s := l.ward(t)
	name := s.Rounds[6].Name()
	hits, _ := l.through(t, name)
	if len(hits) < 5 {
		t.Fatalf("%d got through without a guard", len(hits))
	}
	c := l.campaign(t, name)
	if c.ID != name || c.State != desk.CampaignDone || c.Inside || c.Last().Arm != "support.bot" {
		t.Errorf("%s %s %v", c.ID, c.State, c.Inside)
	}
	one, err := l.Attempt(ctx, admin, name, hits[0])
	fatal(t, err)
	if len(one.Tries) != 8 || one.Tries[0].Campaign != s.Rounds[0].Name() {
		t.Errorf("%+v", one.Tries)
	}
	f, err := l.OpenFinding(ctx, admin, name, hits[0], redteam.Handling{Damage: "high", Likelihood: "likely"})
	fatal(t, err)
	if f.Campaign != name || f.Begun.IsZero() {
		t.Errorf("%+v", f)
	}
	if err := l.CloseFinding(ctx, admin, f.ID); err == nil {
		t.Error("it is closed though the next round did not hold")
	}
	if list, err := l.Campaigns(ctx, admin); err != nil || len(list) > 0 {
		t.Errorf("rounds are listed as campaigns: %d, %v", len(list), err)
	}
	if _, err := l.StartCampaign(ctx, admin, name, "x"); err == nil || !strings.Contains(err.Error(), "inside this server") {
		t.Error(err)
	}
	for _, none := range []string{"live.support.bot.20200101-000000.000", "live.x.20200101-000000.000", "live...20200101-000000.000", "live.support.bot/../" + s.Rounds[0].Folder, "live"} {
		if _, err := l.Campaign(ctx, admin, none); !errors.Is(err, desk.ErrUnknown) {
			t.Errorf("%s: %v", none, err)
		}
	}
}
