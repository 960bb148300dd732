// Package access says who may do what: it knows callers by their keys, people by
// their sessions, and decides with permits. What no permit allows is denied, and
// a permit that errs denies everything.
//
//   - [Keys] are the credentials of systems: shown once, kept as a keyed hash,
//     revoked at once.
//   - [Sessions] are the console's: opened by a one-time link, ended by idleness,
//     age or an administrator.
//   - [Permits] are Cedar policies, generated from the systems' declarations and
//     joined by the operator's own files.
//
// This package's API may change.
package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// Migrations is the schema of this room.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// What callers branch on.
var (
	// ErrNoKey means that a call brought no credential.
	ErrNoKey = errors.New("access: no key")
	// ErrKey means that a credential is not known.
	ErrKey = errors.New("access: unknown key")
	// ErrRevoked means that a credential was known once.
	ErrRevoked = errors.New("access: revoked key")
	// ErrStale means that the store has been out of reach for too long to go on
	// believing what was known of keys.
	ErrStale = errors.New("access: the store has been out of reach for too long")
	// ErrSession means that a session does not exist or has ended.
	ErrSession = errors.New("access: no session")
	// ErrSystem means that no system of that name is declared.
	ErrSystem = errors.New("access: no such system")
)

// Systems says what is declared of a system.
type Systems interface {
	System(name string) (record.System, error)
}

// pepper is the key of all hashes: a copy of the store alone is of no use for
// guessing.
type pepper []byte

// loadPepper reads the pepper from dir, or makes it.
func loadPepper(dir string) (pepper, error) {
	path := filepath.Join(dir, "access.key")
	b, err := os.ReadFile(path)
	if err == nil {
		if len(b) != 32 {
			return nil, fmt.Errorf("access: %s must hold 32 bytes, not %d; restore it from a backup of the keys", path, len(b))
		}
		return b, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("access: reading the key of hashes: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("access: making the folder of keys: %w", err)
	}
	if err := makePepper(dir, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("access: making the key of hashes: %w", err)
	}
	// Somebody else may have been first, so what is there counts.
	return loadPepper(dir)
}

// makePepper writes a new key beside path and gives it its name last: a crash
// leaves no half of one.
func makePepper(dir, path string) error {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	f, err := os.CreateTemp(dir, ".access.key.*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// same makes sure that every replica of a store has the same pepper. With another
// one all keys would look unknown, and nobody could say why.
func (p pepper) same(ctx context.Context, s *store.Store, dir string) error {
	mine := p.hash("pepper", "")
	if _, err := s.Exec(ctx, `INSERT INTO access_pepper (id, mark) VALUES (1, ?) ON CONFLICT (id) DO NOTHING`, mine); err != nil {
		return err
	}
	var theirs []byte
	if err := s.QueryRow(ctx, `SELECT mark FROM access_pepper WHERE id = 1`).Scan(&theirs); err != nil {
		return err
	}
	if !hmac.Equal(mine, theirs) {
		return fmt.Errorf("access: %s is not the key that this store's hashes were made with; copy the file from another replica or from a backup",
			filepath.Join(dir, "access.key"))
	}
	return nil
}

// hash binds a secret to what it is for.
func (p pepper) hash(purpose, secret string) []byte {
	m := hmac.New(sha256.New, p)
	m.Write([]byte(purpose))
	m.Write([]byte{0})
	m.Write([]byte(secret))
	return m.Sum(nil)
}

var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// random returns n random bytes as lower-case letters and digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return strings.ToLower(letters.EncodeToString(b))
}
