package detect

import (
	"math"
	"strings"
)

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
	letters = chars("a-zA-Z")
	digits  = chars("0-9")
	word64  = chars("a-zA-Z0-9_-")
	dotted  = chars("a-zA-Z0-9_.-")
	hexes   = chars("a-f0-9")
	anyHex  = chars("a-fA-F0-9")
	uppers  = chars("A-Z0-9")
	base64s = chars("a-zA-Z0-9+/=")
	opaque  = chars("a-zA-Z0-9_.+/=~%-")
)

// take returns the end of the run of set at s[i:], at most n bytes long.
func take(s string, i, n int, set *charset) int {
	end := i
	for end < len(s) && end-i < n && set[s[end]] {
		end++
	}
	return end
}

func skip(s string, i int, set string) int {
	for i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
		i++
	}
	return i
}

// fake are words that a value holds only when it stands for one.
var fake = []string{"example", "placeholder", "changeme", "change_me", "change-me", "changeit", "your", "xxxx", "****", "....", "dummy", "redacted", "insert", "replace", "<", "${", "{{", "todo", "sample", "0000000", "1111111", "test_test", "_here", "-here", "not-a-real", "notreal", "not_real", "fake", "foobar", "mypass", "my_pass", "my-secret", "my_secret", "mysecret", "secret_key", "supersecret", "super-secret", "super_secret", "api_key", "apikey", "lorem", "undefined", "censored", "removed", "hidden", "masked",
	// Keys that a payment service prints in its manual for everybody to try.
	"4ec39hqlyjwdarjtt1zdp7dc", "bqokikjovbii2hlwgh4olfq2"}

// doubtful is the probability of a value that looks made up as much as made by a
// machine: it is masked, but a model may write one as an example.
const doubtful = .5

