package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/record"
)

// check verifies and wants no fault.
func check(t testing.TB, cfg Config, more ...func(*VerifyConfig)) Report {
	t.Helper()
	r := verify(t, cfg, more...)
	for _, f := range r.Faults {
		t.Errorf("fault: %s", f)
	}
	return r
}

func verify(t testing.TB, cfg Config, more ...func(*VerifyConfig)) Report {
	t.Helper()
	vc := VerifyConfig{Dir: cfg.Dir, KeyDir: cfg.KeyDir}
	for _, f := range more {
		f(&vc)
	}
	r, err := Verify(t.Context(), vc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantFault verifies and wants a fault that names file and says what.
func wantFault(t testing.TB, cfg Config, file, what string, more ...func(*VerifyConfig)) {
	t.Helper()
	r := verify(t, cfg, more...)
	if !slices.ContainsFunc(r.Faults, func(f Fault) bool { return strings.Contains(f.File, file) && strings.Contains(f.What, what) }) {
		t.Errorf("no fault in %q that says %q: %v", file, what, r.Faults)
	}
}

// filled makes a ledger that has every kind of file in it, closed: full and
// partial tiles of two levels, two months of records, content, and a journal with
// an exchange that is still open.
func filled(t testing.TB) (Config, []record.Receipt) {
	t.Helper()
	cfg := testConfig(t)
	l := open(t, cfg)
	var receipts []record.Receipt
	for i := range 300 {
		id := fmt.Sprintf("ex_%d", i)
		in := intent(id)
		if i%2 == 1 {
			in.At = in.At.AddDate(0, 1, i%20)
		}
		if i%50 == 0 {
			in.Kept = []record.Kept{{Path: "messages[0].content", Origin: "user", Kind: "text", Text: "what was asked"}}
		}
		r, err := l.Begin(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		out := outcome(id)
		if i%50 == 0 {
			out.Kept = []record.Kept{{Path: "choices[0].message.content", Origin: "model", Kind: "text", Output: true, Text: "what was answered"}}
		}
		if err := l.Finish(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	if err := l.Act(t.Context(), record.Act{ID: "act_1", Phase: "done", Kind: "key.create", By: "someone@acme.example", Target: "support-bot"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(t.Context(), intent("ex_open")); err != nil {
		t.Fatal(err)
	}
	shut(t, l)
	return cfg, receipts
}

// copyTree copies a folder, so that each case can spoil its own.
func copyTree(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// kindOf sorts files by what they are.
func kindOf(rel string) string {
	switch {
	case strings.Contains(rel, "tile/entries"):
		return "bundle"
	case strings.Contains(rel, "log/tile"):
		return "tile"
	case strings.Contains(rel, "/spare-"):
		return "spare"
	case strings.HasSuffix(rel, ".key") && strings.Contains(rel, "month"):
		return "month key"
	}
	return strings.TrimLeft(filepath.Dir(rel), ".") + "/*" + filepath.Ext(rel)
}

// damages are the ways to spoil a byte.
var damages = map[string]func(data []byte, i int, rng *rand.Rand) []byte{
	"flipped": func(d []byte, i int, rng *rand.Rand) []byte { d[i] ^= 1 << rng.IntN(8); return d },
	"cut":     func(d []byte, i int, _ *rand.Rand) []byte { return slices.Delete(d, i, i+1) },
	"ended":   func(d []byte, i int, _ *rand.Rand) []byte { return d[:i] },
	"doubled": func(d []byte, i int, _ *rand.Rand) []byte { return slices.Insert(d, i, d[i]) },
	"moved": func(d []byte, i int, rng *rand.Rand) []byte {
		for range 10_000 {
			if k := rng.IntN(len(d)); d[k] != d[i] {
				d[i], d[k] = d[k], d[i]
				return d
			}
		}
		d[i] ^= 0x40
		return d
	},
	"appended": func(d []byte, _ int, rng *rand.Rand) []byte { return append(d, byte(rng.IntN(256))) },
}

// TestEveryByteCounts spoils one byte at random places of every kind of file and
// wants it caught and the file named.
func TestEveryByteCounts(t *testing.T) {
	cfg, _ := filled(t)
	check(t, cfg)
	base := filepath.Dir(cfg.Dir)
	byKind := map[string][]string{}
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			rel, _ := filepath.Rel(base, path)
			byKind[kindOf(rel)] = append(byKind[kindOf(rel)], rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(byKind) < 12 {
		t.Fatalf("only these kinds of file: %v", slices.Collect(maps.Keys(byKind)))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := copyTree(t, base)
	spoilt := Config{Dir: filepath.Join(dir, "ledger"), KeyDir: filepath.Join(dir, "keys")}
	cases := 0
	for range 3 {
		for _, kind := range slices.Sorted(maps.Keys(byKind)) {
			for _, how := range slices.Sorted(maps.Keys(damages)) {
				rel := byKind[kind][rng.IntN(len(byKind[kind]))]
				spoil(t, spoilt, filepath.Join(dir, rel), kind, how, rng)
				cases++
			}
		}
	}
	t.Logf("%d bytes spoilt in %d kinds of file", cases, len(byKind))
	check(t, spoilt)
}

// spoil damages one file, looks whether that is seen, and puts it back.
func spoil(t *testing.T, cfg Config, path, kind, how string, rng *rand.Rand) {
	t.Helper()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := rng.IntN(len(good))
	bad := damages[how](slices.Clone(good), i, rng)
	if bytes.Equal(good, bad) {
		return
	}
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	r := verify(t, cfg)
	rel, _ := filepath.Rel(cfg.Dir, path)
	named := slices.ContainsFunc(r.Faults, func(f Fault) bool {
		// A key cannot be told from the file it should open.
		return f.File == filepath.ToSlash(rel) || strings.Contains(rel, "keys")
	})
	if !named {
		t.Errorf("%s: %s, byte %d of %d %s: none of %d faults names it: %v", kind, rel, i, len(good), how, len(r.Faults), r.Faults[:min(3, len(r.Faults))])
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	cfg, _ := filled(t)
	base := filepath.Dir(cfg.Dir)
	for _, c := range []struct{ file, names, what string }{
		{"log/checkpoint", "log/checkpoint", "leaves were cut off"},
		{"log/key", "log/key", "missing"},
		{"log/tile/0/000", "log/tile/0/000", "cannot be read"},
		{"log/tile/entries/001.p/45", "log/tile/entries/001.p/45", "cannot be read"},
		{"records/202603.seg", "records/202603.seg", "no act says that it was deleted"},
		{"content/20260304/ex_0.in", "content/20260304/ex_0.in", "no act says that it was deleted"},
		{"index", "index", "made again"},
	} {
		dir := copyTree(t, base)
		broken := Config{Dir: filepath.Join(dir, "ledger"), KeyDir: filepath.Join(dir, "keys")}
		if err := os.Remove(filepath.Join(broken.Dir, c.file)); err != nil {
			t.Fatal(err)
		}
		wantFault(t, broken, c.names, c.what)
	}
}

// TestWithoutKeys holds that an auditor who may not read records still sees what
// was changed.
func TestWithoutKeys(t *testing.T) {
	cfg, receipts := filled(t)
	none := func(v *VerifyConfig) { v.KeyDir = filepath.Join(t.TempDir(), "none") }
	r := check(t, cfg, none, func(v *VerifyConfig) { v.Receipt = []byte(receipts[7].Compact) })
	if r.Opened != 0 || r.Sealed != 301 || len(r.Notes) == 0 {
		t.Errorf("%+v", r)
	}
	name := filepath.Join(cfg.Dir, "records", "202604.seg")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, "202604.seg", "checksum", none)
}

func TestReceipts(t *testing.T) {
	cfg, receipts := filled(t)
	with := func(s string) func(*VerifyConfig) { return func(v *VerifyConfig) { v.Receipt = []byte(s) } }
	check(t, cfg, with(receipts[0].Compact))
	check(t, cfg, with(receipts[299].Compact+"\n"))
	k, err := openKeys(osDisk{}, cfg.KeyDir, "", true)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, "receipt", "the log has no leaf of it", with(k.promise("ex_never", time.Now())))
	other, err := openKeys(osDisk{}, t.TempDir(), "test.invalid/log", false)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, "receipt", "not signed by this log", with(other.promise("ex_0", time.Now())))
	for i := range receipts[0].Compact {
		bad := []byte(receipts[0].Compact)
		bad[i] ^= 1
		if p, err := ParseReceipt(string(bad)); err == nil && p.Verify(k.vkey) == nil {
			t.Errorf("a receipt with character %d changed passes", i)
		}
	}
	wantFault(t, cfg, "receipt", "not base64url", with("???"))
}

func TestProofs(t *testing.T) {
	cfg, _ := filled(t)
	for _, id := range []string{"ex_0", "ex_255", "ex_256", "ex_299", "act_1"} {
		p, err := Prove(t.Context(), cfg.Dir, id)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := p.Verify(p.Key)
		if err != nil || leaf.ID != id {
			t.Errorf("%s: %+v, %v", id, leaf, err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		check(t, cfg, func(v *VerifyConfig) { v.Receipt = text })
		p.Leaf[len(p.Leaf)-1] ^= 1
		if _, err := p.Verify(p.Key); err == nil {
			t.Error("a changed leaf is proven")
		}
		p.Leaf[len(p.Leaf)-1] ^= 1
		p.Index ^= 1
		if _, err := p.Verify(p.Key); err == nil {
			t.Error("a leaf is proven in another's place")
		}
	}
	for _, id := range []string{"ex_none", "ex_open"} {
		if _, err := Prove(t.Context(), cfg.Dir, id); !errors.Is(err, ErrNotYet) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestRewrittenLog holds that a log which was made anew, with its own key and
// everything in order, is not the one of an older checkpoint.
func TestRewrittenLog(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	exchange(t, l, "ex_0")
	logged(t, l, "ex_0")
	old := []byte(logged(t, l, "ex_0").Checkpoint)
	for i := range 300 {
		exchange(t, l, fmt.Sprintf("ex_more%d", i))
	}
	shut(t, l)
	trusted := func(v *VerifyConfig) { v.Checkpoint = old }
	check(t, cfg, trusted)

	for _, dir := range []string{"log", "records", "journal", "index"} {
		if err := os.RemoveAll(filepath.Join(cfg.Dir, dir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(markFile(cfg.KeyDir)); err != nil {
		t.Fatal(err)
	}
	l = open(t, cfg)
	exchange(t, l, "ex_other")
	shut(t, l)
	check(t, cfg)
	wantFault(t, cfg, "trusted checkpoint", "the log was rewritten", trusted)
	wantFault(t, cfg, "log/key", "not the trusted one", func(v *VerifyConfig) {
		v.Key = "test.invalid/log+8f809166+AfqBtbUqV+a3jyE8eYujKrY5gn/m6DA/FRLG0E3KQEY7"
	})
}

func TestVerifyWhileRunning(t *testing.T) {
	cfg := testConfig(t)
	l := open(t, cfg)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				exchange(t, l, fmt.Sprintf("ex_%d", i))
				time.Sleep(200 * time.Microsecond)
			}
		}
	}()
	for range 8 {
		if r := check(t, cfg); !r.Live || r.Witnessed {
			t.Errorf("%+v", r)
		}
		time.Sleep(20 * time.Millisecond)
	}
	close(stop)
	<-done
	shut(t, l)
	if r := check(t, cfg); r.Live || r.Exchanges == 0 {
		t.Errorf("%+v", r)
	}
}

func TestVerifyNothing(t *testing.T) {
	if _, err := Verify(t.Context(), VerifyConfig{Dir: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a folder that does not exist was verified")
	}
	r, err := Verify(t.Context(), VerifyConfig{Dir: t.TempDir()})
	if err != nil || r.OK() {
		t.Errorf("an empty folder passes: %+v, %v", r, err)
	}
	cfg := testConfig(t)
	shut(t, open(t, cfg))
	check(t, cfg)
}
