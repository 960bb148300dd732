package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

// What callers branch on.
var (
	// ErrErased means that the key of a subject was destroyed: what was sealed under it can
	// never be read again.
	ErrErased = errors.New("privacy: erased")
	// ErrSealed means that bytes are no sealed value, or not one of this deployment.
	ErrSealed = errors.New("privacy: not a sealed value")
	// ErrHeld means that a legal hold forbids it.
	ErrHeld = errors.New("privacy: under legal hold")
	// ErrNone means that there is nothing of that id.
	ErrNone = errors.New("privacy: there is none of this id")
)

// Config is what Subjects need. Only Store, Dir and Index are required.
type Config struct {
	Store *store.Store
	Dir   string           // folder of the master key
	Index []byte           // key of the subjects' hashes, the same on every replica
	Now   func() time.Time // nil: time.Now
}

// Subjects seals values under the keys of those whom they are about, finds them, and erases
// people by destroying their keys.
//
// A subject is a caller or a value, known here by a keyed hash of its canonical form alone.
// Its key is random, wrapped under a master key that lies apart from the store, and read
// anew for every use: what is destroyed there is destroyed for all replicas at once.
type Subjects struct {
	store *store.Store
	dir   string
	index []byte
	now   func() time.Time

	mu      sync.RWMutex
	masters map[int64]*master
	newest  int64

	rotating sync.Mutex
	notes    chan *noteCall
	stop     chan struct{}
	once     sync.Once
	stopped  sync.WaitGroup
}

// OpenSubjects reads the master key, or makes the first one, ends a rotation that was
// interrupted, and takes notes until Close.
func OpenSubjects(ctx context.Context, cfg Config) (*Subjects, error) {
	if cfg.Store == nil || cfg.Dir == "" || len(cfg.Index) < 16 {
		return nil, errors.New("privacy: a store, a folder of keys and a key of hashes are needed")
	}
	s := &Subjects{store: cfg.Store, dir: cfg.Dir, index: cfg.Index, now: cfg.Now, masters: map[int64]*master{},
		notes: make(chan *noteCall, noteBatch), stop: make(chan struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.openMasters(ctx); err != nil {
		return nil, err
	}
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	// A process that was killed in the middle of an erasure left pages behind that hold what
	// it had deleted.
	if err := s.store.Purge(ctx); err != nil {
		return nil, err
	}
	s.stopped.Add(1)
	go s.take()
	return s, nil
}

// Close ends the taking of notes. It may be called twice.
func (s *Subjects) Close() {
	s.once.Do(func() { close(s.stop) })
	s.stopped.Wait()
}

// subjectID is how a subject is called where its value must not stand.
var subjectID = regexp.MustCompile(`^sub_[0-9a-f]{32}$`)

// callers are the kinds of principals.
var callers = []string{"key:", "person:", "workload:"}

// ID returns the name of a subject, as [record.Principal.Subject] and [record.ValueSubject]
// write it. The kind of a value is not part of it: a number that is taken for an account
// here and for a telephone there is one subject.
func (s *Subjects) ID(subject string) string {
	if v, ok := strings.CutPrefix(subject, "value:"); ok {
		subject = "value:" + canonical(v)
	}
	m := hmac.New(sha256.New, s.index)
	m.Write([]byte(subject))
	return "sub_" + hex.EncodeToString(m.Sum(nil)[:16])
}

// Named returns the name of a subject as a person writes it: a name, a caller such as
// key:key_…, or a value.
func (s *Subjects) Named(text string) string {
	text = strings.TrimSpace(text)
	if subjectID.MatchString(text) {
		return text
	}
	for _, c := range callers {
		if strings.HasPrefix(text, c) {
			return s.ID(text)
		}
	}
	return s.ID(record.ValueSubject(text))
}

// Mentions reports whether a text says who a subject is, so that it must not be recorded.
// The name and the id of a key may be.
func Mentions(text, subject string) bool {
	if subject = strings.TrimSpace(subject); subjectID.MatchString(subject) || strings.HasPrefix(subject, "key:") {
		return false
	}
	for _, c := range callers {
		subject = strings.TrimPrefix(subject, c)
	}
	c := squeezed(subject)
	if len(c) < shortSubject { // it would stand in many words by chance
		return slices.Contains(strings.FieldsFunc(foldedForm(text), func(r rune) bool { return !word(r) }), c)
	}
	return strings.Contains(squeezed(text), c)
}

// shortSubject is below how many bytes a name counts as a whole word only.
const shortSubject = 6

// squeezed keeps letters and digits alone.
func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if word(r) {
			return r
		}
		return -1
	}, foldedForm(s))
}

func foldedForm(s string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))) }

func word(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// canonical brings the ways in which one value is written to one form: case and the forms of
// characters never count, blanks and punctuation only inside an address.
func canonical(value string) string {
	v := foldedForm(value)
	var out string
	switch {
	case strings.Contains(v, "@"):
		out = strings.Join(strings.Fields(v), "")
		out = strings.Trim(strings.TrimPrefix(out, "mailto:"), `<>()[]{}"'.,;:`)
	case strings.ContainsFunc(v, unicode.IsDigit):
		out = squeezed(v)
	default:
		out = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return !word(r) }), " ")
	}
	if out == "" {
		return strings.TrimSpace(v)
	}
	return out
}
