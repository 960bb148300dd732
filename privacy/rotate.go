package privacy

import (
	"cmp"
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/store"
)

// master is one generation of the key that wraps the subjects' keys.
type master struct {
	generation int64
	wrap       cipher.AEAD
	mark       []byte // says which key it was, and nothing of it
}

// errMoved means that somebody made a newer master key meanwhile.
var errMoved = errors.New("privacy: the master key was replaced meanwhile")

func (s *Subjects) masterFile(generation int64) string {
	return filepath.Join(s.dir, fmt.Sprintf("subjects-%d.key", generation))
}

// about binds a wrapped key to whose it is.
func (m *master) about(subject string, id []byte) []byte {
	return append([]byte(subject+"\x00"+strconv.FormatInt(m.generation, 10)+"\x00"), id...)
}

func (m *master) wrapped(subject string, id, key []byte) []byte {
	nonce := make([]byte, 12)
	rand.Read(nonce)
	return m.wrap.Seal(nonce, nonce, key, m.about(subject, id))
}

// unwrap opens a key, whichever generation wrapped it.
func (s *Subjects) unwrap(subject string, id []byte, generation int64, wrapped []byte) ([]byte, error) {
	m, err := s.master(generation)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < 12 {
		return nil, errors.New("privacy: a subject's key is damaged; restore the store from a backup")
	}
	key, err := m.wrap.Open(nil, wrapped[:12], wrapped[12:], m.about(subject, id))
	if err != nil || len(key) != keySize {
		return nil, errors.New("privacy: a subject's key is damaged or was wrapped under another master key; restore the store and the folder of keys from the same time")
	}
	return key, nil
}

// master returns a generation, from memory or from its file.
func (s *Subjects) master(generation int64) (*master, error) {
	s.mu.RLock()
	m := s.masters[generation]
	s.mu.RUnlock()
	if m != nil {
		return m, nil
	}
	m, err := s.readMaster(generation)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.masters[generation] = m
	s.newest = max(s.newest, generation)
	return m, nil
}

func (s *Subjects) readMaster(generation int64) (*master, error) {
	name := s.masterFile(generation)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("privacy: the store's keys of subjects are wrapped under %s, which is not there; copy it from the replica that made it, or from a backup of the keys: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("privacy: reading the master key of subjects: %w", err)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("privacy: %s is not 32 bytes of base64; restore it from a backup of the keys", name)
	}
	a, err := gcm(key)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("bartizan master key of subjects"))
	return &master{generation: generation, wrap: a, mark: h.Sum(nil)}, nil
}

// makeMaster writes a new key beside its name and gives it the name last. Whoever was first
// has made the one that counts.
func (s *Subjects) makeMaster(generation int64) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("privacy: making the folder of keys: %w", err)
	}
	key := make([]byte, keySize)
	rand.Read(key)
	f, err := os.CreateTemp(s.dir, ".subjects.*") // 0600
	if err != nil {
		return fmt.Errorf("privacy: making a master key: %w", err)
	}
	_, err = f.Write(base64.StdEncoding.AppendEncode(nil, key))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = os.Link(f.Name(), s.masterFile(generation)); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err = errors.Join(err, os.Remove(f.Name()), syncDir(s.dir)); err != nil {
		return fmt.Errorf("privacy: making a master key: %w", err)
	}
	return nil
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// destroy overwrites a master key and removes it. On disks that write elsewhere what is
// overwritten, the old bytes last until the disk reuses them.
func (s *Subjects) destroy(generation int64) error {
	name := s.masterFile(generation)
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = f.Write(make([]byte, base64.StdEncoding.EncodedLen(keySize)))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err = errors.Join(err, os.Remove(name), syncDir(s.dir)); err != nil {
		return fmt.Errorf("privacy: destroying the old master key: %w", err)
	}
	s.mu.Lock()
	delete(s.masters, generation)
	s.mu.Unlock()
	return nil
}

