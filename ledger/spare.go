package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// adoptSpares takes over the empty segments an earlier process made.
func (j *journal) adoptSpares() error {
	found, err := within(j.dir, "spare-*")
	if err != nil {
		return err
	}
	for _, name := range found {
		fi, err := os.Stat(name)
		if err != nil {
			return err
		}
		if fi.Size() != j.size {
			if err := j.disk.Remove(name); err != nil {
				return err
			}
			continue
		}
		j.spares = append(j.spares, name)
	}
	return nil
}

// allocate makes an empty segment. A failed one is removed at once: its room is
// wanted elsewhere.
func (j *journal) allocate(name string) error {
	f, err := j.disk.Open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	err = f.Allocate(j.size)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return errors.Join(err, ignoreMissing(j.disk.Remove(name)))
	}
	return nil
}

// prepare keeps spares ready, so that no exchange waits for zeros to be written.
func (j *journal) prepare() {
	for made := 0; ; {
		j.mu.Lock()
		have := len(j.spares)
		j.mu.Unlock()
		var err error
		if have < spareSegments {
			made++
			name := filepath.Join(j.dir, fmt.Sprintf("spare-%d-%d", j.epoch, made))
			if err = j.allocate(name); err == nil {
				j.mu.Lock()
				j.spares, j.starved = append(j.spares, name), nil
				j.mu.Unlock()
				j.changed.Broadcast()
				continue
			}
		}
		j.mu.Lock()
		j.starved = err
		j.mu.Unlock()
		j.changed.Broadcast()
		if !j.pause(err != nil) {
			return
		}
	}
}

// pause waits until a spare is needed, or a while after a failure. It returns
// false when the journal stops.
func (j *journal) pause(failed bool) bool {
	var again <-chan time.Time
	if failed {
		t := time.NewTimer(j.retry)
		defer t.Stop()
		again = t.C
	}
	select {
	case <-j.need:
	case <-again:
	case <-j.stop:
		return false
	}
	return true
}
