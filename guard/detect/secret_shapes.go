package detect

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// shape says where the secret at a hit begins and ends, and how likely it is one;
// 0 when there is none.
type shape func(s string, h guard.Hit, b *purse) (start, end int, p float64)

// secretKind is one rule: a literal, and the shape of what must stand there.
type secretKind struct {
	rule, literal string
	chars         *charset // of what follows the literal
	min, max      int      // how many of them
	shape         shape
	exact         string // the literal as it must be written, where case matters
}

// match checks the shape at a hit.
func (k *secretKind) match(s string, h guard.Hit, b *purse) (int, int, float64) {
	if k.exact != "" && s[h.Start:h.End] != k.exact {
		return 0, 0, 0
	}
	if k.shape != nil {
		return k.shape(s, h, b)
	}
	// Prefixes are written in small letters unless a kind says otherwise.
	if k.exact == "" && s[h.Start:h.End] != k.literal {
		return 0, 0, 0
	}
	// A boundary tested here keeps a leading \b, and its cost, out of any
	// pattern.
	if h.Start > 0 && alnum[s[h.Start-1]] {
		return 0, 0, 0
	}
	end := take(s, h.End, k.max+1, k.chars)
	// A full stop or an equals sign behind it belongs to the sentence.
	for end > h.End+k.min && (s[end-1] == '.' || s[end-1] == '-' && !k.chars['+']) {
		end--
	}
	n := end - h.End
	if n < k.min || n > k.max || end < len(s) && (alnum[s[end]] || s[end] == '_') || !b.pay(1+n/64) || strings.HasSuffix(strings.ToLower(s[h.End:end]), "here") {
		return 0, 0, 0
	}
	p := genuine(s[h.End:end])
	if p < 1 && n <= maxManual {
		return 0, 0, 0
	}
	return h.Start, end, min(.97, p)
}

// maxManual is how long the keys are that manuals show with rows of digits and of the
// alphabet in the place of random ones.
const maxManual = 40

// keyBlock matches a private key between its two lines; a public key or a
// certificate is none.
func keyBlock(s string, h guard.Hit, b *purse) (int, int, float64) {
	_, rest, ok := strings.Cut(s[h.Start:min(len(s), h.Start+80)], "-----")
	if !ok {
		return 0, 0, 0
	}
	title, _, ok := strings.Cut(rest, "-----")
	if !ok || !strings.HasSuffix(title, "PRIVATE KEY") && !strings.HasSuffix(title, "PRIVATE KEY BLOCK") {
		return 0, 0, 0
	}
	body := h.Start + 10 + len(title)
	end := take(s, body, maxKey, keyBytes)
	if !b.pay(8 + (end-body)/64) {
		return 0, 0, 0
	}
	foot := "-----END " + strings.TrimPrefix(title, "BEGIN ")
	i := strings.Index(s[body:min(len(s), end+len(foot))], foot)
	if i < 0 {
		// Cut off: still a key when there is enough of it.
		if end-body < 64 || !blockLike(s[body:min(end, body+256)]) {
			return 0, 0, 0
		}
		return h.Start, end, .9
	}
	// An empty block is an example of one.
	if i < 40 || !blockLike(s[body:body+min(i, 256)]) {
		return 0, 0, 0
	}
	return h.Start, min(len(s), body+i+len(foot)+len("-----")), .99
}

// blockLike reports whether the beginning of a key's body is random: words that give
// examples away stand in random text, too, when it is long.
func blockLike(v string) bool {
	_, share := sequence(v)
	return share < .8 && entropy(v) >= 3 && !strings.Contains(v, "...") && !strings.Contains(strings.ToLower(v), "example") && !strings.Contains(strings.ToLower(v), "your")
}

// maxKey bounds a key block.
const maxKey = 16 << 10

var keyBytes = chars("a-zA-Z0-9+/= \\\r\n:,-")

// serviceAccount matches the file with which a program signs in at Google, from
// its first brace to its last.
func serviceAccount(s string, h guard.Hit, b *purse) (int, int, float64) {
	open := strings.LastIndexByte(s[max(0, h.Start-200):h.Start], '{')
	if open < 0 || !b.pay(16) {
		return 0, 0, 0
	}
	start := max(0, h.Start-200) + open
	body := s[start:min(len(s), start+maxKey)]
	end := strings.IndexByte(body, '}')
	if end < 0 || !b.pay(end/64) || !strings.Contains(body[:end], `"private_key"`) || !strings.Contains(body[:end], "PRIVATE KEY-----") || standIn(body[:min(end, 100)]) {
		return 0, 0, 0
	}
	return start, start + end + 1, .99
}