// genuine is how far a value can be trusted to be one: 0 for one that only stands
// for another (words that say so, a row of the alphabet or of digits, or too little
// variety to be random), doubtful for several such rows, else 1.
func genuine(v string) float64 {
	rows, share := sequence(v)
	switch {
	case standIn(v) || entropy(v) < 2.3:
		return 0
	case share < .8:
		return 1
	case rows < 6 && strings.Contains(v, "0123456789") && strings.Contains(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz"):
		return 0 // an alphabet
	case rows < 3 || len(v) < 20:
		return 0
	}
	return doubtful
}

func standIn(v string) bool { return containsAny(strings.ToLower(v), fake) }

// sequence is the share of bytes that follow the one before in the alphabet, in
// the digits or repeat it, and in how many rows they stand.
func sequence(v string) (rows int, share float64) {
	if len(v) < 2 {
		return 1, 1
	}
	n := 0
	for i := 1; i < len(v); i++ {
		a, b := v[i-1]|0x20, v[i]|0x20
		if b == a || b == a+1 || b+1 == a || v[i-1] == '9' && v[i] == '0' {
			n++
		}
	}
	return len(v) - n, float64(n) / float64(len(v)-1)
}

// entropy is the Shannon entropy of the bytes of s, in bits a byte.
func entropy(s string) float64 {
	var count [256]uint16
	for i := range len(s) {
		count[s[i]]++
	}
	h, n := 0.0, float64(len(s))
	for i := range len(s) {
		if c := count[s[i]]; c > 0 {
			count[s[i]] = 0
			p := float64(c) / n
			h -= p * math.Log2(p)
		}
	}
	return h
}

// mixture counts the kinds of byte in a value.
type mixture struct{ low, up, digit, other, turns int }

func mix(v string) (m mixture) {
	last := 0
	for i := range len(v) {
		kind := 0
		switch c := v[i]; {
		case 'a' <= c && c <= 'z':
			m.low++
			kind = 1
		case 'A' <= c && c <= 'Z':
			m.up++
			kind = 2
		case '0' <= c && c <= '9':
			m.digit++
			kind = 3
		default:
			m.other++
		}
		if kind > 0 && last > 0 && kind != last {
			m.turns++
		}
		last = kind
	}
	return m
}

func (m mixture) kinds() int {
	n := 0
	for _, k := range []int{m.low, m.up, m.digit, m.other} {
		if k > 0 {
			n++
		}
	}
	return n
}

// wordy reports whether most of a value is made of parts that could be spoken:
// identifiers, paths and phrases are, random values are not.
func wordy(v string) bool { return spokenShare(v) >= .6 }

// spokenShare is how much of a value is made of parts that could be spoken.
func spokenShare(v string) float64 {
	spoken := 0
	for i := 0; i < len(v); {
		if !letters[v[i]] {
			spoken += b2i(!alnum[v[i]] && i > 0 && i+1 < len(v)) // what joins words
			i++
			continue
		}
		// A word is small throughout, but for its first letter, or large throughout.
		j := i + 1
		for small := v[i] >= 'a'; j < len(v) && letters[v[j]]; j++ {
			if j == i+1 {
				small = v[j] >= 'a'
			}
			if (v[j] >= 'a') != small {
				break
			}
		}
		if n := j - i; n >= 4 && speakable(v[i:j]) || n >= 2 && n*3 >= len(v) && speakable(v[i:j]) {
			spoken += n
		}
		i = j
	}
	return float64(spoken) / float64(max(1, len(v)))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// speakable reports whether letters alternate as those of words do.
func speakable(w string) bool {
	vowels, run := 0, 0
	for i := range len(w) {
		if strings.IndexByte("aeiouyAEIOUY", w[i]) >= 0 {
			vowels++
			run = 0
		} else if run++; run > 4 {
			return false
		}
	}
	return vowels*4 >= len(w) && vowels*10 <= len(w)*7
}

// uuid reports whether v has the form of a UUID.
func uuid(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (v[i] == '-') || !dash && !anyHex[v[i]] {
			return false
		}
	}
	return true
}

// reference reports whether a value is filled in elsewhere: a variable, a call, a
// field, a place in a vault.
func reference(v string) bool {
	if v == "" {
		return true
	}
	switch v[0] {
	case '$':
		if len(v) == 1 || strings.IndexByte("{([", v[1]) >= 0 || take(v, 1, len(v), word64) == len(v) && mix(v[1:]).kinds() < 3 {
			return true
		}
	case '<', '{', '[', '(':
		return true
	case '%':
		if v[len(v)-1] == '%' || strings.HasPrefix(v, "%(") || len(v) == 2 {
			return true
		}
	case '!', '@', '&':
		if len(v) > 1 && letters[v[1]] && take(v, 1, len(v), letters) == len(v) || strings.HasPrefix(v, "@Microsoft.") {
			return true
		}
	}
	low := strings.ToLower(v[:min(len(v), 16)])
	for _, p := range elsewhere {
		if strings.HasPrefix(low, p) {
			return true
		}
	}
	return chain(v)
}

// elsewhere is how values begin that stand in another place.
var elsewhere = []string{"process.", "os.", "env.", "env:", "env(", "getenv", "system.getenv", "enc[", "enc(", "vault:", "op://", "ref+", "arn:", "file:", "secretref", "config.", "settings.", "secrets.", "var.", "self.", "this.", "request.", "http://", "https://", "sha1-", "sha256", "sha384-", "sha512", "md5:", "h1:", "data:", "0x", "-0x", "scram-", "base64:{", "projects/"}

// chain reports whether v is an expression: a name, or names with dots between, up
// to a bracket or the end.
func chain(v string) bool {
	i := take(v, 0, len(v), dotted)
	head := v[:i]
	if i == 0 || !letters[v[0]] && v[0] != '_' {
		return false
	}
	if i < len(v) {
		return v[i] == '(' || v[i] == '[' || v[i] == '{'
	}
	if !strings.Contains(head, ".") {
		return strings.HasPrefix(head, "0x")
	}
	last := ""
	for part := range strings.SplitSeq(head, ".") {
		if len(part) == 0 || len(part) > 24 || digits[part[0]] || strings.Contains(part, "-") {
			return false
		}
		last = part
	}
	return mix(head).digit == 0 || wordy(head) || spokenTail(last)
}

// spokenTail reports whether a name ends in a word: a random part does not.
func spokenTail(s string) bool {
	i := len(s)
	for i > 0 && letters[s[i-1]] {
		i--
	}
	return len(s)-i >= 5 && speakable(s[i:])
}

// weakWord reports the words that examples use for a password.
func weakWord(v string) bool {
	// What is left of p@ssw0rd without its disguise.
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '@':
			return 'a'
		case r == '0':
			return 'o'
		case r == '$':
			return 's'
		case r < 'A' || r > 'z' || r > 'Z' && r < 'a':
			return -1
		}
		return r | 0x20
	}, v)
	if strings.HasPrefix(plain, "passw") && len(plain) <= 8 && len(v) <= 12 && mix(v).digit < 2 {
		return true
	}
	switch strings.ToLower(v) {
	case "password", "pass", "passwd", "pwd", "secret", "user", "username", "token", "admin", "root", "postgres", "test", "guest", "none", "null", "nil", "true", "false", "pass123", "password1", "password123", "pass1234", "secret123", "test123", "test1234", "admin123", "user123", "required", "optional", "string", "default", "value", "hunter2":
		return true
	}
	return false
}
