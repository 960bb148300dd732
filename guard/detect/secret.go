package detect

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// Secret finds credentials.
//
// Catches: some sixty kinds of key, token, key block and address with a
// password, each by its own prefix and shape; values named as a password, key
// or token, where they are random enough.
// Does not catch: bare passwords in prose, secrets without a prefix or a name
// beside them, those split over several strings. Placeholders, hashes, UUIDs,
// public keys and values made of words are left alone on purpose.
// Example: a personal access token in a shell command.
type Secret struct{ member }

func newSecret() *Secret {
	m := member{id: "secret@1", read: readSecrets}
	for _, k := range secretKinds {
		m.finds = append(m.finds, risk.Category("secret."+k.rule))
		m.literals = append(m.literals, k.literal)
	}
	return &Secret{m}
}

// readSecrets checks the shape at every prefix that was seen; a place found by
// one kind is not found again by another.
func readSecrets(v *guard.View, add func(risk.Finding)) {
	if v.Via == "leet" || v.Via == "rot13" || v.Via == "reverse" {
		return // guesses at words, in which no value is whole
	}
	var found []risk.Finding
	for _, h := range v.Hits {
		k := &secretKinds[h.Literal]
		start, end, p := k.match(v.Text, h)
		if p == 0 || covered(found, v, start, end) {
			continue
		}
		f := v.Finding(risk.Category("secret."+k.rule), start, end, p)
		f.Severity, f.Impact, f.Refs = risk.Critical, risk.Confidentiality, refs("LLM02:2026", "AML.T0055")
		found = append(found, f)
		add(f)
	}
}

// covered reports whether the stretch was found already, by a kind that knows
// more.
func covered(found []risk.Finding, v *guard.View, start, end int) bool {
	from, to := v.Original(start, end)
	for _, f := range found {
		if from < f.End && f.Start < to {
			return true
		}
	}
	return false
}

// secretKind is one rule: a literal, and the shape of what must stand there.
type secretKind struct {
	rule, literal string
	chars         *charset // of what follows the literal
	min, max      int      // how many of them
	shape         func(s string, h guard.Hit) (start, end int, p float64)
	exact         string // the literal as it must be written, where case matters
}

// charset is a set of bytes.
type charset [256]bool

func chars(ranges string) *charset {
	var c charset
	for i := 0; i < len(ranges); i++ {
		if i+2 < len(ranges) && ranges[i+1] == '-' {
			for b := int(ranges[i]); b <= int(ranges[i+2]); b++ {
				c[b] = true
			}
			i += 2
			continue
		}
		c[ranges[i]] = true
	}
	return &c
}

var (
	alnum   = chars("a-zA-Z0-9")
	word64  = chars("a-zA-Z0-9_-")
	dotted  = chars("a-zA-Z0-9_.-")
	hexes   = chars("a-f0-9")
	uppers  = chars("A-Z0-9")
	base64s = chars("a-zA-Z0-9+/=")
)

// match checks the shape at a hit.
func (k *secretKind) match(s string, h guard.Hit) (int, int, float64) {
	if k.exact != "" && s[h.Start:h.End] != k.exact {
		return 0, 0, 0
	}
	if k.shape != nil {
		return k.shape(s, h)
	}
	// A boundary tested here keeps a leading \b, and its cost, out of any
	// pattern.
	if h.Start > 0 && alnum[s[h.Start-1]] {
		return 0, 0, 0
	}
	end := h.End
	for end < len(s) && k.chars[s[end]] && end-h.End <= k.max {
		end++
	}
	n := end - h.End
	if n < k.min || n > k.max || end < len(s) && alnum[s[end]] || placeholder(s[h.End:end]) {
		return 0, 0, 0
	}
	return h.Start, end, .97
}

// fake are words that a value holds only when it stands for one.
var fake = []string{"example", "placeholder", "changeme", "change_me", "your", "xxxx", "****", "....", "dummy", "redacted", "insert", "replace", "<", "${", "{{", "todo", "1234567890abcdef", "sample", "0000000", "abcdefgh", "test_test", "secret_here", "not-a-real", "notreal", "fake"}