// jwt matches three parts of which the first is a header in JSON.
func jwt(s string, h guard.Hit, b *purse) (int, int, float64) {
	if h.Start > 0 && word64[s[h.Start-1]] || !b.pay(4) {
		return 0, 0, 0
	}
	end := take(s, h.Start, 8<<10, dotted)
	if !b.pay((end - h.Start) / 64) {
		return 0, 0, 0
	}
	parts := strings.Split(strings.TrimRight(s[h.Start:end], "."), ".")
	if len(parts) < 3 || len(parts[1]) < 8 || len(parts[2]) < 16 || len(parts[0]) > 1024 {
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

// address matches scheme://user:password@host and what follows it.
func address(s string, h guard.Hit, b *purse) (int, int, float64) {
	end := h.End
	for end < len(s) && end-h.End < 512 && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte("\"'`<>\\", s[end]) < 0 {
		end++
	}
	if !b.pay(1 + (end-h.End)/16) {
		return 0, 0, 0
	}
	// The password may hold a slash or an at sign of its own, the path may not.
	host := end
	if at := strings.LastIndexByte(s[h.End:end], '@'); at < 0 {
		return 0, 0, 0
	} else if slash := strings.IndexAny(s[h.End+at:end], "/?#"); slash >= 0 {
		host = h.End + at + slash
	}
	user, server, ok := cutLast(s[h.End:host], "@")
	name, pass, ok2 := strings.Cut(user, ":")
	if !ok || !ok2 || server == "" || len(pass) < 4 || strings.ContainsAny(name, "?&=/#") {
		return 0, 0, 0
	}
	if reference(pass) || standIn(pass) || weakWord(pass) || strings.Trim(pass, "xX*.-_") == "" {
		return 0, 0, 0
	}
	// The scheme belongs to the address, and a bare :// is none.
	start := h.Start
	for start > 0 && h.Start-start < 24 && (alnum[s[start-1]] || s[start-1] == '+') {
		start--
	}
	if start == h.Start {
		return 0, 0, 0
	}
	for end > host && strings.IndexByte(".,;:!?)]}", s[end-1]) >= 0 {
		end--
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

// behind returns a shape for a value of exact length and set that stands behind
// its name within a few bytes, such as a hex key behind a vendor's name.
func behind(set *charset, least, most int) shape {
	return func(s string, h guard.Hit, b *purse) (int, int, float64) {
		limit := h.End + 40
		for i := h.End; i < len(s) && i < limit && s[i] != '\n'; i++ {
			// Only where a run begins: the middle of a longer one is no key.
			if !set[s[i]] || word64[s[i-1]] {
				continue
			}
			end := take(s, i, most+1, set)
			n := end - i
			if n >= least && n <= most && (end == len(s) || !alnum[s[end]]) && b.pay(1) && genuine(s[i:end]) > 0 && strings.ContainsAny(s[i:end], "0123456789") {
				return i, end, min(.9, genuine(s[i:end]))
			}
			i = max(i, end-1)
		}
		return 0, 0, 0
	}
}

// beside returns a shape for so many bytes of one set before the literal and so
// many of another after it.
func beside(before *charset, back, least, most int, after *charset, p float64) shape {
	return func(s string, h guard.Hit, b *purse) (int, int, float64) {
		start := h.Start
		for start > 0 && h.Start-start <= back && before[s[start-1]] {
			start--
		}
		end := take(s, h.End, most+1, after)
		for end > h.End+least && s[end-1] == '.' {
			end--
		}
		if n := end - h.End; h.Start-start != back || n < least || n > most || !b.pay(1) {
			return 0, 0, 0
		}
		return start, end, min(p, genuine(s[h.End:end]))
	}
}

// telegram matches digits before ":AA" and 33 more after it.
func telegram(s string, h guard.Hit, _ *purse) (int, int, float64) {
	start := h.Start
	for start > 0 && h.Start-start < 11 && digits[s[start-1]] {
		start--
	}
	end := take(s, h.Start+1, 36, word64)
	// The number before the colon is the bot, the rest its key.
	if n := h.Start - start; n < 8 || n > 10 || end-h.Start-1 != 35 || s[h.Start+1:h.End] != "AA" {
		return 0, 0, 0
	}
	return start, end, min(.97, genuine(s[h.End:end]))
}

// sendgrid matches SG.<22>.<43>.
func sendgrid(s string, h guard.Hit, _ *purse) (int, int, float64) {
	mid := take(s, h.End, 23, word64)
	if s[h.Start:h.End] != "SG." || mid-h.End != 22 || mid >= len(s) || s[mid] != '.' {
		return 0, 0, 0
	}
	end := take(s, mid+1, 44, word64)
	if end-mid-1 != 43 {
		return 0, 0, 0
	}
	return h.Start, end, min(.97, genuine(s[h.End:end]))
}

// openai matches the keys that carry a mark in the middle.
func openai(s string, h guard.Hit, b *purse) (int, int, float64) {
	start := h.Start
	for start > 0 && word64[s[start-1]] && h.Start-start < 120 {
		start--
	}
	end := take(s, h.End, 96, word64)
	if at := strings.LastIndex(s[start:h.Start], "sk-"); at < 0 || end-h.End < 16 || !b.pay(2) {
		return 0, 0, 0
	} else if at > 0 && !strings.HasPrefix(s[start:], "sk-") {
		start += at
	}
	return start, end, min(.98, genuine(s[h.End:end]))
}

// dottedToken matches three parts with dots between them, as bots of Discord have.
func dottedToken(s string, h guard.Hit, b *purse) (int, int, float64) {
	start, end, p := behind(dotted, 58, 80)(s, h, b)
	if p == 0 || strings.Count(s[start:end], ".") != 2 {
		return 0, 0, 0
	}
	return start, end, p
}

// connection matches the string with which a program opens a store at Azure, from
// its first pair to its last.
func connection(s string, h guard.Hit, b *purse) (int, int, float64) {
	end := take(s, h.End, 120, base64s)
	if n := end - h.End; n < 40 || n > 100 || !b.pay(1) || genuine(s[h.End:end]) < 1 {
		return 0, 0, 0
	}
	start := h.Start
	for start > 0 && h.Start-start < 300 && s[start-1] > ' ' && s[start-1] < 0x7f && strings.IndexByte("\"'`<>,", s[start-1]) < 0 {
		start--
	}
	// Without the pairs before it, the name and the key are all there is.
	low := strings.ToLower(s[start:h.Start])
	if i := strings.LastIndex(low, "defaultendpointsprotocol="); i >= 0 {
		start += i
	} else if i := strings.LastIndex(low, "endpoint=sb://"); i >= 0 {
		start += i
	} else {
		return h.Start, end, .97
	}
	for end < len(s) && end-start < 700 && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte("\"'`<>,\\", s[end]) < 0 {
		end++
	}
	return start, len(strings.TrimRight(s[:end], ".;)]}")), .97
}

// azureSecret matches three bytes and a digit before "Q~" and some thirty after it.
func azureSecret(s string, h guard.Hit, b *purse) (int, int, float64) {
	if h.Start < 4 || !digits[s[h.Start-1]] {
		return 0, 0, 0
	}
	return beside(azureChars, 4, 31, 34, azureChars, .97)(s, h, b)
}

var azureChars = chars("a-zA-Z0-9_~.-")

// asana matches the newer tokens: a version, a number and 32 digits in hex.
func asana(s string, h guard.Hit, _ *purse) (int, int, float64) {
	i := h.End
	for i < len(s) && i < h.End+24 && !digits[s[i]] {
		i++
	}
	if i+20 > len(s) || !digits[s[i]] || s[i+1] != '/' {
		return 0, 0, 0
	}
	end := take(s, i+2, 48, chars("0-9/"))
	if end >= len(s) || s[end] != ':' || end-i < 12 {
		return 0, 0, 0
	}
	if stop := take(s, end+1, 33, hexes); stop-end == 33 {
		return i, stop, .97
	}
	return 0, 0, 0
}

// clickup matches pk_, a number, and 32 letters and digits.
func clickup(s string, h guard.Hit, _ *purse) (int, int, float64) {
	mid := take(s, h.End, 12, digits)
	if mid == h.End || mid >= len(s) || s[mid] != '_' {
		return 0, 0, 0
	}
	if end := take(s, mid+1, 40, uppers); end-mid-1 >= 30 && (end == len(s) || !word64[s[end]]) {
		return h.Start, end, .97
	}
	return 0, 0, 0
}

// resend matches re_<8>_<24>.
func resend(s string, h guard.Hit, b *purse) (int, int, float64) {
	if !wordStart(s, h.Start) {
		return 0, 0, 0
	}
	mid := take(s, h.End, 9, alnum)
	if mid-h.End != 8 || mid >= len(s) || s[mid] != '_' {
		return 0, 0, 0
	}
	if end := take(s, mid+1, 25, alnum); end-mid-1 == 24 && (end == len(s) || !word64[s[end]]) && b.pay(1) && !wordy(s[h.End:end]) {
		return h.Start, end, .9
	}
	return 0, 0, 0
}

// basic matches a name and a password in base64.
func basic(s string, h guard.Hit, b *purse) (int, int, float64) {
	start := skip(s, h.End, " ")
	end := take(s, start, 300, base64s)
	if end-start < 8 || !b.pay(2) {
		return 0, 0, 0
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s[start:end], "="))
	user, pass, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok || user == "" || reference(pass) || standIn(pass) || weakWord(pass) {
		return 0, 0, 0
	}
	return start, end, .9
}

// curlUser matches the name and password that a command gives a server.
func curlUser(s string, h guard.Hit, b *purse) (int, int, float64) {
	line := s[h.End:min(len(s), h.End+400)]
	if n := strings.IndexByte(line, '\n'); n >= 0 && !strings.HasSuffix(strings.TrimRight(line[:n], " \r"), "\\") {
		line = line[:n]
	}
	for _, flag := range []string{" -u ", " --user ", " -u", " --user="} {
		i := strings.Index(line, flag)
		if i < 0 || !b.pay(2) {
			continue
		}
		from := h.End + i + len(flag)
		from = skip(s, from, "'\"")
		end := from
		for end < len(s) && s[end] > ' ' && s[end] != '"' && s[end] != '\'' {
			end++
		}
		user, pass, ok := strings.Cut(s[from:end], ":")
		if ok && user != "" && len(pass) >= 4 && !reference(pass) && !standIn(pass) && !weakWord(pass) && user[0] != '-' {
			return from, end, .8
		}
		return 0, 0, 0
	}
	return 0, 0, 0
}

// secureString matches the plain text that a script of PowerShell turns into a
// password.
func secureString(s string, h guard.Hit, b *purse) (int, int, float64) {
	i := skip(s, h.End, " ")
	if strings.HasPrefix(strings.ToLower(s[i:min(len(s), i+8)]), "-string ") {
		i = skip(s, i+8, " ")
	}
	if i >= len(s) || s[i] != '"' && s[i] != '\'' {
		return 0, 0, 0
	}
	n := strings.IndexByte(s[i+1:min(len(s), i+130)], s[i])
	if n < 6 || !b.pay(1) || reference(s[i+1:i+1+n]) || standIn(s[i+1:i+1+n]) || !strings.Contains(strings.ToLower(s[i+1+n:min(len(s), i+60+n)]), "-asplaintext") {
		return 0, 0, 0
	}
	return i + 1, i + 1 + n, .85
}

// unnamed matches a plainly random value close behind a word about credentials that
// got out, whatever it opens.
func unnamed(s string, h guard.Hit, b *purse) (int, int, float64) {
	stop := min(len(s), h.End+160)
	for i := take(s, h.End, 40, letters); i < stop; i++ {
		if !opaque[s[i]] || opaque[s[i-1]] {
			continue
		}
		v, end := bare(s, i)
		if len(v) >= 24 && b.pay(1) && plainlyRandom(v) {
			return i, end, .6
		}
		i = max(i, end)
	}
	return 0, 0, 0
}

// plainlyRandom reports whether nobody but a machine wrote v: capitals, small letters
// and digits in no order.
func plainlyRandom(v string) bool {
	m := mix(v)
	return m.digit > 2 && m.low > 2 && m.up > 2 && m.turns*3 >= len(v) && strings.Count(v, "/") < 3 &&
		entropy(v) >= 3.8 && !wordy(v) && !reference(v) && genuine(v) == 1
}

// facebookApp matches the number of an application, a bar and its key.
func facebookApp(s string, h guard.Hit, _ *purse) (int, int, float64) {
	i := h.End
	for i < len(s) && i < h.End+40 && !digits[s[i]] {
		i++
	}
	mid := take(s, i, 17, digits)
	if mid-i < 15 || mid >= len(s) || s[mid] != '|' {
		return 0, 0, 0
	}
	if end := take(s, mid+1, 41, word64); end-mid-1 >= 27 && end-mid-1 <= 40 {
		return i, end, .95
	}
	return 0, 0, 0
}

// kubernetes matches the values of a Secret, which are in base64 and not encrypted:
// from the first to the last of them.
func kubernetes(s string, h guard.Hit, b *purse) (int, int, float64) {
	from, to := max(0, h.Start-2048), min(len(s), h.End+2048)
	if i := strings.LastIndex(s[from:h.Start], "\n---"); i >= 0 {
		from += i + 4
	}
	if i := strings.Index(s[h.End:to], "\n---"); i >= 0 {
		to = h.End + i
	}
	at := strings.Index(s[from:to], "\ndata:")
	if at < 0 || !b.pay(64) {
		return 0, 0, 0
	}
	start, end := 0, 0
	for i := from + at + len("\ndata:"); i < to; {
		line := s[i:to]
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line = line[:n]
		}
		if line != "" && line[0] != ' ' && line[0] != '\t' && line[0] != '\r' && i > from+at+len("\ndata:") {
			break
		}
		v := strings.Trim(line[strings.IndexByte(line, ':')+1:], " \t\r\"'")
		if len(v) >= 8 && take(v, 0, len(v), base64s) == len(v) && strings.ContainsAny(line, ":") {
			at := i + strings.LastIndex(line, v)
			if start == 0 {
				start = at
			}
			end = at + len(v)
		}
		i += len(line) + 1
	}
	if end == 0 {
		return 0, 0, 0
	}
	return start, end, .85
}
