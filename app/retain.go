package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/redteam"
)

// retainEvery is how often the ledger is asked to forget what no policy keeps any
// longer.
const retainEvery = time.Hour

// retain forgets, at once and then every hour, what is older than every policy in
// use wants it kept. Records of all systems lie together, so the longest time
// holds for all of them.
func (a *App) retain() {
	defer a.stopped.Done()
	for {
		if err := a.forget(context.Background(), time.Now()); err != nil {
			a.cfg.Log.Error("old records could not be deleted", "reason", err.Error())
		}
		select {
		case <-a.stop:
			return
		case <-time.After(retainEvery):
		}
	}
}

// forget deletes what is too old at a time.
func (a *App) forget(ctx context.Context, now time.Time) error {
	k := a.keeping()
	if k.Records.For == 0 {
		return nil // no policy is in use
	}
	if k.Content.For > 0 {
		if err := a.delete(ctx, "content", now.Add(-k.Content.For), k.Content.Policy); err != nil {
			return err
		}
	}
	if err := a.delete(ctx, "records", now.Add(-k.Records.For), k.Records.Policy); err != nil {
		return err
	}
	return a.forgetCampaigns(ctx, now.Add(-k.Records.For), k.Records.Policy)
}

// keeping is what the policies in use keep, and how long: the longest time of each holds.
func (a *App) keeping() desk.Keeping {
	p := a.plan.Load()
	out := desk.Keeping{Content: desk.Kept{None: true}, Backups: p.file.Privacy.KeyBackups}
	for _, c := range p.list() {
		keep := c.Policy().Keep
		one := desk.PolicyKeep{Policy: c.ID(), Systems: []string{}, Records: keep.Records, Content: keep.Content}
		for _, s := range p.Permits.Systems() {
			if p.Policies[s.Name] == c {
				one.Systems = append(one.Systems, s.Name)
			}
		}
		out.Policies = append(out.Policies, one)
		r, _ := days(keep.Records)
		if r > out.Records.For {
			out.Records = desk.Kept{For: r, Policy: c.ID()}
		}
		k, ok := days(keep.Content)
		if !ok && keep.Content != "none" {
			k = r // kept as long as its record
		}
		if k > out.Content.For {
			out.Content = desk.Kept{For: k, Policy: c.ID()}
		}
	}
	return out
}

// delete deletes a class of what is older than before, less what is under legal hold, and
// what leads there.
func (a *App) delete(ctx context.Context, class string, before time.Time, policy string) error {
	before, err := a.heldBack(ctx, before, class == "records")
	if err != nil || before.IsZero() {
		return err
	}
	if err := a.ledger.Retain(ctx, ledger.Retention{Class: class, Before: before, Policy: policy, By: "retention"}); err != nil || class != "content" {
		return err
	}
	return a.subjects.Forget(ctx, before)
}

// forgetCampaigns deletes folders of the red team that nothing was written to since, as long as records
// are kept: answers are in them, and in answers can be anything. The evidence of findings that are
// not closed stays, and so does everything where a legal hold is on all records.
func (a *App) forgetCampaigns(ctx context.Context, before time.Time, policy string) error {
	before, err := a.heldBack(ctx, before, true)
	if err != nil || before.IsZero() {
		return err
	}
	wanted, err := redteam.OpenFindings(a.store, nil).Evidence(ctx)
	if err != nil {
		return err
	}
	for _, c := range campaignsIn(a.dir(Campaigns)) {
		if wanted[c.name] || !c.last.Before(before) {
			continue
		}
		act := record.Act{ID: "act_" + rand.Text(), Kind: RedteamRetain, Phase: "done", By: "retention", Target: "campaign " + c.name, Reason: "policy " + policy}
		if err := errors.Join(os.RemoveAll(c.dir), a.ledger.Act(ctx, act)); err != nil {
			return fmt.Errorf("deleting an old campaign: %w", err)
		}
	}
	return nil
}

// RedteamRetain is the act by which campaigns are deleted that are too old.
const RedteamRetain = "redteam.retain"

// kept is a campaign in its folder.
type kept struct {
	name, dir string
	last      time.Time // when something was written there
}

// campaignsIn lists campaigns, and rounds of canaries.
func campaignsIn(dir string) (out []kept) {
	files, _ := filepath.Glob(filepath.Join(dir, "*", "campaign.json"))
	rounds, _ := filepath.Glob(filepath.Join(dir, filepath.Base(live), "*", "*", "campaign.json"))
	for _, file := range append(files, rounds...) {
		c := kept{dir: filepath.Dir(file)}
		c.name = filepath.Base(c.dir)
		if system := filepath.Dir(c.dir); system != dir {
			c.name = redteam.RoundName(filepath.Base(system), c.name)
		}
		parts, err := os.ReadDir(c.dir)
		if err != nil {
			continue // it is gone, or nobody's to delete
		}
		for _, part := range parts {
			if info, err := part.Info(); err == nil && info.ModTime().After(c.last) {
				c.last = info.ModTime()
			}
		}
		out = append(out, c)
	}
	return out
}

// days reads "395d".
func days(s string) (time.Duration, bool) {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || !strings.HasSuffix(s, "d") || n <= 0 {
		return 0, false
	}
	return time.Duration(n) * 24 * time.Hour, true
}
