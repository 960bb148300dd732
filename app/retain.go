package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/ledger"
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
	return a.delete(ctx, "records", now.Add(-k.Records.For), k.Records.Policy)
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

// days reads "395d".
func days(s string) (time.Duration, bool) {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || !strings.HasSuffix(s, "d") || n <= 0 {
		return 0, false
	}
	return time.Duration(n) * 24 * time.Hour, true
}
