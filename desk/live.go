package desk

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// Live are the systems that the red team tries while people use them, and what that showed.
func (d *Desk) Live(ctx context.Context, a Actor) ([]redteam.WardState, error) {
	if err := d.May(a, RedteamRead); err != nil {
		return nil, err
	}
	if d.cfg.Attacks.Canaries == nil {
		return []redteam.WardState{}, nil
	}
	return d.cfg.Attacks.Canaries.States(ctx)
}

// OpenAlarms counts the alarms that nobody has settled.
func (d *Desk) OpenAlarms(ctx context.Context, a Actor) (int, error) {
	list, err := d.Live(ctx, a)
	n := 0
	for i := range list {
		n += len(list[i].Open())
	}
	return n, err
}

// AskRound wants a round on a system now, whatever its schedule says.
func (d *Desk) AskRound(ctx context.Context, a Actor, system, reason string) error {
	return d.onWard(ctx, a, RedteamRun, "round of canaries on "+system, system, reason, func(c *redteam.Canaries, s *redteam.WardState) error {
		why := map[string]string{
			"running":    "A round on this system runs just now.",
			"faulty":     s.Ward.Fault,
			"paused":     "Canaries on this system are paused; let them go on first.",
			"ended":      "The last day on which this system may be attacked is over: canaries.until in the configuration names it.",
			"spent":      "What a round can use is more than what is left of this day's tokens; ask again tomorrow, or raise canaries.tokens_a_day.",
			"too_little": "One round can use more tokens than a day has: raise canaries.tokens_a_day, or lower canaries.attempts.",
		}[s.State]
		if why != "" {
			return refuse(http.StatusConflict, ErrInvalid, "%s", why)
		}
		return c.Ask(ctx, system, a.Person)
	})
}

// PauseRounds stops the round on a system at once, and lets none begin.
func (d *Desk) PauseRounds(ctx context.Context, a Actor, system, reason string) error {
	return d.onWard(ctx, a, RedteamRun, "pause of canaries on "+system, system, reason, func(c *redteam.Canaries, _ *redteam.WardState) error {
		return c.Pause(ctx, system, a.Person, clean(reason))
	})
}

// ResumeRounds lets rounds on a system begin again; one that was stopped goes on.
func (d *Desk) ResumeRounds(ctx context.Context, a Actor, system, reason string) error {
	return d.onWard(ctx, a, RedteamRun, "end of the pause of canaries on "+system, system, reason, func(c *redteam.Canaries, s *redteam.WardState) error {
		if s.Watched.Paused.IsZero() {
			return refuse(http.StatusConflict, ErrInvalid, "Canaries on this system are not paused.")
		}
		return c.Resume(ctx, system)
	})
}

// CountAnew has rounds from now on say what is usual on a system.
func (d *Desk) CountAnew(ctx context.Context, a Actor, system, reason string) error {
	return d.onWard(ctx, a, RedteamDecide, "what is usual for canaries on "+system, system, reason, func(c *redteam.Canaries, _ *redteam.WardState) error {
		return c.Anew(ctx, system)
	})
}

// onWard does something about a system that is tried, for a reason.
func (d *Desk) onWard(ctx context.Context, a Actor, kind, target, system, reason string, do func(*redteam.Canaries, *redteam.WardState) error) error {
	return d.act(ctx, a, record.Act{Kind: kind, Target: clean(target), Reason: clean(reason)}, func() error {
		if strings.TrimSpace(reason) == "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "What is done about attacks on what people use has a reason: say why.")
		}
		c := d.cfg.Attacks.Canaries
		if c == nil {
			return noWard()
		}
		s, err := c.State(ctx, system)
		if errors.Is(err, redteam.ErrNoWard) {
			return noWard()
		}
		if err != nil {
			return err
		}
		return do(c, s)
	})
}

func noWard() error {
	return refuse(http.StatusNotFound, ErrUnknown, "This system is not tried while people use it; systems.NAME.canaries in the configuration has it tried.")
}

// SettleAlarm closes an alarm of canaries; usual says that what it saw is from now on what is usual.
func (d *Desk) SettleAlarm(ctx context.Context, a Actor, id string, usual bool, reason string) error {
	what := "over: "
	if usual {
		what = "usual from now on: "
	}
	return d.act(ctx, a, record.Act{Kind: RedteamDecide, Target: clean("alarm " + id), Reason: clean(what + reason)}, func() error {
		if strings.TrimSpace(reason) == "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "Say what the alarm was: whoever looks at the next one needs that.")
		}
		err := redteam.ErrNoAlarm
		if c := d.cfg.Attacks.Canaries; c != nil {
			err = c.Settle(ctx, id, usual, a.Person, clean(reason))
		}
		if errors.Is(err, redteam.ErrNoAlarm) {
			return refuse(http.StatusNotFound, ErrUnknown, "There is no such alarm, or it is settled already.")
		}
		return err
	})
}

// lies is the folder of a campaign, or of a round of canaries, which is one too.
func (d *Desk) lies(id string) string {
	if c := d.cfg.Attacks.Canaries; c != nil && redteam.IsRound(id) {
		return c.Lies(id)
	}
	return filepath.Join(d.cfg.Attacks.Dir, id)
}

// isThere reports whether a campaign can be read; ids are those that are listed.
func (d *Desk) isThere(id string, ids []string) bool {
	if slices.Contains(ids, id) {
		return true
	}
	if redteam.IsRound(id) {
		return d.cfg.Attacks.Canaries != nil && d.lies(id) != ""
	}
	return d.cfg.Attacks.Dir != "" && isCampaign(id) && holds(d.lies(id)) // an old one, which is not listed
}

func holds(dir string) bool {
	_, ok := beganAt(filepath.Join(dir, "campaign.json"))
	return ok
}

// rounds are the campaigns of rounds on a target; nothing, where it is none that people use.
func (d *Desk) rounds(target string) []string {
	system, live := strings.CutPrefix(target, redteam.LiveTarget)
	system, _, _ = strings.Cut(system, "#")
	if c := d.cfg.Attacks.Canaries; c != nil && live {
		return c.Names(system)
	}
	return nil
}
