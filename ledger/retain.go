package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// Retention says what is to be deleted.
type Retention struct {
	Class  string // "records": whole months and their keys; "content": days
	Before time.Time
	Policy string // name@digest of what demands it
	By     string
}

// Retain deletes what is older than Before. The act that says so is in the log
// before anything is gone, so that a verifier can tell deletion from tampering.
// Where nothing is so old, nothing happens. Leaves stay. Records go by whole months, so some remain until their month ends.
func (l *Ledger) Retain(ctx context.Context, r Retention) error {
	if r.Class != "records" && r.Class != "content" {
		return fmt.Errorf("ledger: deleting: there is no class %q", r.Class)
	}
	before := r.Before.UTC()
	if r.Class == "records" {
		before = time.Date(before.Year(), before.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	if some, err := l.old(r.Class, day(before)); err != nil || !some {
		return err
	}
	act := record.Act{ID: "act_" + rand.Text(), Phase: "intended", Kind: retainKind, By: r.By, Reason: r.Policy,
		Detail: map[string]string{"class": r.Class, "before": strconv.Itoa(int(day(before)))}}
	if err := l.Act(ctx, act); err != nil {
		return err
	}
	if err := l.inLog(ctx, act.ID); err != nil {
		return fmt.Errorf("ledger: deleting: %w", err)
	}
	if r.Class == "records" {
		l.mu.Lock()
		l.before = max(l.before, day(before))
		l.mu.Unlock()
	}
	removed, err := l.delete(r.Class, day(before))
	act.Phase, act.At = "done", time.Time{}
	act.Detail["removed"] = strconv.Itoa(removed)
	if err != nil {
		act.Phase, act.Detail["error"] = "failed", bare(err).Error()
	}
	return errors.Join(err, l.Act(ctx, act))
}

// old reports whether there is anything to delete: a deletion of nothing is no act.
func (l *Ledger) old(class string, before uint32) (bool, error) {
	if class == "content" {
		days, err := os.ReadDir(filepath.Join(l.cfg.Dir, "content"))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		for _, d := range days {
			if n, bad := strconv.ParseUint(d.Name(), 10, 32); bad == nil && uint32(n) < before {
				return true, nil
			}
		}
		return false, err
	}
	l.mu.Lock()
	shards := l.shards
	l.mu.Unlock()
	for _, s := range shards {
		months, err := s.months()
		if err != nil {
			return false, err
		}
		for _, m := range months {
			if m < before/100 {
				return true, nil
			}
		}
	}
	return false, nil
}

// inLog waits until a checkpoint covers an id.
func (l *Ledger) inLog(ctx context.Context, id string) error {
	for {
		if _, err := l.Receipt(ctx, id); !errors.Is(err, ErrNotYet) {
			return err
		}
		select {
		case <-time.After(l.cfg.CheckpointEvery / 4):
		case <-l.projected:
			return record.ErrUnavailable
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// delete removes what lies before a day.
func (l *Ledger) delete(class string, before uint32) (removed int, err error) {
	if class == "content" {
		return l.deleteContent(before)
	}
	l.mu.Lock()
	shards := l.shards
	l.mu.Unlock()
	for _, s := range shards {
		months, err := s.months()
		if err != nil {
			return removed, err
		}
		for _, m := range months {
			if m >= before/100 {
				continue
			}
			if err := errors.Join(l.keys.forget(m), s.drop(m)); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// drop removes a month's records. Readers that are in them see an error.
func (s *shard) drop(month uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[month]; f != nil {
		delete(s.files, month)
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := ignoreMissing(s.disk.Remove(s.recordFile(month))); err != nil {
		return err
	}
	return s.disk.SyncDir(filepath.Dir(s.recordFile(month)))
}

// deleteContent removes whole days. Files go one by one, so that what is not a file
// of the ledger stops it.
func (l *Ledger) deleteContent(before uint32) (removed int, err error) {
	root := filepath.Join(l.cfg.Dir, "content")
	days, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, d := range days {
		n, err := strconv.ParseUint(d.Name(), 10, 32)
		if err != nil || uint32(n) >= before {
			continue
		}
		dir := filepath.Join(root, d.Name())
		files, err := os.ReadDir(dir)
		if err != nil {
			return removed, err
		}
		for _, f := range files {
			if err := l.cfg.disk.Remove(filepath.Join(dir, f.Name())); err != nil {
				return removed, err
			}
			removed++
		}
		l.dirs.forget(dir)
		if err := l.cfg.disk.Remove(dir); err != nil {
			return removed, err
		}
	}
	return removed, l.cfg.disk.SyncDir(root)
}

// retention is what an act of deletion covers.
type retention struct {
	class  string // "records", "content"
	before uint32 // day: everything older
	shard  int
	index  int64
}

// parseRetention reads the note of an act of deletion that was intended: the act
// stands in the log before anything is gone.
func parseRetention(note string) (r retention, ok bool) {
	var kind, phase string
	n, err := fmt.Sscanf(note, "%s %s %s %d", &kind, &phase, &r.class, &r.before)
	return r, err == nil && n == 4 && kind == retainKind && phase == "intended"
}

// position orders leaves over shards.
func position(shard int, index int64) uint64 { return uint64(shard)<<48 | uint64(index) }

// deleted reports whether an act behind a position covers a day.
func (v *verifier) deleted(class string, d uint32, pos uint64) bool {
	for _, r := range v.retains {
		after := pos == nothingLive || position(r.shard, r.index) > pos
		if r.class == class && d < r.before && after {
			return true
		}
	}
	return false
}

// dayOfContent reads the day from the folder of a content file.
func dayOfContent(name string) (d uint32) {
	if _, err := fmt.Sscanf(filepath.Base(filepath.Dir(name)), "%08d", &d); err != nil {
		return 1<<32 - 1
	}
	return d
}
