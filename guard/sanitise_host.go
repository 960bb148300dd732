package guard

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/text"
)

// lyingLink looks at a Markdown link when its text ends at s[i]: a text that names one
// host and leads to another shows the other.
func lyingLink(s string, i int) (PassageChange, bool) {
	if i+1 >= len(s) || s[i+1] != '(' {
		return none()
	}
	open := strings.LastIndexByte(s[max(0, i-maxText):i], '[')
	if open < 0 {
		return none()
	}
	said := s[max(0, i-maxText)+open+1 : i]
	if to, ok := liesAbout(said, strings.TrimLeft(s[i+2:min(len(s), i+2+maxLink)], " \t\r\n<")); ok {
		return change(i, 1, " (\u2192 "+to+")]")
	}
	return none()
}

// maxText bounds the text of a link that is compared with its address.
const maxText = 240

// lyingAnchor does the same for an anchor that ends at s[i].
func lyingAnchor(s string, i int) (PassageChange, bool) {
	open := anchorBefore(s, i)
	if open < 0 {
		return none()
	}
	tag, said, ok := strings.Cut(s[open:i], ">")
	at := strings.Index(strings.ToLower(tag), "href")
	if !ok || at < 0 {
		return none()
	}
	target := strings.TrimLeft(tag[at+len("href"):], " \t\r\n=\"'")
	if to, ok := liesAbout(said, target); ok {
		return change(i, 1, " (\u2192 "+to+")<")
	}
	return none()
}

// anchorBefore returns where the anchor begins that is open at s[i]; -1 when none is.
func anchorBefore(s string, i int) int {
	from := max(0, i-maxLink)
	for j := strings.LastIndexByte(s[from:i], '<'); j >= 0; j = strings.LastIndexByte(s[from:from+j], '<') {
		at := s[from+j : i]
		if hasFold(at, "<a") && len(at) > 2 && !isWord(at[2]) {
			return from + j
		}
		if hasFold(at, "</a") {
			return -1
		}
	}
	return -1
}

// liesAbout reports whether a link's text names a host that its address does not lead
// to, and where it leads.
func liesAbout(said, target string) (string, bool) {
	claim := claimed(said)
	if claim == "" {
		return "", false
	}
	var to string
	if rest, ok := strings.CutPrefix(strings.ToLower(target), "mailto:"); ok {
		_, to, _ = strings.Cut(rest, "@")
		to = hostOnly(to)
	} else if _, rest, ok := strings.Cut(target[:min(len(target), 300)], "//"); ok && remote(target) {
		to = hostOf(rest)
	}
	if to == "" || related(claim, to) {
		return "", false
	}
	return to, true
}

// claimed is the host that a text claims to be, "" when it is not written as an
// address: a title or a file's name claims nothing.
func claimed(said string) string {
	for strings.Contains(said, "<") && strings.Contains(said, ">") {
		a := strings.IndexByte(said, '<')
		b := strings.IndexByte(said[a:], '>')
		if b < 0 {
			break
		}
		said = said[:a] + said[a+b+1:]
	}
	for _, word := range strings.Fields(strings.ToLower(said)) {
		word = strings.Trim(word, "*_~`\"'()<>.,;:!?\u201c\u201d")
		if rest, ok := cutScheme(word); ok {
			return hostOf(rest)
		}
		if _, host, ok := strings.Cut(word, "@"); ok && strings.Contains(host, ".") {
			return hostOnly(host)
		}
		host := hostOnly(word)
		dot := strings.LastIndexByte(host, '.')
		if dot > 0 && (strings.HasPrefix(host, "www.") || endings[host[dot+1:]]) {
			return host
		}
	}
	return ""
}

func cutScheme(s string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, "https://"); ok {
		return rest, true
	}
	return strings.CutPrefix(s, "http://")
}

// endings are the last parts of hosts that no file has.
var endings = map[string]bool{"com": true, "org": true, "net": true, "gov": true, "edu": true, "mil": true, "int": true, "info": true, "biz": true, "eu": true, "uk": true, "de": true,
	"fr": true, "it": true, "es": true, "nl": true, "ch": true, "at": true, "be": true, "pl": true, "ru": true, "cn": true, "jp": true, "kr": true, "br": true, "au": true, "ca": true,
	"us": true, "bank": true, "example": true, "invalid": true, "online": true, "shop": true, "cloud": true}

