package ledger

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/bartizan-ai/bartizan/record"
)

// Promise is a receipt in its parts.
type Promise struct {
	Exchange string
	At       time.Time
	keyHash  uint32
	signed   []byte
	sig      []byte
}

const (
	promiseVersion = 1
	// promiseContext keeps a receipt's signature from ever being one of a
	// checkpoint: no note begins with a zero byte.
	promiseContext = "\x00bartizan receipt\x00"
	promiseMax     = 512
)

// promise makes the compact receipt: version, key, time, id, signature.
func (k *keyring) promise(id string, at time.Time) string {
	b := make([]byte, 0, 14+len(id)+ed25519.SignatureSize)
	b = append(b, promiseVersion)
	b = binary.BigEndian.AppendUint32(b, k.signer.KeyHash())
	b = binary.BigEndian.AppendUint64(b, nanos(at))
	b = appendID(b, id)
	b = append(b, ed25519.Sign(k.private, append([]byte(promiseContext), b...))...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseReceipt reads a compact receipt without judging its signature.
func ParseReceipt(compact string) (*Promise, error) {
	compact = strings.TrimSpace(compact)
	if len(compact) > promiseMax {
		return nil, errors.New("ledger: a receipt is not that long")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(compact)
	if err != nil {
		return nil, errors.New("ledger: the receipt is not base64url")
	}
	if len(b) < 14 || b[0] != promiseVersion {
		return nil, errors.New("ledger: the receipt is of no known version")
	}
	id, sig, err := cutID(b[13:], ed25519.SignatureSize)
	if err != nil || len(sig) != ed25519.SignatureSize || !idPattern.MatchString(id) {
		return nil, errors.New("ledger: the receipt is cut short or has bytes after its end")
	}
	return &Promise{Exchange: id, At: fromNanos(binary.BigEndian.Uint64(b[5:])), keyHash: binary.BigEndian.Uint32(b[1:]),
		signed: b[:len(b)-len(sig)], sig: sig}, nil
}

// Verify checks the signature under the log's public key.
func (p *Promise) Verify(vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("ledger: reading the log's public key: %w", err)
	}
	public, err := publicKey(vkey)
	if err != nil {
		return err
	}
	if v.KeyHash() != p.keyHash || !ed25519.Verify(public, append([]byte(promiseContext), p.signed...), p.sig) {
		return errors.New("ledger: the receipt was not signed by this log")
	}
	return nil
}

// publicKey takes the key out of "name+hash+base64(algorithm, key)".
func publicKey(vkey string) (ed25519.PublicKey, error) {
	parts := strings.SplitN(strings.TrimSpace(vkey), "+", 3)
	if len(parts) == 3 {
		if b, err := base64.StdEncoding.DecodeString(parts[2]); err == nil && len(b) == 1+ed25519.PublicKeySize {
			return b[1:], nil
		}
	}
	return nil, errors.New("ledger: the log's public key is damaged")
}

// Proof is all that is needed to see, without the ledger, that a leaf is in the
// log.
type Proof struct {
	Origin     string   `json:"origin"`
	Index      int64    `json:"index"`
	Leaf       []byte   `json:"leaf"`
	Hashes     [][]byte `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
	Key        string   `json:"key"`               // the log's public key, to be compared with one known otherwise
	Receipt    string   `json:"receipt,omitempty"` // the promise that this keeps
}

// Verify checks the proof under a key that the caller trusts, and returns what
// the leaf says.
func (p *Proof) Verify(vkey string) (*Leaf, error) {
	v, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the log's public key: %w", err)
	}
	c, err := openCheckpoint([]byte(p.Checkpoint), v)
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the checkpoint: %w", err)
	}
	if c.origin != p.Origin {
		return nil, fmt.Errorf("ledger: the checkpoint is of the log %q, not of %q", c.origin, p.Origin)
	}
	leaf, err := ParseLeaf(p.Leaf)
	if err != nil {
		return nil, err
	}
	if p.Index < 0 || p.Index >= c.size {
		return nil, errors.New("ledger: the checkpoint is older than the leaf")
	}
	proof := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		if len(h) != tlog.HashSize {
			return nil, errors.New("ledger: the proof has something that is not a hash")
		}
		proof[i] = tlog.Hash(h)
	}
	if err := tlog.CheckRecord(proof, c.size, c.root, p.Index, tlog.RecordHash(p.Leaf)); err != nil {
		return nil, fmt.Errorf("ledger: the leaf is not in the log that was signed: %w", err)
	}
	return leaf, nil
}

// ParseProof reads a proof as [Prove] and the gate write it.
func ParseProof(data []byte) (*Proof, error) {
	p := new(Proof)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("ledger: reading a proof: %w", err)
	}
	return p, nil
}

// Receipt returns the proof for an exchange or for the newest phase of an act.
// [ErrNotYet] means that there is no leaf so far; a second later there is.
func (l *Ledger) Receipt(ctx context.Context, id string) (*Proof, error) {
	l.mu.Lock()
	views := l.views()
	l.mu.Unlock()
	return proveIn(ctx, views, l.keys.vkey, id)
}

// prove finds the newest leaf of an id and proves it.
func (v *view) prove(ctx context.Context, vkey, id string) (*Proof, error) {
	want := hash64(id)
	for i, r := range v.rows(ctx, &record.Query{}) {
		if r.err != nil {
			return nil, r.err
		}
		if r.id != want {
			continue
		}
		leaf, err := v.leaf(i)
		if err != nil {
			return nil, err
		}
		if f, err := ParseLeaf(leaf); err != nil || f.ID != id {
			continue // another id of the same hash
		}
		proof, err := tlog.ProveRecord(v.tree.size, i, v.tree.reader(v.shard.logDir()))
		if err != nil {
			return nil, fmt.Errorf("ledger: proving %s: %w", id, err)
		}
		p := &Proof{Origin: v.shard.origin, Index: i, Leaf: leaf, Checkpoint: string(v.signed), Key: vkey}
		for _, h := range proof {
			p.Hashes = append(p.Hashes, append([]byte(nil), h[:]...))
		}
		return p, nil
	}
	return nil, ErrNotYet
}
