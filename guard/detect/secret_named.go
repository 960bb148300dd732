package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/text"
)

// naming says how much a name tells of the value behind it.
type naming uint8

const (
	forPassword naming = iota // chosen by people: short, of mixed kinds
	forToken                  // made by a machine
	forKey                    // the same, but much else is called a key
	forAccess                 // names a token only where it is written in capitals
)

// names of values that are secret, as they are written in settings and code and, for
// passwords, in mails.
var names = []struct {
	literal string
	naming  naming
}{
	{"password", forPassword}, {"passwd", forPassword}, {"pwd", forPassword}, {"passphrase", forPassword}, {"passcode", forPassword}, {"pass_word", forPassword},
	{"kennwort", forPassword}, {"passwort", forPassword}, {"mot_de_passe", forPassword}, {"mot de passe", forPassword}, {"contrasena", forPassword}, {"senha", forPassword},
	{"wachtwoord", forPassword}, {"losenord", forPassword}, {"haslo", forPassword}, {"salasana", forPassword}, {"adgangskode", forPassword}, {"пароль", forPassword},
	{"密码", forPassword}, {"パスワード", forPassword}, {"비밀번호", forPassword}, {"_pass", forPassword}, {"_pw", forPassword},
	{"secret", forToken}, {"token", forToken}, {"apikey", forToken}, {"credential", forToken}, {"bearer", forToken}, {"authorization", forToken},
	{"_auth", forToken}, {"key", forKey}, {"schlussel", forKey}, {"密钥", forToken}, {"access", forAccess}, {"private", forAccess},
}

var foreign = map[string]bool{"haslo": true, "senha": true, "losenord": true, "salasana": true, "contrasena": true}

func namedKinds() []secretKind {
	out := make([]secretKind, len(names))
	for i, n := range names {
		out[i] = secretKind{rule: "named", literal: n.literal, shape: named(n.naming)}
	}
	return out
}

// named matches a value that stands behind its name: password=…, "api_key": "…",
// the token is ….
func named(kind naming) shape {
	return func(s string, h guard.Hit, b *purse) (int, int, float64) {
		// Words of other languages are parts of English ones.
		if s[h.Start] < 0x80 && foreign[text.Fold(s[h.Start:h.End])] && !wordStart(s, h.Start) && s[h.Start-1] != '_' {
			return 0, 0, 0
		}
		end, ok := nameEnd(s, h.End)
		if !ok {
			return 0, 0, 0
		}
		at, join, ok := toValue(s, end)
		if !ok {
			return announced(s, h, b)
		}
		from, to, quoted := value(s, at)
		if join == loose && to-from < 16 {
			return announced(s, h, b)
		}
		v := s[from:to]
		if to-from < 6 || join == listed && !quoted || !b.pay(1+(to-from)/16) || reference(v) || weakWord(v) || innocent(s, h.Start) {
			return 0, 0, 0
		}
		p := weigh(v, kind, join)
		switch {
		case kind == forAccess && strings.ToUpper(s[h.Start:h.End]) != s[h.Start:h.End]:
			if !compound(s, h) || len(v) < 28 || take(v, 0, len(v), alnum) < len(v) {
				return 0, 0, 0
			}
			p = min(p, doubtful)
		// Much is called a key: the word before must say that it opens something, or be
		// part of one name with it.
		case kind == forKey && !qualified(s, h.Start):
			if join == said || !compound(s, h) && (len(v) < 32 || !dense(v)) {
				return 0, 0, 0
			}
			p = min(p, .6)
		case join == loose && (quoted || slug(s, h, end) && !(len(v) >= 24 && take(v, 0, len(v), alnum) == len(v)) && !uuid(v)):
			return 0, 0, 0
		}
		return from, to, p
	}
}

// slug reports whether the name at the hit is one of the words of an address, as in
// /stop-leaking-secrets-2a31.
func slug(s string, h guard.Hit, end int) bool {
	return h.Start > 0 && (s[h.Start-1] == '-' || s[h.Start-1] == '/') && end < len(s) && s[end] == '-' && s[h.Start] > 'Z'
}

