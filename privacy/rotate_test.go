package privacy

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	names, err := os.ReadDir(dir)
	fatal(t, err)
	for _, n := range names {
		i, err := n.Info()
		fatal(t, err)
		if i.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", n, i.Mode())
		}
		out = append(out, n.Name())
	}
	return out
}

func testRotate(t *testing.T, h *house) {
	s := h.open()
	var sealed [][]byte
	for i := range rewrapBatch + 20 {
		b, err := s.Seal([]string{fmt.Sprintf("value:p%d@example.com", i)}, fmt.Append(nil, i))
		fatal(t, err)
		sealed = append(sealed, b)
	}
	old, err := os.ReadFile(s.masterFile(1))
	fatal(t, err)
	r, err := s.Rotate(t.Context())
	if err != nil || r != (Rotated{Generation: 2, Rewrapped: rewrapBatch + 20}) {
		t.Fatalf("%+v %v", r, err)
	}
	for i, b := range sealed {
		opens(t, s, b, fmt.Sprint(i))
	}
	if names := files(t, h.dir); len(names) != 1 || names[0] != "subjects-2.key" {
		t.Errorf("%v", names)
	}
	b, err := s.Seal([]string{ann}, []byte("new"))
	fatal(t, err)
	opens(t, h.open(), b, "new")
	// Whoever has the old key and the store as it is now opens nothing.
	thief := filepath.Join(t.TempDir(), "keys")
	fatal(t, os.Mkdir(thief, 0o700))
	for _, as := range []string{"subjects-1.key", "subjects-2.key"} {
		fatal(t, os.WriteFile(filepath.Join(thief, as), old, 0o600))
	}
	if _, err := OpenSubjects(t.Context(), Config{Store: s.store, Dir: thief, Index: index}); err == nil {
		t.Error("the old key passes for the new one")
	}
	if key, err := base64.StdEncoding.DecodeString(string(old)); err == nil {
		a, err := gcm(key)
		fatal(t, err)
		rows, err := s.store.Query(t.Context(), `SELECT subject, id, wrapped FROM privacy_key`)
		fatal(t, err)
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			var subject string
			var id, wrapped []byte
			fatal(t, rows.Scan(&subject, &id, &wrapped))
			for g := range int64(3) {
				if _, err := a.Open(nil, wrapped[:12], wrapped[12:], (&master{generation: g}).about(subject, id)); err == nil {
					t.Error("the old master key still opens a subject's key")
				}
			}
		}
		if n != rewrapBatch+21 {
			t.Errorf("only %d keys", n)
		}
	}
	// A folder without the key says which file is missing.
	if _, err := OpenSubjects(t.Context(), Config{Store: s.store, Dir: t.TempDir(), Index: index}); err == nil || !bytes.Contains([]byte(err.Error()), []byte("subjects-2.key")) {
		t.Errorf("%v", err)
	}
}

func testRotateBeside(t *testing.T, h *house) {
	a, b := h.open(), h.open()
	ctx, stop := context.WithCancel(t.Context())
	type one struct {
		sealed []byte
		want   string
	}
	var mu sync.Mutex
	var all []one
	var wg sync.WaitGroup
	for w, s := range []*Subjects{a, b, a} {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				who := fmt.Sprintf("value:w%d-%d@example.com", w, i)
				sealer, err := s.Note(t.Context(), record.Noting{Exchange: fmt.Sprint("ex_", w, i), System: "bot", At: h.now(), Places: []record.SubjectPlace{{Subject: who, Kind: "pii.email"}}})
				if err != nil {
					t.Errorf("a note beside a rotation: %v", err)
					return
				}
				sealed, err := sealer.Seal([]string{who}, []byte(who))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Open(sealed); err != nil {
					t.Errorf("beside a rotation: %v", err)
				}
				mu.Lock()
				all = append(all, one{sealed, who})
				mu.Unlock()
			}
		})
	}
	for range 4 {
		time.Sleep(50 * time.Millisecond)
		if _, err := a.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	for _, x := range all {
		opens(t, b, x.sealed, x.want)
	}
	if names := files(t, h.dir); len(names) != 1 || len(all) < 20 {
		t.Errorf("%v, %d values", names, len(all))
	}
}

// The tests that kill run this binary again as a child that does one thing until it is
// killed.
const (
	killedDirVariable  = "BARTIZAN_PRIVACY_KILLED_DIR"
	killedWhatVariable = "BARTIZAN_PRIVACY_KILLED_WHAT"
)

