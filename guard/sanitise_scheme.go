package guard

import "strings"

// remote reports whether an address leads out of the document.
func remote(target string) bool {
	plain, _ := plainly(strings.TrimLeft(target, " \t\r\n<"), 16)
	for _, p := range []string{"http:", "https:", "//", "\\\\", "data:", "ftp:", "blob:", "file:"} {
		if strings.HasPrefix(plain, p) {
			return true
		}
	}
	return false
}

// plainly reads the beginning of an address as a browser does: entities decoded,
// control characters and line ends dropped, small letters; at most n letters. ends
// says where each of them ends in s.
func plainly(s string, n int) (string, []int) {
	out, ends := make([]byte, 0, n), make([]int, 0, n)
	for i := 0; i < len(s) && len(out) < n && i < 200; {
		r, size := rune(s[i]), 1
		if s[i] == '&' {
			if e, w := entity(s[i:]); w > 0 {
				r, size = e, w
			}
		}
		if i += size; r <= 0x20 || r == 0x7f {
			if r == ' ' {
				break
			}
			continue
		}
		if r >= 0x80 {
			break
		}
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		out, ends = append(out, byte(r)), append(ends, i)
	}
	return string(out), ends
}

// named are entities that an address can be written with.
var named = []struct {
	name string
	r    rune
}{{"&colon;", ':'}, {"&Tab;", '\t'}, {"&NewLine;", '\n'}, {"&sol;", '/'}, {"&amp;", '&'}, {"&lpar;", '('}}

// entity decodes an entity: one of those, or a number.
func entity(s string) (rune, int) {
	for _, e := range named {
		if strings.HasPrefix(s, e.name) {
			return e.r, len(e.name)
		}
	}
	if !strings.HasPrefix(s, "&#") {
		return 0, 0
	}
	i, base := 2, 10
	if i < len(s) && (s[i] == 'x' || s[i] == 'X') {
		i, base = 3, 16
	}
	r, first := 0, i
	for ; i < min(len(s), first+8); i++ {
		d := digit(s[i])
		if d < 0 || d >= base {
			break
		}
		r = r*base + d
	}
	if i == first || r > 0x10ffff {
		return 0, 0
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	return rune(r), i
}

func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// schemes run code or carry a document of their own in a link.
var schemes = []string{"javascript:", "vbscript:", "data:", "livescript:", "mhtml:"}

// scheme returns how many bytes at s[i:] are such a scheme at the place where an
// address begins, however it is disguised.
func scheme(s string, i int) int {
	switch c := s[i]; {
	case c > ' ' && strings.IndexByte("jJvVdDlLmM&", c) < 0, i == 0, !targetStart(s, i):
		return 0
	}
	plain, ends := plainly(s[i:], 12)
	for _, k := range schemes {
		if strings.HasPrefix(plain, k) {
			return ends[len(k)-1]
		}
	}
	return 0
}

// targetStart reports whether a link's address begins at s[i]: in brackets behind its
// text, between angles, or as an attribute's value.
func targetStart(s string, i int) bool {
	if c := s[i-1]; c > ' ' && strings.IndexByte("(<\"'=:", c) < 0 {
		return false
	}
	before := strings.TrimRight(s[max(0, i-8):i], " \t\r\n<\x01\x02\x03")
	switch {
	case strings.HasSuffix(before, "]("), strings.HasSuffix(before, "]:"), s[i-1] == '<':
		return true
	}
	before = strings.TrimRight(s[max(0, i-24):i], " \t\r\n\"'\x01\x02\x03")
	if !strings.HasSuffix(before, "=") {
		return false
	}
	before = strings.ToLower(strings.TrimRight(before[:len(before)-1], " \t\r\n"))
	for _, a := range []string{"href", "src", "action", "data", "cite", "background", "poster", "srcset"} {
		if strings.HasSuffix(before, a) {
			return true
		}
	}
	return false
}
