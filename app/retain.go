package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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
	// The folder itself may be a link, as whoever runs this placed it; below it nothing leads out.
	root, err := os.OpenRoot(a.dir(Campaigns))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was attacked yet
	}
	if err != nil {
		return fmt.Errorf("looking for old campaigns: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, c := range campaignsIn(root) {
		if wanted[c.name] || !c.last.Before(before) {
			continue
		}
		recorded, e := a.forgetCampaign(ctx, root, c, "policy "+policy)
		if err = errors.Join(err, e); !recorded {
			break // nor would the next one be
		}
	}
	return err
}

// RedteamRetain is the act by which campaigns are deleted that are too old.
const RedteamRetain = "redteam.retain"

// forgetRound deletes the folder of a round that is one too many, unless a legal hold keeps it.
func (a *App) forgetRound(ctx context.Context, name, _ string) error {
	before, err := a.heldBack(ctx, time.Now(), true)
	if err != nil || before.IsZero() {
		return err
	}
	root, err := os.OpenRoot(a.dir(Campaigns))
	if err != nil {
		return fmt.Errorf("looking for old rounds: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, c := range campaignsIn(root) {
		if c.name == name && c.last.Before(before) {
			_, err := a.forgetCampaign(ctx, root, c, "there are newer rounds")
			return err
		}
	}
	return nil
}

// forgetCampaign deletes one campaign between two records of it, and nothing that cannot be on record.
func (a *App) forgetCampaign(ctx context.Context, root *os.Root, c kept, reason string) (recorded bool, err error) {
	act := record.Act{ID: "act_" + rand.Text(), Kind: RedteamRetain, Phase: "intended", By: "retention", Target: "campaign " + c.name, Reason: reason}
	if err := a.ledger.Act(ctx, act); err != nil {
		return false, fmt.Errorf("an old campaign was not deleted, because that cannot be recorded: %w", err)
	}
	act.Phase = "done"
	if err = c.remove(root); err != nil {
		act.Phase, err = "failed", fmt.Errorf("deleting an old campaign: %w", err)
	}
	e := a.ledger.Act(context.WithoutCancel(ctx), act)
	return e == nil, errors.Join(err, e)
}

// campaignFile makes a folder a campaign.
const campaignFile = "campaign.json"

// kept is a campaign in its folder.
type kept struct {
	name, dir string    // dir: below the folder of campaigns
	last      time.Time // when something was written there
}

// remove deletes the folder. What makes it a campaign goes last, so that one which was deleted by half
// is found again.
func (c kept) remove(root *os.Root) error {
	parts, err := fs.ReadDir(root.FS(), c.dir)
	for _, part := range parts {
		if part.Name() != campaignFile {
			err = errors.Join(err, root.RemoveAll(path.Join(c.dir, part.Name())))
		}
	}
	if err != nil {
		return err
	}
	return root.RemoveAll(c.dir)
}

// campaignsIn lists campaigns, and rounds of canaries. The folder of all rounds is no campaign, whatever
// is in it.
func campaignsIn(root *os.Root) (out []kept) {
	rounds := path.Base(live)
	add := func(name, dir string) {
		if last, ok := lastWritten(root, dir); ok {
			out = append(out, kept{name: name, dir: dir, last: last})
		}
	}
	for _, name := range foldersIn(root, ".") {
		if name != rounds {
			add(name, name)
			continue
		}
		for _, system := range foldersIn(root, rounds) {
			for _, round := range foldersIn(root, path.Join(rounds, system)) {
				add(redteam.RoundName(system, round), path.Join(rounds, system, round))
			}
		}
	}
	return out
}

// foldersIn lists folders, by name. A link to one is none: what it leads to is somebody else's.
func foldersIn(root *os.Root, dir string) (out []string) {
	list, _ := fs.ReadDir(root.FS(), dir) // what is gone, or nobody's to read, has none
	for _, e := range list {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// lastWritten is when something was last written to a campaign; not ok where it is none, or cannot be
// looked at.
func lastWritten(root *os.Root, dir string) (last time.Time, ok bool) {
	parts, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return last, false
	}
	for _, part := range parts {
		info, err := part.Info()
		if err != nil {
			return last, false // something goes on there
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
		ok = ok || part.Name() == campaignFile && info.Mode().IsRegular()
	}
	return last, ok
}

// days reads "395d".
func days(s string) (time.Duration, bool) {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || !strings.HasSuffix(s, "d") || n <= 0 {
		return 0, false
	}
	return time.Duration(n) * 24 * time.Hour, true
}