// placeholder reports whether a value only stands for one: words that say so,
// or too little variety to be random.
func placeholder(v string) bool {
	low := strings.ToLower(v)
	return containsAny(low, fake) || entropy(v) < 2.3
}

// entropy is the Shannon entropy of the bytes of s, in bits a byte.
func entropy(s string) float64 {
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return h
}

// take returns the end of the run of set at s[i:], at most n bytes long.
func take(s string, i, n int, set *charset) int {
	end := i
	for end < len(s) && end-i < n && set[s[end]] {
		end++
	}
	return end
}

// keyBlock matches a private key between its two lines; a public key or a
// certificate is none.
func keyBlock(s string, h guard.Hit) (int, int, float64) {
	head, rest, ok := strings.Cut(s[h.Start:min(len(s), h.Start+80)], "-----")
	_ = head
	if !ok {
		return 0, 0, 0
	}
	title, _, ok := strings.Cut(rest, "-----")
	if !ok || !strings.HasSuffix(title, "PRIVATE KEY") && !strings.HasSuffix(title, "PRIVATE KEY BLOCK") {
		return 0, 0, 0
	}
	body := h.Start + 10 + len(title)
	end := strings.Index(s[body:min(len(s), body+maxKey)], "-----END "+strings.TrimPrefix(title, "BEGIN "))
	if end < 0 {
		// Cut off: still a key when there is enough of it.
		if end = take(s, body, maxKey, keyBytes); end-body < 64 {
			return 0, 0, 0
		}
		return h.Start, end, .9
	}
	// An empty block is an example of one.
	if end < 40 || placeholder(s[body:body+end]) {
		return 0, 0, 0
	}
	end += body + len("-----END ") + len(title) - len("BEGIN ") + len("-----")
	return h.Start, min(len(s), end), .99
}

// maxKey bounds a key block.
const maxKey = 16 << 10

var keyBytes = chars("a-zA-Z0-9+/= \\\r\n:,-")

// jwt matches three parts of which the first is a header in JSON.
func jwt(s string, h guard.Hit) (int, int, float64) {
	if h.Start > 0 && word64[s[h.Start-1]] {
		return 0, 0, 0
	}
	end := take(s, h.Start, 8<<10, dotted)
	parts := strings.Split(strings.TrimRight(s[h.Start:end], "."), ".")
	if len(parts) < 3 || len(parts[1]) < 8 || len(parts[2]) < 16 {
		return 0, 0, 0
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	var head struct {
		Alg string `json:"alg"`
	}
	if err != nil || json.Unmarshal(raw, &head) != nil || head.Alg == "" {
		return 0, 0, 0
	}
	return h.Start, h.Start + len(strings.Join(parts[:3], ".")), .95
}

// address matches scheme://user:password@host.
func address(s string, h guard.Hit) (int, int, float64) {
	end := h.End
	for end < len(s) && end-h.End < 512 && s[end] > ' ' && s[end] < 0x7f && !strings.ContainsRune("\"'`<>\\/", rune(s[end])) {
		end++
	}
	user, host, ok := cutLast(s[h.End:end], "@")
	name, pass, ok2 := strings.Cut(user, ":")
	if !ok || !ok2 || host == "" || len(pass) < 4 || strings.ContainsAny(name, "?&=") || variable(pass) || weakWord(pass) {
		return 0, 0, 0
	}
	// The scheme belongs to the address, and a bare :// is none.
	start := h.Start
	for start > 0 && (alnum[s[start-1]] || s[start-1] == '+') {
		start--
	}
	if start == h.Start {
		return 0, 0, 0
	}
	return start, end, .9
}

func cutLast(s, sep string) (string, string, bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// variable reports whether a value is filled in elsewhere.
func variable(v string) bool {
	return v == "" || strings.ContainsAny(v[:1], "$<{%*[(@") || strings.HasPrefix(v, "process.") || strings.HasPrefix(v, "os.") || containsAny(strings.ToLower(v), fake) || strings.Trim(v, "xX*.-_") == ""
}

// weakWord reports the words that examples use for a password.
func weakWord(v string) bool {
	switch strings.ToLower(v) {
	case "password", "pass", "passwd", "pwd", "secret", "user", "token", "admin", "root", "postgres", "test", "guest", "none", "null", "true", "false", "pass123":
		return true
	}
	return false
}
