package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// job is the campaign that runs in this process, or the last one that did.
type job struct {
	id       string
	progress redteam.Progress
	cancel   context.CancelFunc
	ended    bool
	stopped  bool   // by somebody
	why      string // it ended before its last attempt
}

// live reports whether a campaign runs in this process.
func (c *campaigns) live(id string) bool { return c.job != nil && c.job.id == id && !c.job.ended }

// StartCampaign begins the default campaign on the range inside this process; or goes on with
// one, where id names it. One runs at a time. It returns the name of the campaign.
func (d *Desk) StartCampaign(ctx context.Context, a Actor, id, reason string) (string, error) {
	again := id != ""
	if !again {
		id = "default-" + d.cfg.Now().UTC().Format("20060102-150405")
	}
	err := d.act(ctx, a, record.Act{Kind: RedteamRun, Target: "campaign " + id, Reason: clean(reason)}, func() error {
		if strings.TrimSpace(reason) == "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "An attack needs a reason, even one on ourselves: say why it is made.")
		}
		if d.cfg.Attacks.Run == nil || d.cfg.Attacks.Dir == "" {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "This server begins no campaigns; the command `bartizan redteam run` does.")
		}
		if again {
			c, err := d.known(id)
			if err != nil {
				return err
			}
			if c.State != CampaignUnfinished || !c.Inside {
				return refuse(http.StatusConflict, ErrInvalid, "Only a campaign on the range inside this server that was stopped can go on here; others go on where they were begun.")
			}
		}
		return d.launch(id, redteam.Scope{AllowedBy: a.Person, Reason: clean(reason), Until: d.cfg.Now().UTC().Add(24 * time.Hour), Targets: []string{"inside://"}})
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// known returns a campaign whose folder is there.
func (d *Desk) known(id string) (*Campaign, error) {
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	ids, err := d.ids()
	if err != nil {
		return nil, err
	}
	if !d.isThere(id, ids) {
		return nil, noCampaign()
	}
	return d.campaign(id), nil
}

// launch runs a campaign beside its caller, unless one runs.
func (d *Desk) launch(id string, allowed redteam.Scope) error {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.job != nil && !c.job.ended {
		return refuse(http.StatusConflict, ErrBusy, "A campaign runs already: %s. Stop it, or wait until it has ended.", c.job.id)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	if err := ctx.Err(); err != nil {
		cancel()
		return err
	}
	j := &job{id: id, cancel: cancel}
	c.job = j
	c.running.Go(func() {
		defer cancel()
		err := d.cfg.Attacks.Run(ctx, filepath.Join(d.cfg.Attacks.Dir, id), allowed, func(p redteam.Progress) {
			c.mu.Lock()
			defer c.mu.Unlock()
			j.progress = p
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		j.ended, j.why = true, ended(err)
		delete(c.known, id) // it is read once more, as it is now
	})
	return nil
}

// ended says why a campaign ended before its last attempt; "" where it did not.
func ended(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "It was stopped; it can go on where it was."
	case errors.Is(err, redteam.ErrBudget):
		return "Its budget is spent."
	case errors.Is(err, redteam.ErrOther):
		return "It cannot go on: what it attacks, or its seeds, are others by now. Begin a new one."
	}
	return "It failed; the server's log says why."
}

// StopCampaign stops the campaign that runs in this process, at once: nothing more is sent.
func (d *Desk) StopCampaign(ctx context.Context, a Actor, id string) error {
	return d.act(ctx, a, record.Act{Kind: RedteamRun, Target: "stop of campaign " + id}, func() error {
		c := &d.campaigns
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.live(id) {
			return refuse(http.StatusConflict, ErrInvalid, "This campaign does not run in this server now. One that a command runs is stopped there, with Ctrl-C.")
		}
		c.job.stopped = true
		c.job.cancel()
		return nil
	})
}

// Decide says whether an attempt was a hit, in place of its scorer.
func (d *Desk) Decide(ctx context.Context, a Actor, id, key string, verdict redteam.Verdict, reason string) error {
	return d.act(ctx, a, record.Act{Kind: RedteamDecide, Target: attemptTarget(id, key), Reason: clean(string(verdict) + ": " + reason)}, func() error {
		if strings.TrimSpace(reason) == "" || verdict != redteam.Hit && verdict != redteam.Miss {
			return refuse(http.StatusUnprocessableEntity, ErrInvalid, "A judgement is hit or miss, and has a reason.")
		}
		if _, err := d.known(id); err != nil {
			return err
		}
		dir := d.lies(id)
		r, err := redteam.Find(dir, key)
		if err != nil {
			return noAttempt()
		}
		if r.Outcome != redteam.Answered && r.Outcome != redteam.Refused || r.Cell == redteam.BenignCell {
			return refuse(http.StatusConflict, ErrInvalid, "Only an attack that was answered needs a judgement: this one says itself what became of it.")
		}
		d.campaigns.mu.Lock()
		defer d.campaigns.mu.Unlock()
		delete(d.campaigns.known, id)
		return redteam.Decide(dir, redteam.Dispute{Key: key, Verdict: verdict, By: a.Person, Reason: clean(reason), At: d.cfg.Now().UTC()})
	})
}

func attemptTarget(id, key string) string {
	return fmt.Sprintf("attempt %.16s of campaign %s", key, id)
}

func noAttempt() error {
	return refuse(http.StatusNotFound, ErrUnknown, "This campaign has no attempt of this key.")
}
