package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// How long things hold that are known of a conversation.
const (
	remembered = 30 * 24 * time.Hour // after the last call that came under it
	trusted    = 2 * time.Second     // what was read: another replica may have raised it
	renewed    = 24 * time.Hour      // how often it is written that a conversation goes on
	swept      = time.Hour           // how often forgotten ones are removed
)

// maxConversations bounds those that are held in memory.
const maxConversations = 20_000

// Conversations remember the highest label that each conversation had, over restarts and
// replicas. What they hold of its name is a keyed hash.
type Conversations struct {
	store *store.Store
	key   []byte
	stale time.Duration
	now   func() time.Time

	mu    sync.Mutex // never held while the store is asked
	held  map[ConversationID]held
	swept time.Time
}

// held is what is known of a conversation.
type held struct {
	label Label
	read  time.Time // from the store
	wrote time.Time // there, as a sign of life
}

// ConversationID stands for a conversation, and does not tell its name.
type ConversationID [sha256.Size]byte

// ConversationsConfig is what Conversations need.
type ConversationsConfig struct {
	Store *store.Store
	Key   []byte           // of the hashes; the same on all replicas
	Stale time.Duration    // how long to believe what was read while the store is away; 0: 5 min
	Now   func() time.Time // nil: time.Now
}

// NewConversations returns a memory of conversations.
func NewConversations(cfg ConversationsConfig) (*Conversations, error) {
	if cfg.Store == nil || len(cfg.Key) < 16 {
		return nil, errors.New("privacy: conversations need a store and a key of 16 bytes or more")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Stale == 0 {
		cfg.Stale = 5 * time.Minute
	}
	return &Conversations{store: cfg.Store, key: cfg.Key, stale: cfg.Stale, now: cfg.Now, held: map[ConversationID]held{}}, nil
}

// ID returns what stands for the conversation that somebody names. Two callers never share
// one, whatever they call it.
func (c *Conversations) ID(names ...string) (id ConversationID) {
	h := hmac.New(sha256.New, c.key)
	var n [8]byte
	for _, name := range names {
		binary.BigEndian.PutUint64(n[:], uint64(len(name)))
		h.Write(n[:])
		h.Write([]byte(name))
	}
	h.Sum(id[:0])
	return id
}

// Highest returns the highest label that a conversation had; the lowest where it is not
// known. It asks the store when it has not for two seconds; while that is away, what it read
// last holds for a while.
func (c *Conversations) Highest(ctx context.Context, id ConversationID) (Label, error) {
	now := c.now()
	c.mu.Lock()
	h, known := c.held[id]
	c.mu.Unlock()
	if known && (h.label == HighlyConfidential || now.Sub(h.read) < trusted) && now.Sub(h.wrote) < renewed {
		return h.label, nil
	}
	var label, seen int64
	err := c.store.QueryRow(ctx, `SELECT label, seen FROM privacy_conversation WHERE hash = ? AND seen > ?`, id[:], store.Nanos(now.Add(-remembered))).Scan(&label, &seen)
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.forget(id, now)
		return Public, nil
	case err != nil && known && now.Sub(h.read) < c.stale:
		return h.label, nil
	case err != nil:
		return Public, err
	}
	h = held{Label(label), now, store.Time(seen)}
	if now.Sub(h.wrote) >= renewed {
		if err := c.write(ctx, id, h.label, now); err != nil {
			return Public, err
		}
		h.wrote = now
	}
	c.hold(id, h)
	return h.label, nil
}

// Raise makes a label the least that a conversation has from now on. It returns when the
// store has it.
func (c *Conversations) Raise(ctx context.Context, id ConversationID, label Label) error {
	now := c.now()
	c.mu.Lock()
	h, known := c.held[id]
	c.mu.Unlock()
	if label == Public || known && h.label >= label {
		return nil
	}
	if err := c.write(ctx, id, label, now); err != nil {
		return err
	}
	c.hold(id, held{label, now, now})
	return c.sweep(ctx, now)
}

// write puts a label into the store; a higher one that is there stays.
func (c *Conversations) write(ctx context.Context, id ConversationID, label Label, now time.Time) error {
	_, err := c.store.Exec(ctx, `INSERT INTO privacy_conversation (hash, label, seen) VALUES (?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET seen = excluded.seen,
		label = CASE WHEN privacy_conversation.seen <= ? OR privacy_conversation.label < excluded.label THEN excluded.label ELSE privacy_conversation.label END`,
		id[:], int64(label), store.Nanos(now), store.Nanos(now.Add(-remembered)))
	return err
}

// hold keeps what is known. One that grew too large begins anew: the store knows the rest.
func (c *Conversations) hold(id ConversationID, h held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.held[id]; ok {
		h.label = max(h.label, old.label)
	}
	if len(c.held) >= maxConversations {
		clear(c.held)
	}
	c.held[id] = h
}

// forget notes that the store knew nothing of a conversation at a time.
func (c *Conversations) forget(id ConversationID, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.held[id]; ok && !old.read.Before(at) {
		return // it was raised since
	}
	if len(c.held) >= maxConversations {
		clear(c.held)
	}
	c.held[id] = held{Public, at, at}
}

// sweep removes the conversations that are forgotten, once in a while.
func (c *Conversations) sweep(ctx context.Context, now time.Time) error {
	c.mu.Lock()
	due := now.Sub(c.swept) >= swept
	if due {
		c.swept = now
	}
	c.mu.Unlock()
	if !due {
		return nil
	}
	_, err := c.store.Exec(ctx, `DELETE FROM privacy_conversation WHERE seen <= ?`, store.Nanos(now.Add(-remembered)))
	return err
}