// weigh says how likely a value behind a name is secret, by what joins the two.
func weigh(v string, kind naming, join joint) float64 {
	trust := genuine(v)
	if rows, _ := sequence(v); trust == 0 && rows > 1 && len(v) >= 24 && !standIn(v) && entropy(v) > 3 {
		trust = doubtful
	}
	switch {
	case trust == 0:
		return 0
	case uuid(v):
		if join == said {
			return 0
		}
		return min(trust, .55)
	case join == assigned || join == listed:
		return min(trust, random(v, kind, trust))
	case len(v) < 16 && (join == loose || kind != forPassword):
		return 0
	case join == said && kind == forPassword:
		return min(trust, random(v, kind, trust))
	}
	// Without a sign between them only what is plainly random counts, and no name.
	body := v
	if n := strings.IndexByte(v, '_'); n > 0 && n <= 3 {
		body = v[n+1:] // a short mark of the maker
	}
	if mix(v).digit < 3 || strings.ContainsAny(body, "_.*>(/@") && !plainlyRandom(v) {
		return 0
	}
	if p := random(v, forToken, trust); p >= .6 {
		return min(trust, .55)
	}
	return 0
}

// announced matches a plainly random value that a sentence about the name ends in:
// the token that we use for tests: ….
func announced(s string, h guard.Hit, b *purse) (int, int, float64) {
	rest := s[h.End:min(len(s), h.End+80)]
	n := strings.IndexByte(rest, ':')
	if n < 0 || n+2 > len(rest) || rest[n+1] != ' ' && rest[n+1] != '\n' || strings.ContainsAny(rest[:n], "0123456789.;=\n") {
		return 0, 0, 0
	}
	i := skip(s[:min(len(s), h.End+n+8)], h.End+n+1, " \n`\"'*")
	if v, end := bare(s, i); len(v) >= 20 && b.pay(1) && plainlyRandom(v) {
		return i, end, .6
	}
	return 0, 0, 0
}

// dense reports whether a value is one long run of letters and digits, and no digest.
func dense(v string) bool {
	return take(v, 0, len(v), alnum) == len(v) && take(v, 0, len(v), anyHex) < len(v)
}

// compound reports whether the name at the hit is the end of a longer one, as in
// shop_key and shopKEY, or stands in capitals.
func compound(s string, h guard.Hit) bool {
	if h.Start > 0 && (s[h.Start-1] == '_' || s[h.Start-1] == '-' || alnum[s[h.Start-1]] && (s[h.Start] <= 'Z' || s[h.Start-1] <= 'Z')) {
		return true
	}
	return s[h.Start] <= 'Z' && s[h.End-1] <= 'Z'
}

// tails end the name of something about a secret that is none itself.
var tails = map[string]bool{"id": true, "ids": true, "name": true, "names": true, "url": true, "uri": true, "endpoint": true, "type": true, "length": true, "len": true, "size": true,
	"path": true, "file": true, "filename": true, "count": true, "limit": true, "expires": true, "expiry": true, "expiration": true, "ttl": true, "format": true,
	"prefix": true, "suffix": true, "field": true, "label": true, "hash": true, "hint": true, "policy": true, "manager": true, "ring": true, "store": true, "arn": true, "ref": true, "version": true,
	"at": true, "ttlseconds": true, "reset": true, "regex": true, "pattern": true, "placeholder": true, "error": true, "message": true, "input": true, "usage": true, "word": true, "words": true,
	"board": true, "code": true, "frame": true, "fingerprint": true, "thumbprint": true, "digest": true, "checksum": true, "algorithm": true, "alg": true, "index": true, "izer": true, "ized": true, "ization": true,
	"set": true, "space": true, "stone": true, "note": true, "pair": true, "up": true, "down": true, "map": true, "class": true, "provider": true, "service": true, "server": true, "host": true, "header": true, "param": true, "env": true, "var": true, "variable": true, "group": true, "column": true, "issuer": true, "scope": true, "audience": true, "info": true, "status": true, "date": true, "time": true, "created": true, "signature": true, "vault": true, "less": true, "chars": true, "alphabet": true, "charset": true, "ly": true, "ary": true, "selector": true}

