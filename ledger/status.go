package ledger

import (
	"encoding/base64"
	"errors"
	"syscall"
	"time"
)

// Status is how the ledger is.
type Status struct {
	State      string    `json:"state"` // "ok", "full", "failed"
	Reason     string    `json:"reason,omitempty"`
	Origin     string    `json:"origin"`
	Key        string    `json:"key"` // the log's public key
	Size       int64     `json:"size"`
	Root       string    `json:"root"`       // base64, as in the checkpoint
	Checkpoint time.Time `json:"checkpoint"` // zero: none since the start
	Shards     int       `json:"shards"`     // more than one: a backup was restored
	Open       int       `json:"open"`       // exchanges without an outcome
	Pending    int       `json:"pending"`    // closed and not in a checkpoint
	Seq        uint64    `json:"seq"`        // of the last durable frame
	Room       int64     `json:"room"`       // bytes of journal that nothing has claimed
	Segments   int       `json:"segments"`   // of the journal, spares included
	Witnessed  bool      `json:"witnessed"`  // an outsider has seen the log: not in this version
}

// Status reports the state. Anything but "ok" means that [Ledger.Begin] refuses.
func (l *Ledger) Status() Status {
	l.mu.Lock()
	v := l.views()[0]
	s := Status{State: "ok", Origin: v.shard.origin, Key: l.keys.vkey, Size: v.tree.size, Checkpoint: v.signedAt,
		Shards: len(l.shards), Open: len(l.open), Pending: len(l.pending)}
	err, closed := l.stalled, l.closed
	l.mu.Unlock()
	if root, rootErr := v.tree.root(); rootErr == nil {
		s.Root = base64.StdEncoding.EncodeToString(root[:])
	} else {
		err = errors.Join(err, rootErr)
	}
	l.journal.status(&s)
	if err != nil {
		s.refuse(err)
	}
	if closed {
		s.State, s.Reason = "failed", "it is closed"
	}
	return s
}

// refuse tells a disk without room, which people can clear, from one that fails.
func (s *Status) refuse(err error) {
	s.State, s.Reason = "failed", err.Error()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		s.State = "full"
	}
}

// status adds what the journal knows. Room that open exchanges hold is not free.
func (j *journal) status(s *Status) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Seq = j.seq
	s.Room = j.room() - j.queued - j.reserved
	s.Segments = len(j.retired) + len(j.spares)
	if j.current != nil {
		s.Segments++
	}
	if j.broken != nil {
		s.refuse(j.broken)
	} else if j.starved != nil && len(j.spares) < spareSegments {
		s.refuse(j.starved)
	} else if s.Room < frameSize(maxIntent)+outcomeRoom {
		s.State, s.Reason = "full", "open exchanges have reserved what is left of the journal"
	}
}
