package config

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write what is found as what is expected")

const noSecret = "what the variable holds"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := os.Setenv("BARTIZAN_TEST_KEY", noSecret); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// marker stands for something that scanners of secrets would stop at.
var marker = regexp.MustCompile(`\{\{join\|([^}]*)\}\}`)

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return marker.ReplaceAllFunc(b, func(m []byte) []byte {
		return []byte(strings.ReplaceAll(string(marker.FindSubmatch(m)[1]), "|", ""))
	})
}

func files(t testing.TB, glob string, least int) []string {
	t.Helper()
	found, err := filepath.Glob(glob)
	if err != nil || len(found) < least {
		t.Fatalf("%s: %d files, %v", glob, len(found), err)
	}
	return found
}

// TestFaults compares what is said of every bad file with what is expected. The
// first line of a file says what sees its faults: "structure" the schema too,
// "meaning" and "syntax" the decoder alone.
func TestFaults(t *testing.T) {
	schema := resolved(t)
	for _, path := range files(t, "testdata/bad/*.yaml", 60) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			text := read(t, path)
			f, err := Parse(path, text)
			var faults *Error
			if !errors.As(err, &faults) || f != nil {
				t.Fatalf("it was taken: %v", err)
			}
			var got strings.Builder
			for i, one := range faults.Faults {
				got.WriteString(one.String() + "\n")
				if one.Line < 1 || one.Line > strings.Count(string(text), "\n")+1 || i > 0 && one.Line < faults.Faults[i-1].Line {
					t.Errorf("%s is at line %d", one.Path, one.Line)
				}
			}
			compare(t, path+".faults", got.String())
			if strings.Contains(err.Error(), noSecret) || strings.Contains(err.Error(), "not-a-secret") {
				t.Errorf("a secret is in %v", err)
			}
			kind, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
			switch kind {
			case "syntax":
			case "structure":
				if schema.Validate(value(t, text)) == nil {
					t.Error("the schema takes it")
				}
			case "meaning":
				if err := schema.Validate(value(t, text)); err != nil {
					t.Errorf("the schema refuses it: %v", err)
				}
			default:
				t.Errorf("the first line says %q", kind)
			}
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(read(t, path)); got != want {
		t.Errorf("faults are\n%s\nexpected were\n%s", got, want)
	}
}

func resolved(t testing.TB) *jsonschema.Resolved {
	t.Helper()
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// value is a file as JSON would say it.
func value(t testing.TB, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return dated(v)
}

// dated writes dates as the text they were: JSON has none.
func dated(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.DateOnly)
	case map[string]any:
		for k := range v {
			v[k] = dated(v[k])
		}
	case []any:
		for i := range v {
			v[i] = dated(v[i])
		}
	}
	return v
}