// nameEnd reads the rest of a name, as in api_key_prod or tokenProd, and reports
// whether it still names a secret.
func nameEnd(s string, i int) (int, bool) {
	for range 3 {
		j := i
		if j < len(s) && (s[j] == '_' || s[j] == '-' || s[j] == '.') {
			j++
		}
		k := j
		for k < len(s) && letters[s[k]] && (k == j || s[k] > 'Z' || s[k-1] <= 'Z') && k-j < 20 {
			k++
		}
		if k == j {
			break
		}
		w := strings.ToLower(s[j:k])
		for k < len(s) && digits[s[k]] && k < j+22 {
			k++
		}
		// What runs on is no part of a name but the value itself.
		if k < len(s) && digits[s[k-1]] && (alnum[s[k]] || k-j > len(w)+2) {
			break
		}
		if tails[w] {
			return i, false
		}
		i = k
	}
	return i, true
}

// joint is what stands between a name and its value.
type joint uint8

const (
	assigned joint = iota // an equals sign, a colon, an element
	said                  // "is"
	listed                // a comma, as between the arguments of a call
	loose                 // only blanks or a dash
)

// copulas say in prose what an equals sign says in settings.
var copulas = []string{"is ", "is: ", "was ", "to ", "ist ", "lautet ", "lautet: ", "est ", "es ", "e ", "jest ", "ar ", "er ", "to: ", "为", "是", "は"}

// toValue finds where the value behind a name begins.
func toValue(s string, i int) (int, joint, bool) {
	j := i
	closed := false
	for j < len(s) && j < i+8 && strings.IndexByte("\"'`])*\\", s[j]) >= 0 {
		closed = true
		j++
	}
	k := skip(s[:min(len(s), j+12)], j, " \t")
	if closed && strings.HasPrefix(s[k:], "value=") {
		return k + len("value="), assigned, true // <add key="Password" value="…"/>
	}
	if k = oddSign(s, k); k >= len(s) {
		return 0, 0, false
	}
	if c := s[k]; c == '=' || c == ':' || c == '>' || c == '|' && inTable(s, k) || c == ',' && closed {
		k = skip(s[:min(len(s), k+24)], k, "=:>|, \t*~")
		// A value in quotes may stand on a line of its own.
		if n := skip(s[:min(len(s), k+40)], k, "\r\n \t"); c != ',' && n > k && n < len(s) && (s[n] == '"' || s[n] == '\'' || c == '>') {
			k = n
		}
		if c == ',' {
			return typed(s, k), listed, true
		}
		return typed(s, k), assigned, true
	}
	for _, w := range copulas {
		if len(s)-k > len(w) && strings.EqualFold(s[k:k+len(w)], w) && (k > j || w[0] >= 0x80) {
			return skip(s[:min(len(s), k+len(w)+4)], k+len(w), " :*"), said, true
		}
	}
	if k == j && s[k] != '-' {
		return 0, 0, false
	}
	return skip(s[:min(len(s), k+4)], k, "- \t"), loose, true
}

// oddSign reads over what some languages put before an equals sign: the type of a
// variable, a question mark, a dot.
func oddSign(s string, k int) int {
	j := k
	if j > 0 && s[j-1] == ' ' {
		if n := take(s, j, 12, letters); n > j && n < len(s) && s[n] == ' ' {
			j = skip(s[:min(len(s), n+3)], n, " ")
		}
	}
	if j < len(s) && strings.IndexByte("?.+|:", s[j]) >= 0 {
		j++
	}
	if j < len(s) && s[j] == '=' {
		return j
	}
	return k
}

// inTable reports whether s[i] stands in a row of a table.
func inTable(s string, i int) bool {
	line := strings.LastIndexByte(s[max(0, i-200):i], '\n') + 1 + max(0, i-200)
	at := skip(s[:i], line, " \t")
	return s[at] == '|'
}

// schemes stand before a value in a header, wrappers in code.
var valuePrefixes = []string{"bearer ", "basic ", "token ", "apikey ", "new ", "securestring(", "secretstr(", "string(", "$"}

