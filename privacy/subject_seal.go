package privacy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// A sealed value is: version, number of keys, their ids, nonce, ciphertext. The first half
// of the nonce goes into the key of this one value, so that a busy caller's key may seal
// without end; the second half is the cipher's own. All before the ciphertext is
// authenticated with it.
const (
	sealVersion = 1
	keyIDSize   = 16
	keySize     = 32
	nonceSize   = 24
	maxSubjects = 16
)

// subjectKey is one subject's key. Its id says nothing of the subject: once the row is
// gone, nothing leads from a sealed value to a person.
type subjectKey struct {
	id  [keyIDSize]byte
	key []byte
}

var _ record.Sealer = (*Subjects)(nil)

// openWait bounds the look for a key, since opening takes no context.
const openWait = 5 * time.Second

// Seal implements [record.Sealer]. Subjects that have no key get one.
func (s *Subjects) Seal(subjects []string, plain []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWait)
	defer cancel()
	ids := make([]string, len(subjects))
	for i, subject := range subjects {
		ids[i] = s.ID(subject)
	}
	n := &noteCall{ids: ids}
	if err := s.withMaster(ctx, func(m *master) error {
		return s.store.Tx(ctx, func(tx *store.Tx) error { return s.keysOf(ctx, tx, m, n) })
	}); err != nil {
		return nil, fmt.Errorf("privacy: sealing: %w", err)
	}
	return seal(n.keys, ids, plain)
}

// seal seals under the keys of all ids.
func seal(keys map[string]subjectKey, ids []string, plain []byte) ([]byte, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) == 0 || len(ids) > maxSubjects {
		return nil, fmt.Errorf("privacy: sealing: a value has 1 to %d subjects, not %d", maxSubjects, len(ids))
	}
	head := []byte{sealVersion, byte(len(ids))}
	var secret []byte
	for _, id := range ids {
		k, ok := keys[id]
		if !ok {
			return nil, errors.New("privacy: sealing: a subject was not noted before")
		}
		head, secret = append(head, k.id[:]...), append(secret, k.key...)
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	head = append(head, nonce...)
	a, err := valueCipher(secret, nonce)
	if err != nil {
		return nil, fmt.Errorf("privacy: sealing: %w", err)
	}
	return a.Seal(head, nonce[nonceSize/2:], plain, head), nil
}

// valueCipher derives the key of one value.
func valueCipher(secret, nonce []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nonce[:nonceSize/2], "bartizan sealed value", keySize)
	if err != nil {
		return nil, err
	}
	return gcm(key)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// envelope is a sealed value in its parts.
type envelope struct {
	ids               [][]byte
	head, nonce, body []byte
}

// parseSealed reads a sealed value without opening it. It has one form.
func parseSealed(b []byte) (e envelope, err error) {
	if len(b) < 2 || b[0] != sealVersion || b[1] == 0 || b[1] > maxSubjects {
		return e, ErrSealed
	}
	n := int(b[1])
	head := 2 + n*keyIDSize + nonceSize
	if len(b) < head+16 {
		return e, ErrSealed
	}
	for i := range n {
		e.ids = append(e.ids, b[2+i*keyIDSize:][:keyIDSize])
	}
	e.head, e.nonce, e.body = b[:head:head], b[head-nonceSize:head], b[head:]
	return e, nil
}

// Open implements [record.Sealer]: [ErrErased] where one of the keys was destroyed.
func (s *Subjects) Open(sealed []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWait)
	defer cancel()
	e, err := parseSealed(sealed)
	if err != nil {
		return nil, err
	}
	var secret []byte
	for _, id := range e.ids {
		k, err := s.keyByID(ctx, id)
		if err != nil {
			return nil, err
		}
		secret = append(secret, k...)
	}
	a, err := valueCipher(secret, e.nonce)
	if err != nil {
		return nil, fmt.Errorf("privacy: opening: %w", err)
	}
	plain, err := a.Open(nil, e.nonce[nonceSize/2:], e.body, e.head)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// keyByID reads a key by the id that sealed values carry.
func (s *Subjects) keyByID(ctx context.Context, id []byte) ([]byte, error) {
	var subject string
	var generation int64
	var wrapped []byte
	err := s.store.QueryRow(ctx, `SELECT subject, generation, wrapped FROM privacy_key WHERE id = ?`, id).Scan(&subject, &generation, &wrapped)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrErased
	}
	if err != nil {
		return nil, fmt.Errorf("privacy: opening: %w", err)
	}
	return s.unwrap(subject, id, generation, wrapped)
}

// OpenFor opens a value that is about a subject; ok is false where it is about others.
func (s *Subjects) OpenFor(ctx context.Context, subject string, sealed []byte) (plain []byte, ok bool, err error) {
	e, err := parseSealed(sealed)
	if err != nil {
		return nil, false, err
	}
	var mine []byte
	err = s.store.QueryRow(ctx, `SELECT id FROM privacy_key WHERE subject = ?`, subject).Scan(&mine)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("privacy: opening: %w", err)
	}
	if !slices.ContainsFunc(e.ids, func(id []byte) bool { return string(id) == string(mine) }) {
		return nil, false, nil
	}
	plain, err = s.Open(sealed)
	return plain, err == nil, err
}