// declare makes a generation the newest of the store, unless it is there already.
func (s *Subjects) declare(ctx context.Context, generation int64) error {
	if err := s.makeMaster(generation); err != nil {
		return err
	}
	m, err := s.readMaster(generation)
	if err != nil {
		return err
	}
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO privacy_master (generation, mark, made) VALUES (?, ?, ?) ON CONFLICT (generation) DO NOTHING`,
			generation, m.mark, store.Nanos(s.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("privacy: declaring a master key: %w", err)
	}
	return s.check(ctx, generation)
}

// check holds that the file of a generation is the key that the store means: with another
// one everything would look damaged, and nobody could say why.
func (s *Subjects) check(ctx context.Context, generation int64) error {
	var mark []byte
	if err := s.store.QueryRow(ctx, `SELECT mark FROM privacy_master WHERE generation = ?`, generation).Scan(&mark); err != nil {
		return fmt.Errorf("privacy: reading the master keys: %w", err)
	}
	m, err := s.master(generation)
	if err != nil {
		return err
	}
	if !hmac.Equal(mark, m.mark) {
		return fmt.Errorf("privacy: %s is not the key that this store's subjects were wrapped under; copy the file from another replica or from a backup", s.masterFile(generation))
	}
	return nil
}

// generations lists what the store has, the oldest first.
func (s *Subjects) generations(ctx context.Context) (out []int64, err error) {
	rows, err := s.store.Query(ctx, `SELECT generation FROM privacy_master ORDER BY generation`)
	if err != nil {
		return nil, fmt.Errorf("privacy: reading the master keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g int64
		if err := rows.Scan(&g); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// openMasters reads every generation that the store knows, or makes the first.
func (s *Subjects) openMasters(ctx context.Context) error {
	all, err := s.generations(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return s.declare(ctx, 1)
	}
	for _, g := range all {
		err := s.check(ctx, g)
		if err == nil {
			continue
		}
		// A rotation beside this retires a generation first and then destroys its file.
		now, listErr := s.generations(ctx)
		if listErr != nil || slices.Contains(now, g) {
			return cmp.Or(listErr, err)
		}
	}
	return nil
}

// withMaster runs f with the newest master key, again where that was replaced meanwhile.
func (s *Subjects) withMaster(ctx context.Context, f func(*master) error) error {
	for {
		s.mu.RLock()
		m := s.masters[s.newest]
		s.mu.RUnlock()
		err := f(m)
		if !errors.Is(err, errMoved) {
			return err
		}
		if err := cmp.Or(ctx.Err(), s.openMasters(ctx)); err != nil {
			return err
		}
	}
}

// rewrapBatch is how many keys one transaction wraps anew: calls wait for it no longer. It
// is tried rewrapTries times.
const (
	rewrapBatch = 100
	rewrapTries = 20
)

// Rotated says what a rotation did.
type Rotated struct {
	Generation int64 `json:"generation"` // of the new key
	Rewrapped  int   `json:"rewrapped"`
}

// Rotate makes a new master key, wraps every subject's key under it while calls go on, and
// destroys the old one. Interrupted anywhere, it goes on at the next start.
func (s *Subjects) Rotate(ctx context.Context) (Rotated, error) {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	all, err := s.generations(ctx)
	if err != nil {
		return Rotated{}, err
	}
	if err := s.declare(ctx, all[len(all)-1]+1); err != nil {
		return Rotated{}, err
	}
	return s.finish(ctx)
}

// resume ends a rotation that was interrupted, and takes away what one left.
func (s *Subjects) resume(ctx context.Context) error {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	_, err := s.finish(ctx)
	return err
}

// finish wraps under the newest key what is not yet, then forgets the older ones: first in
// the store, so that no key can be wrapped under them any more, then on the disk.
func (s *Subjects) finish(ctx context.Context) (r Rotated, err error) {
	all, err := s.generations(ctx)
	if err != nil {
		return r, err
	}
	r.Generation = all[len(all)-1]
	to, err := s.master(r.Generation)
	if err != nil {
		return r, err
	}
	tries := 0
	for again := len(all) > 1; again; {
		n, err := s.rewrap(ctx, to)
		if err == nil && n < rewrapBatch {
			again, err = s.retire(ctx, r.Generation)
		}
		r.Rewrapped += n
		// On PostgreSQL calls that make keys may win again and again.
		if tries++; err == nil {
			tries = 0
		} else if tries == rewrapTries || ctx.Err() != nil {
			return r, fmt.Errorf("privacy: wrapping keys anew: %w; start the rotation again", err)
		} else {
			time.Sleep(time.Duration(tries) * 10 * time.Millisecond)
		}
	}
	if len(all) > 1 {
		if err := s.store.Purge(ctx, "privacy_key", "privacy_master"); err != nil {
			return r, err
		}
	}
	return r, s.sweep(ctx, r.Generation)
}

// retire forgets the generations before the newest, unless something is wrapped under them
// still. It reads what a call writes that makes a key, and writes what that reads, so that
// one of the two comes second and sees the other.
func (s *Subjects) retire(ctx context.Context, newest int64) (again bool, err error) {
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		var left int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM privacy_key WHERE generation < ?`, newest).Scan(&left); err != nil {
			return err
		}
		if again = left > 0; again {
			return nil
		}
		_, err := tx.Exec(ctx, `DELETE FROM privacy_master WHERE generation < ?`, newest)
		return err
	})
	return again, err
}

// sweep destroys the files of generations before the newest that the store has no more.
func (s *Subjects) sweep(ctx context.Context, newest int64) error {
	all, err := s.generations(ctx)
	if err != nil || len(all) != 1 {
		return err
	}
	names, _ := fs.Glob(os.DirFS(s.dir), "subjects-*.key") // the pattern is good, whatever the folder is called
	for _, name := range names {
		g, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "subjects-"), ".key"), 10, 64)
		if err != nil || g >= newest {
			continue
		}
		if err := s.destroy(g); err != nil {
			return err
		}
	}
	return nil
}

// rewrap wraps some keys anew, and returns how many. It is one statement and no transaction
// of its own, which calls that make keys could make fail for ever: keys never change, and
// one that was erased or wrapped anew meanwhile has no such row any more.
func (s *Subjects) rewrap(ctx context.Context, to *master) (n int, err error) {
	rows, err := s.store.Query(ctx, `SELECT subject, id, generation, wrapped FROM privacy_key WHERE generation < ? LIMIT ?`, to.generation, rewrapBatch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var ids, cases []any
	for ; rows.Next(); n++ {
		var subject string
		var id, wrapped []byte
		var generation int64
		if err := rows.Scan(&subject, &id, &generation, &wrapped); err != nil {
			return 0, err
		}
		key, err := s.unwrap(subject, id, generation, wrapped)
		if err != nil {
			return 0, err
		}
		ids, cases = append(ids, id), append(cases, id, to.wrapped(subject, id, key))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n == 0 {
		return 0, err
	}
	query := `UPDATE privacy_key SET generation = ?, wrapped = CASE id` + strings.Repeat(` WHEN ? THEN ?`, n) + ` ELSE wrapped END
		WHERE id IN (?` + strings.Repeat(`, ?`, n-1) + `) AND generation < ?`
	_, err = s.store.Exec(ctx, query, slices.Concat([]any{to.generation}, cases, ids, []any{to.generation})...)
	return n, err
}