// typed reads over the type of a variable and over what wraps its value.
func typed(s string, i int) int {
	// password: str = "…"
	if j := take(s, i, 24, chars("A-Za-z&[].|?")); j > i && j < len(s) && s[j] == ' ' {
		if k := skip(s[:min(len(s), j+3)], j, " "); k < len(s) && s[k] == '=' {
			return skip(s[:min(len(s), k+4)], k, "= ")
		}
	}
	for _, p := range valuePrefixes {
		if len(s)-i > len(p) && strings.EqualFold(s[i:i+len(p)], p) && (p != "$" || s[i+1] == '"' || s[i+1] == '\'') {
			i += len(p)
		}
	}
	if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\'') && strings.IndexByte("brufBRUF@", s[i]) >= 0 {
		i++
	}
	return i
}

// value returns the value that begins at i: what stands in quotes, or what has no
// blanks.
func value(s string, i int) (from, to int, quoted bool) {
	i = skip(s[:min(len(s), i+6)], i, "\\") // quotes inside quotes
	if i < len(s) && strings.IndexByte("\"'`", s[i]) >= 0 {
		q := s[i]
		end := i + 1
		for end < len(s) && end-i < 300 && s[end] != q && s[end] > ' ' && (s[end] != '\\' || s[min(end+1, len(s)-1)] != q && s[min(end+1, len(s)-1)] != '\\') {
			end++
		}
		// A quote that does not close is a sentence, not a value.
		if end >= len(s) || s[end] != q && s[end] != '\\' {
			return 0, 0, false
		}
		return i + 1, end, true
	}
	end := i
	for end < len(s) && end-i < 300 && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte("\"'`<>", s[end]) < 0 {
		// A pair that follows ends the value: a=1&b=2, a=1;b=2.
		if c := s[end]; (c == '&' || c == ';' || c == ',') && pairFollows(s[end+1:]) {
			break
		}
		if s[end] == '\\' && end+1 < len(s) && (s[end+1] == 'n' || s[end+1] == 'r') {
			break
		}
		end++
	}
	for end > i && strings.IndexByte(".,;:)]}|", s[end-1]) >= 0 {
		end--
	}
	return i, end, false
}

func pairFollows(s string) bool {
	i := skip(s[:min(len(s), 2)], 0, " ")
	j := take(s, i, 40, dotted)
	for j < len(s) && j < 40 && s[j] == ' ' {
		j = take(s, j+1, 20, dotted)
	}
	return i == len(s) || j > i && j < len(s) && (s[j] == '=' || s[j] == ':')
}

// qualifiers before "key" say that it opens something.
var qualifiers = []string{"api", "secret", "access", "private", "auth", "encryption", "encrypt", "signing", "sign", "license", "account", "shared", "master", "client", "app", "application", "service", "ssh", "session", "admin", "storage", "subscription", "webhook", "hmac", "jwt", "aes", "integration", "write", "live", "prod", "production", "root", "user", "management", "functions", "instrumentation", "ingest", "deploy", "host", "function", "x", "der", "geheimer"}

// qualified reports whether the word before "key" says what kind of key it is.
func qualified(s string, i int) bool {
	w := strings.ToLower(wordBefore(s, i))
	if w == "" {
		return false
	}
	for _, q := range qualifiers {
		if w == q || strings.HasSuffix(w, q) && len(q) > 3 {
			return true
		}
	}
	return false
}

// wordBefore returns the part of a name, or the word, that ends before s[i].
func wordBefore(s string, i int) string {
	j := i
	for j > 0 && i-j < 2 && strings.IndexByte("_-. ", s[j-1]) >= 0 {
		j--
	}
	k := j
	for k > 0 && j-k < 24 && letters[s[k-1]] {
		k--
	}
	w := s[k:j]
	// In camel case the last part counts: myApiKey.
	for n := len(w) - 1; n > 0; n-- {
		if w[n] <= 'Z' && w[n-1] >= 'a' {
			return w[n:]
		}
	}
	return w
}

