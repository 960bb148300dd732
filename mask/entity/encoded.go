package entity

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Values in base64: a run of it that decodes to text is read as a text of its own, once, and what
// is found in it is found where the run stands.

// Bounds of what is decoded of one text.
const (
	leastRun    = 24      // characters of base64
	maxDecoded  = 8 << 10 // bytes of one run
	maxRuns     = 64      // that are text
	lineOfRun   = 60      // a line of so many characters may go on in the next
	mostDecoded = 64 << 10
	surely      = .8 // how sure a name must be
)

// inner is a text that lies in base64 at t[start:end] of a page.
type inner struct {
	start, end int
	read
}

// isBase tells the characters of base64 from others, in both alphabets (RFC 4648).
var isBase = func() (all [256]bool) {
	for c := range 256 {
		all[c] = c < 0x80 && isAlnum(byte(c)) || c == '+' || c == '/' || c == '-' || c == '_'
	}
	return all
}()

// inners finds the texts in base64 of a page, and what goes by its shape in them.
func (l *look) inners(p *page) []inner {
	var out []inner
	t, left := p.t, mostDecoded
	for i := 0; i+leastRun <= len(t) && len(out) < maxRuns; {
		// The last character of a run that begins here says whether there is one.
		k := i + leastRun - 1
		if !isBase[t[k]] {
			i = k + 1
			continue
		}
		for k > i && isBase[t[k-1]] {
			k--
		}
		if k > i {
			i = k
			continue
		}
		end, data := runOf(t, i)
		if len(data) >= leastRun && len(data) <= maxDecoded/3*4 && len(data)/4*3 <= left {
			if s := decoded(data); s != "" {
				left -= len(s)
				q := newPage(s)
				out = append(out, inner{i, end, read{t: q.t, segs: q.segs, hits: settle(gather(q, l.kinds[:l.shapes], l.only))}})
			}
		}
		i = max(end, i+1)
	}
	return out
}

// runOf returns where the run of base64 at i ends, its padding and the lines it goes on in
// included, and its characters.
func runOf(t string, i int) (end int, data string) {
	from, lines := i, i
	for ; ; lines = i {
		for i < len(t) && isBase[t[i]] {
			i++
		}
		next := i
		if strings.HasPrefix(t[next:], "\r\n") {
			next++
		}
		if n := i - lines; n < lineOfRun || n%4 != 0 || next+1 >= len(t) || t[next] != '\n' || !isBase[t[next+1]] {
			break
		}
		i = next + 1
	}
	data = t[from:i]
	for n := 0; n < 2 && i < len(t) && t[i] == '='; n++ {
		i++
	}
	if strings.IndexByte(data, '\n') >= 0 {
		data = strings.NewReplacer("\r", "", "\n", "").Replace(data)
	}
	return i, data
}

// decoded returns the text that a run means, "" when it means none.
func decoded(data string) string {
	enc := base64.RawStdEncoding
	if strings.ContainsAny(data, "-_") {
		enc = base64.RawURLEncoding
	}
	// Most long words are no base64: their first bytes say so.
	var first [leastRun / 4 * 3]byte
	if n, err := enc.Decode(first[:], []byte(data[:leastRun])); err != nil || !printable(string(first[:n]), true) {
		return ""
	}
	if len(data)%4 == 1 {
		data = data[:len(data)-1] // which means nothing
	}
	b, err := enc.DecodeString(data)
	if err != nil || !printable(string(b), false) {
		return ""
	}
	return string(b)
}

// printable reports whether s is text that people read; one that is cut may end inside a
// character.
func printable(s string, cut bool) bool {
	for i, r := range s {
		if r == utf8.RuneError && !(cut && i > len(s)-utf8.UTFMax && !utf8.FullRuneInString(s[i:])) || !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' && r != utf8.RuneError {
			return false
		}
	}
	return true
}

// as adds to hits what was found in the text, each kind once and where its base64 stands; from is
// above 0 for what goes by context.
func (in *inner) as(hits, found []hit, from int) []hit {
	var seen [64]bool
	for _, h := range found {
		// Tokens are words of programs without a blank, some of which look like names.
		if from > 0 && (h.weight < surely || strings.IndexByte(in.t, ' ') < 0) {
			continue
		}
		if h.weight >= likely && h.kind >= from && !seen[h.kind] {
			seen[h.kind] = true
			hits = append(hits, hit{in.start, in.end, h.weight, h.kind})
		}
	}
	return hits
}