// TestKilledChild is that child; otherwise it does nothing.
func TestKilledChild(*testing.T) {
	dir, what := os.Getenv(killedDirVariable), os.Getenv(killedWhatVariable)
	if dir == "" {
		return
	}
	ctx := context.Background()
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "p.db"), Migrations: []store.Migrations{{Room: "privacy", Files: Migrations}}})
	if err == nil {
		var s *Subjects
		if s, err = OpenSubjects(ctx, Config{Store: st, Dir: filepath.Join(dir, "keys"), Index: index}); err == nil {
			fmt.Println("ready")
			if what == "erase" {
				_, err = s.Erase(ctx, s.ID(ann))
			}
			for what == "rotate" && err == nil {
				_, err = s.Rotate(ctx)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

// killed runs a child, and kills it some time after it is ready.
func killed(t *testing.T, dir, what string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), killedDirVariable+"="+dir, killedWhatVariable+"="+what)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	fatal(t, err)
	fatal(t, cmd.Start())
	if _, err := out.Read(make([]byte, 16)); err == nil {
		time.Sleep(after)
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	if errs.Len() > 0 {
		t.Fatalf("%s", errs.Bytes())
	}
}

// wal returns what lies in the store's files.
func stored(t *testing.T, dir string) (all []byte) {
	t.Helper()
	for _, name := range []string{"p.db", "p.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// TestR45KilledWhileErasing: after kill -9 at any moment an erasure was done or was not
// begun, and to repeat it works; then no byte of the key is left.
func TestR45KilledWhileErasing(t *testing.T) {
	done := 0
	for range 12 {
		dir := t.TempDir()
		h := &house{t: t, cfg: store.Config{Path: filepath.Join(dir, "p.db"), Migrations: []store.Migrations{{Room: "privacy", Files: Migrations}}}, dir: filepath.Join(dir, "keys"), time: time.Now()}
		var sealed, wrapped []byte
		func() {
			s := h.open()
			sealed = h.keep(s, "ex_1", ann)[0]
			fatal(t, s.store.QueryRow(t.Context(), `SELECT wrapped FROM privacy_key`).Scan(&wrapped))
			s.Close()
			fatal(t, s.store.Close())
		}()
		if !bytes.Contains(stored(t, dir), wrapped) {
			t.Fatal("the key is not where it is looked for")
		}
		killed(t, dir, "erase", time.Duration(rand.IntN(8000))*time.Microsecond)
		s := h.open()
		_, err := s.Open(sealed)
		found, findErr := s.Find(t.Context(), s.ID(ann), "")
		fatal(t, findErr)
		switch {
		case errors.Is(err, ErrErased) && len(found) == 0:
			done++
		case err != nil || len(found) != 1:
			t.Errorf("half an erasure: %v, %d rows", err, len(found))
		}
		_, err = s.Erase(t.Context(), s.ID(ann))
		fatal(t, err)
		if _, err := s.Open(sealed); !errors.Is(err, ErrErased) {
			t.Errorf("%v", err)
		}
		if b := stored(t, dir); bytes.Contains(b, wrapped) || bytes.Contains(b, []byte(s.ID(ann))) {
			t.Error("the key or its subject is still in the store's files")
		}
	}
	t.Logf("%d of 12 were done before they were killed", done)
}

// TestR50KilledWhileRotating: a rotation that was killed anywhere ends at the next start,
// and everything can be read with the one master key that is left.
func TestR50KilledWhileRotating(t *testing.T) {
	dir := t.TempDir()
	h := &house{t: t, cfg: store.Config{Path: filepath.Join(dir, "p.db"), Migrations: []store.Migrations{{Room: "privacy", Files: Migrations}}}, dir: filepath.Join(dir, "keys"), time: time.Now()}
	var sealed [][]byte
	s := h.open()
	for i := range 3*rewrapBatch + 5 {
		sealed = append(sealed, h.keep(s, fmt.Sprint("ex_", i), fmt.Sprintf("value:p%d@example.com", i))...)
	}
	s.Close()
	fatal(t, s.store.Close())
	for range 15 {
		killed(t, dir, "rotate", time.Duration(rand.IntN(60))*time.Millisecond)
		s := h.open()
		for i, b := range sealed {
			opens(t, s, b, fmt.Sprintf("of value:p%d@example.com", i))
		}
		var generations, others int
		fatal(t, s.store.QueryRow(t.Context(), `SELECT count(*) FROM privacy_master`).Scan(&generations))
		fatal(t, s.store.QueryRow(t.Context(), `SELECT count(*) FROM privacy_key WHERE generation <> (SELECT max(generation) FROM privacy_master)`).Scan(&others))
		names, err := filepath.Glob(filepath.Join(h.dir, "subjects-*.key"))
		fatal(t, err)
		// A key that was made and not declared yet is for the next rotation.
		if generations != 1 || others != 0 || len(names) > 2 || len(names) == 0 {
			t.Fatalf("%d generations, %d keys under an old one, %v", generations, others, names)
		}
		if g, err := s.generations(t.Context()); err != nil || names[0] != s.masterFile(g[0]) && (len(names) < 2 || names[1] != s.masterFile(g[0])) {
			t.Fatalf("%v %v %v", g, names, err)
		}
		s.Close()
		fatal(t, s.store.Close())
	}
}