// harmless stand before names whose values everybody may see.
var harmless = map[string]bool{"public": true, "pub": true, "publishable": true, "cache": true, "primary": true, "foreign": true, "partition": true, "sort": true, "idempotency": true,
	"object": true, "row": true, "route": true, "routing": true, "index": true, "idx": true, "lookup": true, "dedup": true, "hash": true, "natural": true, "hot": true, "schema": true,
	"sequence": true, "page": true, "next": true, "continuation": true, "cursor": true, "max": true, "min": true, "num": true, "total": true, "csrf": true, "xsrf": true, "sync": true, "change": true, "delta": true,
	"tur": true, "jsonweb": true, "mon": true, "don": true, "hoc": true, "translation": true, "i18n": true, "registry": true, "map": true, "dict": true, "sha": true, "etag": true, "correlation": true, "trace": true,
	"commit": true, "build": true, "checksum": true, "image": true, "special": true, "end": true, "eos": true, "bos": true, "pad": true, "unk": true, "start": true, "stop": true, "prompt": true, "completion": true, "input": true, "output": true, "no": true, "group": true, "query": true, "storage_object": true, "s3": true, "verify": true, "verification_public": true, "site": true, "event": true, "message": true, "resource": true, "shard": true, "document": true, "doc": true, "item": true, "data": true, "sizeof": true, "with": true, "forgot": true, "unique": true, "composite": true, "candidate": true}

// innocent reports whether the name at i is one of those.
func innocent(s string, i int) bool {
	if i > 0 && s[i-1] == ':' {
		j := strings.LastIndexByte(s[max(0, i-120):i], ' ') + 1 + max(0, i-120)
		return strings.Contains(s[j:i], "arn:") // a place in a cloud, not a value
	}
	return harmless[strings.ToLower(wordBefore(s, i))]
}

// random is how likely a named value is a secret rather than a word, a path, a
// call or a number: long enough, of mixed kinds, not made of words.
func random(v string, kind naming, trust float64) float64 {
	if strings.Contains(v, "://") || strings.Contains(v, "...") {
		return 0
	}
	m, h := mix(v), entropy(v)
	switch {
	// Identifiers, words and paths look random only to a machine.
	case uuid(v), m.kinds() < 2 && len(v) < 24, trust == 1 && wordy(v) && (m.digit == 0 || kind != forPassword), strings.Count(v, "/") > 2 && m.other*6 > len(v) && len(v) < 60:
		return 0
	case kind == forKey && strings.ContainsAny(v, "_-.") && m.digit < 6 && spokenShare(v) >= .3:
		return 0
	case kind == forPassword:
		return passwordLike(v, m, h)
	case len(v) < 10:
		return 0
	case len(v) >= 16 && h >= 3 && m.digit > 0 && m.low+m.up > 0:
		return .85
	case m.digit > 0 && m.kinds() >= 3 && h >= 2.9:
		return .6
	case m.digit > 0 && m.low+m.up > 0 && h >= 2.5 && m.other*4 < len(v):
		return doubtful
	case m.digit == len(v) && len(v) >= 20 && kind == forToken:
		return doubtful
	case len(v) >= 16 && m.low > 0 && m.up > 0 && m.turns*3 >= len(v) && h >= 3.3 && spokenShare(v) < .35:
		return .7
	case len(v) >= 24 && m.kinds() == 1 && m.digit == 0 && h >= 3.5:
		return .5
	}
	return 0
}

// passwordLike weighs a value that a person may have chosen.
func passwordLike(v string, m mixture, h float64) float64 {
	switch {
	case len(v) >= 16 && h >= 3.3 && m.digit > 0:
		return .85
	case len(v) >= 8 && m.kinds() >= 3 && (m.digit > 0 || m.other > 0 && m.up > 0) && h >= 2.5:
		return .75
	case len(v) >= 8 && m.kinds() == 2 && m.digit > 0 && h >= 2.5:
		return .6
	case len(v) >= 6 && m.kinds() >= 3 && m.digit > 0:
		return .55
	case len(v) >= 8 && m.other > 0 && m.low > 0 && m.up > 0 && !wordy(v) && h >= 2.8:
		return .55
	case len(v) >= 10 && m.low > 0 && m.up > 0 && m.turns*4 >= len(v):
		return .6
	}
	return 0
}