// hostOf is the host of what follows "//": without a name, a password and a port.
func hostOf(rest string) string {
	if n := strings.IndexAny(rest, "/?#\\ \t\r\n\"'<>)]"); n >= 0 {
		rest = rest[:n]
	}
	if n := strings.LastIndexByte(rest, '@'); n >= 0 {
		rest = rest[n+1:]
	}
	return hostOnly(rest)
}

// hostOnly cuts off what cannot belong to a host.
func hostOnly(s string) string {
	s = strings.ToLower(s)
	n := 0
	for n < len(s) && (isWord(s[n]) || s[n] == '-' || s[n] == '.' || s[n] >= 0x80) {
		n++
	}
	return strings.Trim(s[:n], ".")
}

// related reports whether one host is the other, or lies below it.
func related(a, b string) bool {
	a, b = strings.TrimPrefix(a, "www."), strings.TrimPrefix(b, "www.")
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

// lyingHost looks at an address whose scheme ends at s[i]: a host in front of an at
// sign is only a name, and letters of two scripts in one name imitate another.
func lyingHost(s string, i int) (PassageChange, bool) {
	if !strings.HasPrefix(s[i:], "://") || i < 4 || !hasFold(s[i-4:], "http") && !hasFold(s[max(0, i-5):], "https") {
		return none()
	}
	start := i + 3
	end := start
	for end < len(s) && end < start+300 && s[end] > ' ' && strings.IndexByte("/?#\\\"'<>)]}`", s[end]) < 0 {
		end++
	}
	authority := s[start:end]
	if at := strings.LastIndexByte(authority, '@'); at > 0 {
		name, _, _ := strings.Cut(authority[:at], ":")
		if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot > 2 || strings.Contains(name, "%2f") || strings.Contains(name, "%2F") {
			return change(start, at+1, "")
		}
	}
	host, _, _ := strings.Cut(authority, ":")
	if imitates(host) {
		return change(start, len(host), ascii(host))
	}
	return none()
}

// imitates reports whether a part of a host mixes Latin letters with those of Greek,
// Cyrillic or a like script, or is written wholly in letters that look like Latin.
func imitates(host string) bool {
	if last := host[strings.LastIndexByte(host, '.')+1:]; isASCII(host) || !isASCII(last) {
		return false // what belongs to another script throughout imitates nothing
	}
	for part := range strings.SplitSeq(host, ".") {
		latin, other := false, false
		for _, r := range part {
			switch {
			case unicode.Is(unicode.Latin, r):
				latin = true
			case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu):
				other = true
			}
		}
		if !other {
			continue
		}
		if latin {
			return true
		}
		// Alone, such a part looks Latin when its neighbours make it read so.
		v := text.Normalise("the " + part + "x host")
		plain := strings.TrimSuffix(strings.TrimPrefix(v.Text, "the "), "x host")
		if plain != part && isASCII(plain) {
			return true
		}
	}
	return false
}

// ascii writes a host as the network sees it: RFC 3492.
func ascii(host string) string {
	parts := strings.Split(host, ".")
	for i, p := range parts {
		if !isASCII(p) && utf8.ValidString(p) {
			parts[i] = "xn--" + punycode(strings.ToLower(p))
		}
	}
	return strings.Join(parts, ".")
}

func punycode(s string) string {
	const base, tmin, tmax, skew, damp = 36, 1, 26, 38, 700
	var out []byte
	for _, r := range s {
		if r < 0x80 {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	runes := []rune(s)
	n, delta, bias, h := rune(0x80), 0, 72, basic
	for h < len(runes) {
		next := rune(utf8.MaxRune)
		for _, r := range runes {
			if r >= n && r < next {
				next = r
			}
		}
		delta += int(next-n) * (h + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tmin), tmax)
				if q < t {
					break
				}
				out = append(out, punyDigit(t+(q-t)%(base-t)))
				q = (q - t) / (base - t)
			}
			out = append(out, punyDigit(q))
			// How far apart the letters lie decides how many digits the next one takes.
			first := h == basic
			if delta /= 2; first {
				delta /= damp / 2
			}
			delta += delta / (h + 1)
			k := 0
			for ; delta > (base-tmin)*tmax/2; k += base {
				delta /= base - tmin
			}
			bias = k + (base-tmin+1)*delta/(delta+skew)
			delta = 0
			h++
		}
		delta++
		n++
	}
	return string(out)
}

func punyDigit(d int) byte {
	if d < 26 {
		return 'a' + byte(d)
	}
	return '0' + byte(d-26)
}
