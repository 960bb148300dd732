package privacy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// noteBatch is how many exchanges one transaction takes: whoever waits shares its sync.
const noteBatch = 128

// noteWait bounds how long a call may wait for its notes.
const noteWait = 10 * time.Second

// errClosed means that the process is about to end.
var errClosed = errors.New("privacy: closed")

// noteCall is one caller who waits for its notes.
type noteCall struct {
	note record.Noting
	ids  []string // of the subjects, place by place
	keys map[string]subjectKey
	done chan error
}

// noted seals for one exchange with the keys that its notes found. Who is erased between
// the two is sealed under a key that is gone already.
type noted struct {
	s    *Subjects
	keys map[string]subjectKey
}

// Seal implements [record.Sealer], for subjects that were noted.
func (n noted) Seal(subjects []string, plain []byte) ([]byte, error) {
	ids := make([]string, len(subjects))
	for i, subject := range subjects {
		ids[i] = n.s.ID(subject)
	}
	return seal(n.keys, ids, plain)
}

// Open implements [record.Sealer].
func (n noted) Open(sealed []byte) ([]byte, error) { return n.s.Open(sealed) }

// Note makes durable where values of subjects are about to lie, and returns what seals
// them. What cannot be noted must not be kept: nobody would find it to erase it.
func (s *Subjects) Note(ctx context.Context, n record.Noting) (record.Sealer, error) {
	c := &noteCall{note: n, done: make(chan error, 1)}
	for _, p := range n.Places {
		c.ids = append(c.ids, s.ID(p.Subject))
	}
	select {
	case s.notes <- c:
	case <-s.stop:
		return nil, errClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("privacy: noting: %w", ctx.Err())
	}
	select {
	case err := <-c.done:
		if err != nil {
			return nil, fmt.Errorf("privacy: noting: %w", err)
		}
		return noted{s, c.keys}, nil
	case <-s.stop:
		return nil, errClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("privacy: noting: %w", ctx.Err())
	}
}

// take writes notes, those of all who wait in one transaction.
func (s *Subjects) take() {
	defer s.stopped.Done()
	for {
		var batch []*noteCall
		select {
		case <-s.stop:
			return
		case c := <-s.notes:
			batch = append(batch, c)
		}
		for more := true; more && len(batch) < noteBatch; {
			select {
			case c := <-s.notes:
				batch = append(batch, c)
			default:
				more = false
			}
		}
		err := s.write(batch)
		for _, c := range batch {
			c.done <- err
		}
	}
}

// write makes one batch durable.
func (s *Subjects) write(batch []*noteCall) error {
	ctx, cancel := context.WithTimeout(context.Background(), noteWait)
	defer cancel()
	return s.withMaster(ctx, func(m *master) error {
		return s.store.Tx(ctx, func(tx *store.Tx) error {
			for _, c := range batch {
				if err := s.keysOf(ctx, tx, m, c); err != nil {
					return err
				}
				if err := c.rows(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// rows writes the places of one call.
func (c *noteCall) rows(ctx context.Context, tx *store.Tx) error {
	n := &c.note
	output := 0
	if n.Output {
		output = 1
	}
	for i, p := range n.Places {
		_, err := tx.Exec(ctx, `INSERT INTO privacy_place (subject, exchange, output, path, kind, system, day, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (subject, exchange, output, path, kind) DO NOTHING`,
			c.ids[i], n.Exchange, output, p.Path, p.Kind, n.System, day(n.At), store.Nanos(n.At))
		if err != nil {
			return err
		}
	}
	return nil
}

// day is 20260304, as the ledger counts.
func day(t time.Time) int64 {
	y, m, d := t.UTC().Date()
	return int64(y)*10000 + int64(m)*100 + int64(d)
}

// keysOf reads the keys of a call's subjects and makes those that are missing. They are
// wrapped under m, which must still be the newest: a key under an older one would be lost
// when that is destroyed.
func (s *Subjects) keysOf(ctx context.Context, tx *store.Tx, m *master, c *noteCall) error {
	var newest int64
	if err := tx.QueryRow(ctx, `SELECT max(generation) FROM privacy_master`).Scan(&newest); err != nil {
		return err
	}
	if newest != m.generation {
		return errMoved
	}
	c.keys = map[string]subjectKey{} // what a transaction made that was refused is not there
	for _, id := range c.ids {
		if _, known := c.keys[id]; known {
			continue
		}
		k, err := s.keyOf(ctx, tx, m, id)
		if err != nil {
			return err
		}
		c.keys[id] = k
	}
	return nil
}

// keyOf reads or makes the key of one subject.
func (s *Subjects) keyOf(ctx context.Context, tx *store.Tx, m *master, subject string) (k subjectKey, err error) {
	var id, wrapped []byte
	var generation int64
	err = tx.QueryRow(ctx, `SELECT id, generation, wrapped FROM privacy_key WHERE subject = ?`, subject).Scan(&id, &generation, &wrapped)
	if err == nil {
		k.id = [keyIDSize]byte(id)
		k.key, err = s.unwrap(subject, id, generation, wrapped)
		return k, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return k, err
	}
	k.key = make([]byte, keySize)
	rand.Read(k.id[:])
	rand.Read(k.key)
	_, err = tx.Exec(ctx, `INSERT INTO privacy_key (subject, id, generation, wrapped, made) VALUES (?, ?, ?, ?, ?)`,
		subject, k.id[:], m.generation, m.wrapped(subject, k.id[:], k.key), store.Nanos(s.now()))
	return k, err
}
