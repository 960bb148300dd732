package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// errNoKey means that a month's key does not exist: it was destroyed, or the
// keys are not here.
var errNoKey = errors.New("the key of that month is not here")

// keyring holds the keys of a ledger. Every file in its directory but the master
// key is wrapped under the master key.
type keyring struct {
	disk     disk
	dir      string
	readOnly bool // verification must not make keys up
	wrap     cipher.AEAD
	private  ed25519.PrivateKey
	signer   note.Signer
	vkey     string

	mu     sync.RWMutex
	months map[uint32][]byte
	days   map[uint32]*dayKeys
}

// dayKeys are derived from the month's key: destroying that one destroys all of
// them, and random nonces stay far from their bound on a busy gate.
type dayKeys struct {
	journal, record, content cipher.AEAD
	mac                      []byte
}

// openKeys reads the keys, and makes those that are missing unless readOnly.
func openKeys(d disk, dir, origin string, readOnly bool) (*keyring, error) {
	k := &keyring{disk: d, dir: dir, readOnly: readOnly, months: map[uint32][]byte{}, days: map[uint32]*dayKeys{}}
	master, err := k.master()
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the master key: %w", err)
	}
	kek, err := hkdf.Expand(sha256.New, master, "bartizan ledger wrap", 32)
	if err != nil {
		return nil, fmt.Errorf("ledger: deriving the wrapping key: %w", err)
	}
	if k.wrap, err = gcm(kek); err != nil {
		return nil, fmt.Errorf("ledger: deriving the wrapping key: %w", err)
	}
	if err := k.signing(origin); err != nil {
		return nil, fmt.Errorf("ledger: reading the signing key: %w", err)
	}
	return k, nil
}

// gcm returns AES-256 in Galois/counter mode.
func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// master reads the key that wraps all others. Whoever wants it elsewhere than on
// this disk puts a file there that is mounted from elsewhere.
func (k *keyring) master() ([]byte, error) {
	name := filepath.Join(k.dir, "master.key")
	text, err := readFile(name, 1<<10)
	if errors.Is(err, fs.ErrNotExist) && !k.readOnly {
		key := make([]byte, 32)
		rand.Read(key)
		err := replace(k.disk, name, base64.StdEncoding.AppendEncode(nil, key))
		return key, err
	}
	if err != nil {
		return nil, err
	}
	key, ok := decodeKey(text)
	if !ok || len(key) != 32 {
		return nil, errors.New("it is not 32 bytes of base64")
	}
	return key, nil
}

// decodeKey reads a key file. It has one form: the decoder would pass over line
// breaks, and a file that somebody has edited is not the one that was written.
func decodeKey(text []byte) ([]byte, bool) {
	key, err := base64.StdEncoding.Strict().DecodeString(string(text))
	return key, err == nil && base64.StdEncoding.EncodeToString(key) == string(text)
}

