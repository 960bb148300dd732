package desk_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

var approver = desk.Actor{Person: "amy", Roles: []string{"approver"}}

// bureau is a desk with a real ledger and keys of subjects.
type bureau struct {
	*desk.Desk
	subjects *privacy.Subjects
	ledger   *ledger.Ledger
	rules    desk.Rules
}

func openBureau(t *testing.T) *bureau {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "desk.db"), Migrations: []store.Migrations{{Room: "privacy", Files: privacy.Migrations}}})
	fatal(t, err)
	b := &bureau{}
	b.subjects, err = privacy.OpenSubjects(t.Context(), privacy.Config{Store: st, Dir: filepath.Join(dir, "keys"), Index: make([]byte, 32)})
	fatal(t, err)
	b.ledger, err = ledger.Open(ledger.Config{Dir: filepath.Join(dir, "ledger"), SegmentSize: 256 << 10, CheckpointEvery: 20 * time.Millisecond, Unseal: func(sealed []byte) ([]byte, bool, error) {
		text, err := b.subjects.Open(sealed)
		if errors.Is(err, privacy.ErrErased) {
			return nil, true, nil
		}
		return text, false, err
	}})
	fatal(t, err)
	permits, err := access.NewPermits(nil, nil)
	fatal(t, err)
	b.Desk = desk.New(desk.Config{Recorder: b.ledger, Permits: func() *access.Permits { return permits }, Watch: desk.Watch{Records: b.ledger},
		Privacy: desk.Privacy{Subjects: b.subjects, Certify: b.ledger.Certify, Proof: b.ledger.Receipt, Rules: func() desk.Rules { return b.rules }}})
	t.Cleanup(func() {
		b.Close()
		b.subjects.Close()
		fatal(t, b.ledger.Close(context.Background()))
		_ = st.Close()
	})
	return b
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keep makes an exchange of a key, about ann and bob.
func (b *bureau) keep(t *testing.T, id string) {
	t.Helper()
	p := record.Principal{Kind: "key", ID: "key_1", System: "bot"}
	at := time.Now()
	values := map[string]string{"[A]": "ann@example.com", "[B]": "bob@example.com"}
	n := record.Noting{Exchange: id, System: "bot", At: at, Places: []record.SubjectPlace{{Subject: p.Subject(), Kind: "text"}}}
	for _, v := range values {
		n.Places = append(n.Places, record.SubjectPlace{Subject: record.ValueSubject(v), Kind: "pii.email", Path: "p"})
	}
	sealer, err := b.subjects.Note(t.Context(), n)
	fatal(t, err)
	k := record.Kept{Path: "p"}
	text := "From [A] to [B]."
	for _, as := range []string{"[A]", "[B]"} {
		v := record.Value{Start: strings.Index(text, as), End: strings.Index(text, as) + 3, Kind: "pii.email"}
		v.Sealed, err = sealer.Seal([]string{record.ValueSubject(values[as])}, []byte(values[as]))
		fatal(t, err)
		k.Values = append(k.Values, v)
	}
	k.Sealed, err = sealer.Seal([]string{p.Subject()}, []byte(text))
	fatal(t, err)
	_, err = b.ledger.Begin(t.Context(), record.Intent{ID: id, At: at, Principal: p, Kept: []record.Kept{k}})
	fatal(t, err)
	fatal(t, b.ledger.Finish(t.Context(), record.Outcome{ID: id, End: "answered"}))
}