func TestGood(t *testing.T) {
	schema := resolved(t)
	for _, path := range files(t, "testdata/good/*.yaml", 2) {
		if _, err := Load(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if err := schema.Validate(value(t, read(t, path))); err != nil {
			t.Errorf("%s: the schema: %v", path, err)
		}
	}
}

func TestFull(t *testing.T) {
	f, err := Load("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := f.Providers["own"].Key.Value()
	if err != nil || secret != "not a key at all" {
		t.Errorf("the file of a secret gives %q, %v", secret, err)
	}
	if dsn, err := f.Store.Postgres.Value(); err != nil || dsn != noSecret {
		t.Errorf("the variable gives %q, %v", dsn, err)
	}
	if n := f.Gate.Places; n == nil || *n != 8192 {
		t.Errorf("places are %v", n)
	}
	bot := f.Systems["support.bot-1"]
	if !slices.Equal(bot.Tools.Names, []string{"search_orders", `a "quoted" tool`}) || bot.Tools.Any || !f.Systems["dev-assist"].Tools.Any {
		t.Errorf("tools are %+v", bot.Tools)
	}
	// Paths are taken from where the file lies, whatever the working directory.
	for _, p := range []string{f.Listen.Gate.Cert, f.Listen.Gate.Key, f.Providers["own"].CA, f.Providers["own"].Key.File, f.Access.Permits[0]} {
		if !strings.HasPrefix(p, "testdata/") || strings.Contains(p, "..") {
			t.Errorf("a path is %s", p)
		}
	}
	if time.Duration(f.Access.StaleAfter) != 5*time.Minute || time.Duration(f.Providers["openai"].Timeouts.FirstByte) != time.Minute || f.Data != "/var/lib/bartizan" {
		t.Errorf("read as %+v", f)
	}
	if p := f.Policies["standard"]; !p.Thresholds["attack"]["system"].Off || p.Thresholds["attack"]["tool"].Hold != .5 || p.Mask.Entities[1].Action != "block" || *p.Sanitise.Escapes {
		t.Errorf("the policy is %+v", p)
	}
	if b := bot.Budget; b.Money != (Rate{12_500_000, "day"}) || b.Tokens != (Rate{5_000_000_000_000, "month"}) || b.Requests != (Rate{1_500_000_000, "hour"}) ||
		*b.Parallel != 20 || b.PerKey.Requests.Per != "minute" || b.PerPerson.Tokens.Micro != 200_000_000_000 || *b.PerPerson.Parallel != 2 {
		t.Errorf("the budget is %+v", b)
	}
	if p := f.Models["fast"].Price; *p.Input != .25 || *p.CachedInput != .025 || *p.Output != 2 || f.Models["org/private:v1.2"].Price != nil {
		t.Errorf("the price is %+v", p)
	}
	if s := f.Stages["own"]; !s.Private || s.Label != "0.label" || !slices.Equal(s.Bad, []string{"INJECTION"}) || f.Policies["standard"].Second.Stage != "shields" || f.Policies["standard"].Thresholds["attack"]["retrieved"].Excise != .6 {
		t.Errorf("the stage is %+v, asked by %+v", s, f.Policies["standard"].Second)
	}
	for _, p := range []string{f.Stages["harm"].Key.File, f.Stages["gemma"].CA} {
		if !strings.HasPrefix(p, "testdata/") || strings.Contains(p, "..") {
			t.Errorf("a path of a stage is %s", p)
		}
	}
	if l, err := f.Classes(); err != nil {
		t.Error(err)
	} else if label, ok := l.Parse("company secret"); !ok || l.Name(label) != "top_secret" || f.Providers["openai"].Profile().SubProcessors[1] != "Beta (EU)" || f.Policies["standard"].Labels.Detected["pii.iban"] != "top_secret" {
		t.Errorf("labels are %v, the profile is %+v", l.Names(), f.Providers["openai"].Profile())
	}
	if f.Policies["trial"].Until != "2027-01-31" {
		t.Errorf("the date is %q", f.Policies["trial"].Until)
	}
}

// TestNotices: an entry of an allow list that has ended is said, with its line, and is no
// fault.
func TestNotices(t *testing.T) {
	f, err := Load("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, n := range f.Notices() {
		if !strings.HasPrefix(n.Path, "policies.standard.allow[") || !strings.Contains(n.Problem, "has passed") {
			t.Errorf("notice %s", n)
		}
		lines = append(lines, n.Line)
	}
	if len(lines) != 3 || lines[1] != lines[0]+1 || lines[2] != lines[0]+2 {
		t.Errorf("notices at the lines %v", lines)
	}
}

// TestUnknownHandlingIsNoticed: who says nothing of a provider is told what follows.
func TestUnknownHandlingIsNoticed(t *testing.T) {
	f, err := Load("testdata/good/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n := f.Notices()
	if len(n) != 1 || n[0].Path != "providers.openai.handling" || n[0].Line == 0 || !strings.Contains(n[0].Problem, "does not say training, retention, ceiling, so that only public data may go there") {
		t.Errorf("%v", n)
	}
}

// TestUndetectedIsNoticed: a label for what nothing can find is no promise.
func TestUndetectedIsNoticed(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/good/small.yaml")), "policies:\n", "policies:\n  standard: {labels: {detected: {pii.horoscope: confidential, pii.staff: general, pii.email: general}}, rules: [{id: staff, phrase: Ann Other, action: flag, entity: pii.staff}]}\n", 1)
	f, err := Parse("small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, n := range f.Notices() {
		if strings.Contains(n.Problem, "nothing in this version finds it") {
			found = append(found, n.Path)
		}
	}
	if !slices.Equal(found, []string{"policies.standard.labels.detected.pii.horoscope"}) {
		t.Errorf("%v", f.Notices())
	}
}

func TestStarter(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	if _, err := Parse("bartizan.yaml", Starter()); err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "OPENAI_API_KEY is not set") {
		t.Errorf("without the key: %v", err)
	}
	t.Setenv("OPENAI_API_KEY", "x")
	if _, err := Parse("bartizan.yaml", Starter()); err != nil {
		t.Error(err)
	}
	if err := resolved(t).Validate(value(t, Starter())); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
}

func TestBounds(t *testing.T) {
	large := append([]byte("version: 1\n#"), make([]byte, maxFile)...)
	if _, err := Parse("x", large); err == nil || !strings.Contains(err.Error(), "4 MB") {
		t.Errorf("a large file: %.80v", err)
	}
	var many strings.Builder
	for i := range 3 * maxFaults {
		many.WriteString("k" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + time.Duration(i).String() + ": 1\n")
	}
	_, err := Parse("x", []byte(many.String()))
	var faults *Error
	if !errors.As(err, &faults) || len(faults.Faults) != maxFaults+1 {
		t.Fatalf("%d faults", len(faults.Faults))
	}
	if _, err := Load("testdata/none.yaml"); err == nil || !strings.Contains(err.Error(), "config init") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text string
		good bool
	}{"good": {" s3 \n", true}, "empty": {" \n", false}, "at the bound": {strings.Repeat("x", maxSecret), true}, "large": {strings.Repeat("x", maxSecret+1), false}} {
		path := filepath.Join(dir, "secret")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := (Secret{File: path}).Value(); (err == nil) != c.good || c.good && v != strings.TrimSpace(c.text) {
			t.Errorf("%s: %.20q, %v", name, v, err)
		}
	}
	if _, err := (Secret{File: dir}).Value(); err == nil {
		t.Error("a folder is a secret")
	}
}

func TestCandidate(t *testing.T) {
	for _, c := range [][3]string{{"openai/gpt", "openai", "gpt"}, {"openai", "openai", "fast"}, {"openai/", "openai", "fast"}, {"a/b/c", "a", "b/c"}} {
		if p, m := Candidate(c[0], "fast"); p != c[1] || m != c[2] {
			t.Errorf("%s is %s and %s", c[0], p, m)
		}
	}
}

// FuzzParse feeds any text: it is taken, or every fault has a line within it;
// what is taken the schema takes too.
func FuzzParse(f *testing.F) {
	for _, glob := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		for _, path := range files(f, glob, 2) {
			f.Add(read(f, path))
		}
	}
	f.Add(Starter())
	schema := resolved(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse("testdata/good/fuzz.yaml", text)
		var faults *Error
		if (got == nil) == (err == nil) || err != nil && (!errors.As(err, &faults) || len(faults.Faults) == 0) {
			t.Fatalf("%v, %v", got, err)
		}
		if err == nil {
			if err := schema.Validate(value(t, text)); err != nil {
				t.Fatalf("the schema refuses what was taken: %v", err)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestConsentForNobody: a use for which policy wants a consent, and which no provider makes, is
// said; how a region is written is not looked at, and one that leaves it open may be anywhere.
func TestConsentForNobody(t *testing.T) {
	for handling, noticed := range map[string]bool{"{training: never, retention: none, ceiling: general, region: eu}": true, "{training: never, retention: none, ceiling: general, region: US}": false, "{training: never, retention: none, ceiling: general}": false} {
		f, err := Parse("x", []byte("version: 1\ndata: ./data\nproviders:\n  acme: {dialect: openai, url: \"https://api.example.com/v1\", handling: "+handling+"}\nmodels:\n  fast: {try: [acme/m]}\n"+
			"policies:\n  standard: {consent: [\"region:us\"]}\nsystems:\n  bot: {team: t, owner: o, purpose: p, environment: test, models: [fast]}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Notices(); (len(n) == 1) != noticed || noticed && !strings.Contains(n[0].String(), "policies.standard.consent[0]") {
			t.Errorf("%s: %v", handling, n)
		}
	}
}
