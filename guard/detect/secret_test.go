package detect

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// TestPatterns holds that every line of the pattern file is a rule that compiles,
// with an id of its own and keywords in lower case.
func TestPatterns(t *testing.T) {
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(patternFile) {
		var p pattern
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("line %d: %v", n+1, err)
		}
		n++
		if seen[p.ID] || p.ID == "" || len(p.Keywords) == 0 || p.Max < 8 || p.Max > 1024 {
			t.Errorf("rule %q is there twice or incomplete: %+v", p.ID, p.Keywords)
		}
		seen[p.ID] = true
		for _, k := range p.Keywords {
			if k != strings.ToLower(k) || len(k) < 2 {
				t.Errorf("%s: keyword %q", p.ID, k)
			}
		}
		for _, re := range append(p.Allow, p.Regex) {
			if _, err := regexp.Compile(re); err != nil {
				t.Errorf("%s: %v", p.ID, err)
			}
		}
		p.compile()
		if p.Group >= p.re.NumSubexp()+1 {
			t.Errorf("%s: no group %d", p.ID, p.Group)
		}
	}
	if n < 120 {
		t.Errorf("only %d rules", n)
	}
	if kinds := len(newSecret().finds); kinds < 200 {
		t.Errorf("only %d kinds of secret", kinds)
	}
}

func secretsOf(t *testing.T, text string, o llm.Origin) []string {
	t.Helper()
	found, err := newSecret().Look(context.Background(), []llm.Passage{{Origin: o, Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		if f.Confidence >= .5 {
			out = append(out, text[f.Start:f.End])
		}
	}
	return out
}

// made is a random value of letters and digits, the same for the same seed.
func made(seed uint64, n int, from string) string {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = from[r.IntN(len(from))]
	}
	return string(b)
}

const (
	base62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	hex16  = "0123456789abcdef"
)

// TestSecretSpans holds that the place of a secret is the secret and nothing else,
// in the frames that people and programs write.
func TestSecretSpans(t *testing.T) {
	values := []string{"gh" + "p_" + made(1, 36, base62), "sk-" + "ant-api03-" + made(2, 80, base62), "AK" + "IA" + made(3, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), "hv" + "s." + made(4, 40, base62)}
	frames := []string{"%", "key=%", "export TOKEN='%'", `{"apiKey": "%", "n": 1}`, `"{\"token\":\"%\"}"`, "Use %, please.", "Is it %?", "(%)", "<key>%</key>", "`%`", "token: %\nnext: 1", "| token | % |", "https://api.example.org/v1?key=%&x=1", "Der Schlüssel lautet %.", "秘密は%です"}
	for _, v := range values {
		for _, f := range frames {
			text := strings.ReplaceAll(f, "%", v)
			if got := secretsOf(t, text, llm.OriginUser); !slices.Equal(got, []string{v}) {
				t.Errorf("%s: found %q", strings.ReplaceAll(f, "%", v[:8]+"..."), got)
			}
		}
	}
}

// TestNamedSpans does so for values that only their name gives away.
func TestNamedSpans(t *testing.T) {
	token := made(5, 32, base62)
	for _, c := range []struct{ text, want string }{
		{"DB_PASSWORD=k7%fQ!z2", "k7%fQ!z2"},
		{`password: "k7%fQ!z2"`, "k7%fQ!z2"},
		{`let password: String = "k7fQz2!pp";`, "k7fQz2!pp"},
		{"Server=db;Password=k7fQz2!pp;Encrypt=true", "k7fQz2!pp"},
		{"https://host/login?user=a&password=k7fQz2pp&next=/", "k7fQz2pp"},
		{"<password>k7fQz2!pp</password>", "k7fQz2!pp"},
		{"The password is k7fQz2!pp.rest9Xq", "k7fQz2!pp.rest9Xq"},
		{`os.environ.setdefault("API_TOKEN", "` + token + `")`, token},
		{"api_key: str = '" + token + "'", token},
		{"Authorization: Bearer " + token, token},
		{"x-api-key: " + token, token},
		{`"\"secretKey\":\"` + token + `\","`, token},
		{"The token that we use for the tests: " + token + ". Thanks!", token},
		{"AIRTABLE " + token, token},
		{"my_service_secret := \"" + token + "\"", token},
		{"curl -u deploy:k7fQz2pp https://host/", "deploy:k7fQz2pp"},
		{"ConvertTo-SecureString \"k7fQz2pp\" -AsPlainText -Force", "k7fQz2pp"},
	} {
		if got := secretsOf(t, c.text, llm.OriginUser); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: found %q", c.text, got)
		}
	}
}