// TestExportAndErase: everybody gets what is theirs and nothing of others, and what is
// erased is gone for all of them.
func TestExportAndErase(t *testing.T) {
	b := openBureau(t)
	b.keep(t, "ex_1")
	b.keep(t, "ex_2")
	export := func(who string) (texts []string) {
		t.Helper()
		e, err := b.ExportSubject(t.Context(), admin, who, "T-1")
		fatal(t, err)
		for _, x := range e.Exchanges {
			for _, text := range x.Texts {
				texts = append(texts, text.Text)
			}
		}
		return texts
	}
	same := func(got []string, want string) {
		t.Helper()
		if len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	same(export("ANN@example.com"), "From ann@example.com to [B].")
	same(export("bob@example.com"), "From [A] to bob@example.com.")
	same(export("key:key_1"), "From [A] to [B].")
	b.rules.KeyBackups = 30 * 24 * time.Hour
	e, err := b.Erase(t.Context(), admin, "ann@example.com", "T-1")
	fatal(t, err)
	if e.Erased.Values != 2 || e.Erased.Exchanges != 2 || len(export("ann@example.com")) != 0 {
		t.Errorf("%+v", e)
	}
	same(export("bob@example.com"), "From [A] to bob@example.com.")
	for _, key := range []string{"", b.ledger.Status().Key} {
		c, err := desk.VerifyCertificate([]byte(e.Certificate), key)
		if err != nil || c.Subject != b.subjects.Named("ann@example.com") || c.Act != e.Act || c.KeyBackupsUntil.IsZero() {
			t.Errorf("%+v %v", c, err)
		}
	}
	// The writer goes next: the texts are gone, and bob's values are his still.
	_, err = b.Erase(t.Context(), admin, "key:key_1", "T-2")
	fatal(t, err)
	same(export("bob@example.com"), record.ErasedText)
	if _, err := b.Erase(t.Context(), reader, "bob@example.com", "T-3"); !errors.Is(err, desk.ErrDenied) {
		t.Errorf("%v", err)
	}
}

// TestCertificateChanged: no byte of a certificate may be another one.
func TestCertificateChanged(t *testing.T) {
	b := openBureau(t)
	e, err := b.Erase(t.Context(), admin, "ann@example.com", "T-1")
	fatal(t, err)
	good := []byte(e.Certificate)
	for i := range good {
		for _, key := range []string{b.ledger.Status().Key, ""} {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1
			if _, err := desk.VerifyCertificate(bad, key); err == nil {
				t.Errorf("byte %d (%q) may be changed", i, good[i])
			}
		}
	}
	other := openBureau(t)
	if _, err := desk.VerifyCertificate(good, other.ledger.Status().Key); err == nil {
		t.Error("another log's key verifies it")
	}
	// Signed by the log, and about an act that was none of the kind.
	forged := strings.Replace(strings.Split(e.Certificate, "\n\n")[0]+"\n", e.Act, "act_other", 1)
	signed, err := b.ledger.Certify([]byte(forged))
	fatal(t, err)
	if _, err := desk.VerifyCertificate(signed, b.ledger.Status().Key); err == nil {
		t.Error("a certificate of an act that its proof is not of")
	}
}

// TestR63SecondPerson: where policy wants two people, nobody reads alone, approves for
// themselves, or reads twice.
func TestR63SecondPerson(t *testing.T) {
	b := openBureau(t)
	b.keep(t, "ex_1")
	b.rules.TwoPeople = true
	shown := 0
	read := func(a desk.Actor) error {
		found, err := b.Content(t.Context(), a, "ex_1", "ticket 7")
		shown += len(found)
		return err
	}
	if err := read(approver); !errors.Is(err, desk.ErrSecond) || shown != 0 {
		t.Fatalf("alone: %v", err)
	}
	asked, err := b.Asked(t.Context(), admin)
	if err != nil || len(asked) != 1 || asked[0].Asker != "amy" || asked[0].Target != "ex_1" || asked[0].Reason != "ticket 7" {
		t.Fatalf("%+v %v", asked, err)
	}
	if err := b.ApproveContent(t.Context(), approver, asked[0].ID); !errors.Is(err, privacy.ErrSame) {
		t.Errorf("by herself: %v", err)
	}
	if err := b.ApproveContent(t.Context(), reader, asked[0].ID); !errors.Is(err, desk.ErrDenied) {
		t.Errorf("by somebody without the right: %v", err)
	}
	fatal(t, b.ApproveContent(t.Context(), admin, asked[0].ID))
	if err := read(admin); !errors.Is(err, desk.ErrSecond) {
		t.Errorf("who approved may read: %v", err)
	}
	if err := read(approver); err != nil || shown != 1 {
		t.Errorf("%v, shown %d times", err, shown)
	}
	if err := read(approver); !errors.Is(err, desk.ErrSecond) || shown != 1 {
		t.Errorf("twice: %v, shown %d times", err, shown)
	}
	if _, err := b.ExportSubject(t.Context(), admin, "ann@example.com", "T-1"); !errors.Is(err, desk.ErrSecond) {
		t.Errorf("an export alone: %v", err)
	}
	var acts []string
	for r, err := range b.ledger.Records(t.Context(), record.Query{Kind: "act", Oldest: true}) {
		fatal(t, err)
		if a := r.Act; a.Phase != "intended" && len(acts) < 6 {
			acts = append(acts, a.Kind+" "+a.Phase+" "+a.By)
		}
	}
	want := "content.read failed amy,content.approve failed amy,content.approve refused rea,content.approve done ada,content.read failed ada,content.read done amy"
	if got := strings.Join(acts, ","); got != want {
		t.Errorf("recorded is %s", got)
	}
}
