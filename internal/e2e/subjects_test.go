package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/store"
)

const keeping = `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  up: {dialect: openai, url: "UPSTREAM/v1", private: true, key: {env: PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
  claude: {dialect: anthropic, url: "UPSTREAM", private: true, key: {env: PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
models: {fast: {try: [up, claude]}}
privacy: {key_backups: 30d}
policies:
  office:
    keep: {content: masked}
    mask: {entities: [{pii.email: {action: ACTION}}], restore: RESTORE}
    rules: [{id: people, pattern: "Quen[b]y P[l]over", entity: pii.person, action: ACTION}]
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, policy: office, models: [fast], tools: any}
`

// The person who is erased, and one who stays.
const (
	planted     = "quenby.plover@" + "example.com"
	plantedName = "Quenby Plover"
	other       = "hal.finch@" + "example.com"
)

// plantEverywhere sends the marker through every place that is kept.
func plantEverywhere(t *testing.T, up *upstream, p *process) (calls int) {
	t.Helper()
	all := plantedName + " writes from " + planted + " to " + other + ". Please answer " + strings.ToUpper(planted) + ", and say hello to " + plantedName + "."
	arguments, err := json.Marshal(map[string]string{"to": planted, "who": plantedName})
	must(t, err)
	up.does(speaking("Dear " + plantedName + ", I wrote to " + planted + " and to " + other + ". That is all."))
	chat := func(messages string, stream bool) string {
		s := ""
		if stream {
			s = `"stream":true,`
		}
		return `{"model":"fast",` + s + `"messages":[` + messages + `]}`
	}
	user := `{"role":"user","content":` + quoted(all) + `}`
	tools := user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"mail","arguments":` + quoted(string(arguments)) + `}}]},{"role":"tool","tool_call_id":"c1","content":` + quoted(all) + `}`
	named := `{"model":"fast","messages":[` + user + `],"metadata":{` + quoted(planted) + `:"x"}}`
	for _, c := range []struct{ path, body string }{
		{"/v1/chat/completions", chat(user, false)}, {"/v1/chat/completions", chat(user, true)},
		{"/v1/chat/completions", chat(tools, false)}, {"/v1/chat/completions", chat(tools, true)}, {"/v1/chat/completions", named},
		{"/v1/messages", `{"model":"fast","max_tokens":9,"system":` + quoted(all) + `,"messages":[` + user + `]}`},
	} {
		a, err := p.send(http.MethodPost, c.path, c.body, func(r *http.Request) { r.Header.Set("Bartizan-Conversation", "of "+planted) })
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %v %s", c.path, a.status, err, a.body)
		}
		calls++
	}
	return calls
}

// holding reports whether bytes hold the marker in a form that somebody could read.
func holding(b []byte) bool {
	low := bytes.ToLower(b)
	for _, m := range []string{planted, strings.ToLower(plantedName), "quenby", "plover"} {
		if bytes.Contains(low, []byte(m)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(m))[:len(m)])) {
			return true
		}
	}
	return false
}

// scan looks at every byte below the data folder.
func scan(t *testing.T, dir string) (looked int) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if looked++; holding(b) {
			t.Errorf("%s holds the marker", path)
		}
		return nil
	}))
	return looked
}

// openAll opens everything that is kept with every key that there is, and counts what holds
// the marker.
func openAll(t *testing.T, data string) (texts, values, erased, marked int) {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(data, "bartizan.db"), Migrations: []store.Migrations{{Room: "access", Files: access.Migrations}, {Room: "privacy", Files: privacy.Migrations}}})
	must(t, err)
	defer st.Close()
	keys, err := access.OpenKeys(ctx, access.KeysConfig{Store: st, Dir: filepath.Join(data, "keys")})
	must(t, err)
	defer keys.Close()
	s, err := privacy.OpenSubjects(ctx, privacy.Config{Store: st, Dir: filepath.Join(data, "keys"), Index: keys.Derive("subjects")})
	must(t, err)
	defer s.Close()
	open := func(b []byte) ([]byte, bool, error) {
		text, err := s.Open(b)
		if errors.Is(err, privacy.ErrErased) {
			erased++
			return nil, true, nil
		}
		if holding(text) {
			marked++
		}
		return text, false, err
	}
	l, err := ledger.Open(ledger.Config{Dir: filepath.Join(data, "ledger"), KeyDir: filepath.Join(data, "keys"), Unseal: open})
	must(t, err)
	defer l.Close(ctx)
	for r, err := range l.Records(ctx, record.Query{Content: true}) {
		must(t, err)
		if b, err := json.Marshal(r); err != nil || holding(b) {
			t.Errorf("a record holds the marker: %s", b)
		}
		var kept []record.Kept
		if r.Intent != nil {
			kept = append(kept, r.Intent.Kept...)
		}
		if r.Outcome != nil {
			kept = append(kept, r.Outcome.Kept...)
		}
		for _, k := range kept {
			texts++
			if holding([]byte(k.Path + k.Text)) {
				t.Errorf("a kept text holds the marker: %s %s", k.Path, k.Text)
			}
			for _, v := range k.Values {
				values++
				if _, _, err := open(v.Sealed); err != nil {
					t.Errorf("a value of kind %s does not open: %v", v.Kind, err)
				}
			}
		}
	}
	return texts, values, erased, marked
}

// TestR45Erased plants a person in prompts, tool arguments, answers and names of fields, has
// the person erased while the server runs, and then looks for them in every byte there is,
// with every key there is.
func TestR45Erased(t *testing.T) {
	for _, mode := range []struct{ name, action, restore string }{{"masked for the provider", "mask", "true"}, {"seen and let pass", "flag", "false"}} {
		t.Run(mode.name, func(t *testing.T) {
			up := newUpstream(t)
			d := deploy(t, up, strings.NewReplacer("ACTION", mode.action, "RESTORE", mode.restore).Replace(keeping))
			p := d.serve()
			calls := plantEverywhere(t, up, p)
			find := func(who string) (out struct{ Places []privacy.Location }) {
				must(t, json.Unmarshal([]byte(d.run("privacy", "find", "--subject", who, "-c", d.file, "-o", "json")), &out))
				return out
			}
			before := d.run("privacy", "export", "--subject", strings.ToUpper(planted), "--reason", "T-1", "-c", d.file)
			if n := strings.Count(before, planted); len(find(planted).Places) < calls || len(find(plantedName).Places) < calls || n < calls || strings.Contains(before, other) {
				t.Fatalf("the marker is found %d times in %s", n, before)
			}
			scan(t, d.data()) // even now nothing lies in clear
			cert := filepath.Join(d.dir, "erased.cert")
			hold := strings.TrimSpace(d.run("privacy", "hold", "add", "--system", "bot", "--reason", "CASE-7", "-c", d.file))
			if code, text := d.fails("privacy", "erase", "--subject", planted, "--reason", "T-1", "-c", d.file); code != 3 || !strings.Contains(text, hold) {
				t.Errorf("under hold: %d %s", code, text)
			}
			d.run("privacy", "hold", "lift", hold, "--reason", "CASE-7 is closed", "-c", d.file)
			d.run("privacy", "erase", "--subject", planted, "--reason", "T-1", "-c", d.file, "--certificate", cert)
			d.run("privacy", "erase", "--subject", plantedName, "--reason", "T-1", "-c", d.file, "--certificate", filepath.Join(d.dir, "name.cert"))
			if n := len(find(planted).Places) + len(find(plantedName).Places); n != 0 {
				t.Errorf("found in %d places", n)
			}
			if after := d.run("privacy", "export", "--subject", other, "--reason", "T-1", "-c", d.file); holding([]byte(after)) || strings.Count(after, other) < calls {
				t.Errorf("the other person is gone, or the marker is not: %s", after)
			}
			looked := scan(t, d.data())
			d.run("privacy", "rotate", "-c", d.file)
			for name, b := range map[string]string{"the export": d.run("ledger", "export", "--data", d.data()), "the metrics": p.get(t, p.operations+"/metrics").body} {
				if holding([]byte(b)) {
					t.Errorf("%s holds the marker", name)
				}
			}
			must(t, p.stop())
			if looked += scan(t, d.data()); looked < 30 || holding([]byte(p.errors())) || holding(p.stdout.Bytes()) {
				t.Errorf("%d files were looked at, or the log holds the marker", looked)
			}
			if out := d.run("ledger", "verify", "--data", d.data()); !strings.HasPrefix(out, "verified") {
				t.Error(out)
			}
			texts, values, erased, marked := openAll(t, d.data())
			if marked != 0 || erased < 2*calls || values-erased < calls || texts < calls {
				t.Errorf("%d texts and %d values, %d are erased, %d hold the marker", texts, values, erased, marked)
			}
			t.Logf("%d texts and %d values, %d of them erased, %d files", texts, values, erased, looked)
			certified(t, d, cert)
		})
	}
}

// certified checks a certificate as somebody does who has nothing but the log's public key.
func certified(t *testing.T, d *deployment, cert string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(d.data(), "ledger", "log", "key"))
	must(t, err)
	verify := func(file string) []string {
		return []string{"privacy", "verify", "--certificate", file, "--key", strings.TrimSpace(string(key))}
	}
	if out := d.run(verify(cert)...); !strings.HasPrefix(out, "good: sub_") || !strings.Contains(out, "backups of keys live until") {
		t.Error(out)
	}
	b, err := os.ReadFile(cert)
	must(t, err)
	if holding(b) {
		t.Error("the certificate holds the marker")
	}
	bad := filepath.Join(d.dir, "bad.cert")
	for _, i := range []int{3, bytes.Index(b, []byte("sub_")) + 6, bytes.Index(b, []byte(`"count"`)) + 9, len(b) / 2, len(b) - 3} {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		must(t, os.WriteFile(bad, changed, 0o600))
		if code, _ := d.fails(verify(bad)...); code != 1 {
			t.Errorf("with byte %d changed: %d", i, code)
		}
	}
	must(t, os.WriteFile(filepath.Join(d.dir, "copy.cert"), b, 0o600))
	if code, _ := d.fails("privacy", "verify", "--certificate", "copy.cert", "--key", "other+00000000+AAAA"); code != 1 {
		t.Errorf("another key: %d", code)
	}
}