// wrapped reads a key file, or makes one from fresh.
func (k *keyring) wrapped(name string, fresh func() ([]byte, error)) ([]byte, error) {
	path := filepath.Join(k.dir, name)
	text, err := readFile(path, 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		if k.readOnly || fresh == nil {
			return nil, errNoKey
		}
		key, err := fresh()
		if err != nil {
			return nil, err
		}
		nonce := make([]byte, 12)
		rand.Read(nonce)
		sealed := k.wrap.Seal(nonce, nonce, key, []byte(name))
		return key, replace(k.disk, path, base64.StdEncoding.AppendEncode(nil, sealed))
	}
	if err != nil {
		return nil, err
	}
	sealed, ok := decodeKey(text)
	if !ok || len(sealed) < 12 {
		return nil, fmt.Errorf("%s is damaged", name)
	}
	key, err := k.wrap.Open(nil, sealed[:12], sealed[12:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%s is damaged or wrapped under another master key", name)
	}
	return key, nil
}

// signing reads the log's Ed25519 key in the form that signed notes use.
func (k *keyring) signing(origin string) error {
	skey, err := k.wrapped("log.key", func() ([]byte, error) {
		skey, _, err := note.GenerateKey(rand.Reader, origin)
		return []byte(skey), err
	})
	if err != nil {
		return err
	}
	if k.signer, err = note.NewSigner(string(skey)); err != nil {
		return err
	}
	if origin != "" && k.signer.Name() != origin {
		return fmt.Errorf("the log's origin is %q and cannot become %q", k.signer.Name(), origin)
	}
	// "PRIVATE+KEY+name+hash+key", where only the key can hold a plus; it is
	// an algorithm byte and a seed. The note package signs notes only.
	parts := strings.SplitN(string(skey), "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if len(parts) != 5 || err != nil || len(seed) != 1+ed25519.SeedSize {
		return errors.New("it has no seed")
	}
	k.private = ed25519.NewKeyFromSeed(seed[1:])
	k.vkey, err = note.NewEd25519VerifierKey(k.signer.Name(), k.private.Public().(ed25519.PublicKey))
	return err
}

// day is 20260304; its month's key is the one that can be destroyed.
func day(t time.Time) uint32 {
	y, m, d := t.UTC().Date()
	return uint32(y*10000 + int(m)*100 + d)
}

// forDay returns the keys of a day. make allows a new month's key.
func (k *keyring) forDay(day uint32, make bool) (*dayKeys, error) {
	k.mu.RLock()
	d := k.days[day]
	k.mu.RUnlock()
	if d != nil {
		return d, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if d := k.days[day]; d != nil {
		return d, nil
	}
	month, err := k.monthLocked(day/100, make)
	if err != nil {
		return nil, err
	}
	if d, err = deriveDay(month, day); err != nil {
		return nil, err
	}
	k.days[day] = d
	return d, nil
}

func monthFile(month uint32) string { return fmt.Sprintf("month-%06d.key", month) }

// monthLocked reads a month's key, or makes it where that is allowed. Reading back
// must not make one: a record of a month without a key has been deleted.
func (k *keyring) monthLocked(month uint32, make bool) ([]byte, error) {
	if key := k.months[month]; key != nil {
		return key, nil
	}
	fresh := newMonthKey
	if !make {
		fresh = nil
	}
	key, err := k.wrapped(monthFile(month), fresh)
	if err != nil {
		return nil, err
	}
	k.months[month] = key
	return key, nil
}

// newMonthKey is random, and derived from nothing: that is why destroying it is
// final.
func newMonthKey() ([]byte, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	return key, err
}

// deriveDay gives every use its own key, so that nothing sealed for one can be passed
// off as another.
func deriveDay(month []byte, day uint32) (*dayKeys, error) {
	d := &dayKeys{}
	for use, aead := range map[string]*cipher.AEAD{"journal": &d.journal, "record": &d.record, "content": &d.content} {
		key, err := hkdf.Expand(sha256.New, month, fmt.Sprintf("bartizan ledger %s %d", use, day), 32)
		if err != nil {
			return nil, err
		}
		if *aead, err = gcm(key); err != nil {
			return nil, err
		}
	}
	var err error
	d.mac, err = hkdf.Expand(sha256.New, month, fmt.Sprintf("bartizan ledger mac %d", day), 32)
	return d, err
}

// forget destroys a month's key: what was sealed under it can never be read
// again, wherever copies of it lie.
func (k *keyring) forget(month uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.disk.Remove(filepath.Join(k.dir, monthFile(month)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(k.months, month)
	for d := range k.days {
		if d/100 == month {
			delete(k.days, d)
		}
	}
	return k.disk.SyncDir(k.dir)
}

// derive computes a value that only the holder of the day's key can compute and
// that is the same each time, so that projecting a journal twice gives the same
// bytes twice.
func (d *dayKeys) derive(what string, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, d.mac)
	m.Write([]byte(what))
	for _, p := range parts {
		m.Write([]byte{byte(len(p) >> 8), byte(len(p))})
		m.Write(p)
	}
	return m.Sum(nil)
}

// sealRandom and openRandom carry the nonce in front.
func sealRandom(a cipher.AEAD, dst, plain, about []byte) []byte {
	var nonce [12]byte
	rand.Read(nonce[:])
	return a.Seal(append(dst, nonce[:]...), nonce[:], plain, about)
}

func openSealed(a cipher.AEAD, sealed, about []byte) ([]byte, error) {
	if len(sealed) < 12+16 {
		return nil, errShort
	}
	return a.Open(nil, sealed[:12], sealed[12:], about)
}

// exists reports whether there is a file, whatever is in it.
func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