// TestDoubtfulSecrets holds that a made-up key is masked where a user sends one and
// does not stop the answer of a model that shows what a key looks like.
func TestDoubtfulSecrets(t *testing.T) {
	text := "api_key=" + strings.Repeat("1234567890"+"abcdef", 2)
	if got := secretsOf(t, text, llm.OriginUser); len(got) != 1 {
		t.Errorf("from a user: %q", got)
	}
	if got := secretsOf(t, text, llm.OriginModel); len(got) != 0 {
		t.Errorf("from a model: %q", got)
	}
}

// TestDenseSecrets holds that a text with more names than can be looked into is no
// text without secrets: the check fails.
func TestDenseSecrets(t *testing.T) {
	text := strings.Repeat("asana key=a1b2c3d4e5f6g7h8i9j0 ", 40_000)
	_, err := newSecret().Look(context.Background(), []llm.Passage{{Text: text}})
	if !errors.Is(err, errDense) {
		t.Errorf("the check ended with %v", err)
	}
	// A long file of settings is read to its end.
	lines := strings.Repeat("SERVICE_URL=https://host.example.org/a\nLOG_LEVEL=debug\nCACHE_KEY_PREFIX=web_\nAPI_TOKEN=${TOKEN}\n", 5_000)
	value := made(6, 40, base62)
	if got := secretsOf(t, lines+"API_TOKEN="+value, llm.OriginUser); !slices.Equal(got, []string{value}) {
		t.Errorf("found %q at the end of a long file", got)
	}
}

// FuzzSecrets holds that no text leads outside it, and that a kind's place is never
// empty.
func FuzzSecrets(f *testing.F) {
	for _, s := range []string{"password=", "token: \"", "asana key=a1b2c3d4e5f6g7h8i9j0", "://a:b@", "-----BEGIN PRIVATE KEY-----", "key", "api_key = '", "eyJ.a.b", "curl -u a:b", "{\"service_account\"", "q~ Q~ 1Q~", "re_12345678_", "pk_1_", "AccountKey=", "the token is:\n", "| password |"} {
		f.Add(s, uint8(3))
	}
	judge := alone(f, newSecret())
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		text = strings.Repeat(text, int(n%8)+1)
		inBounds(t, judge(llm.Passage{Origin: llm.OriginUser, Text: text}), text)
	})
}

// alone judges with one detector and the standard policy; the engine is built once.
func alone(t testing.TB, d guard.Detector) func(llm.Passage) risk.Verdict {
	t.Helper()
	e, err := guard.New(guard.Config{Detectors: []guard.Detector{d}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Compile("alone", guard.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return func(p llm.Passage) risk.Verdict {
		return c.Judge(context.Background(), guard.Input, []llm.Passage{p}).Verdict
	}
}

// inBounds fails when a finding leads out of the text, or a check panicked.
func inBounds(t *testing.T, v risk.Verdict, text string) {
	t.Helper()
	for _, f := range v.Findings {
		if f.Passage >= 0 && (f.Start < 0 || f.End > len(text) || f.Start >= f.End || f.Confidence <= 0 || f.Confidence > 1) {
			t.Fatalf("%+v in %d bytes", f, len(text))
		}
	}
	for _, k := range v.Checks {
		if strings.Contains(k.Err, "panicked") {
			t.Fatalf("%s panicked", k.Detector)
		}
	}
}

func BenchmarkSecrets(b *testing.B) {
	units := map[string]string{
		"prose":     "The harbour office opens at eight and closes at six, and on market days it stays open until the last boat is in. ",
		"code":      "func (s *Store) Get(ctx context.Context, key string) (*Item, error) {\n\tif item, ok := s.cache[key]; ok {\n\t\treturn item, nil\n\t}\n",
		"settings":  "DATABASE_URL=postgres://db.example.org/app\nLOG_LEVEL=info\nAPI_TIMEOUT=30s\nSENTRY_ENVIRONMENT=production\n",
		"names":     "password=password=",
		"vendors":   "asana key=a1b2c3d4e5f6g7h8i9j0 ",
		"keys":      "key ",
		"blocks":    "-----BEGIN PRIVATE KEY-----",
		"addresses": "://a:b@",
	}
	judge := alone(b, newSecret())
	for name, unit := range units {
		for _, size := range []int{16 << 10, 1 << 20} {
			text := strings.Repeat(unit, size/len(unit)+1)[:size]
			b.Run(name+"/"+map[int]string{16 << 10: "16KB", 1 << 20: "1MB"}[size], func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					judge(llm.Passage{Origin: llm.OriginUser, Text: text})
				}
			})
		}
	}
}
