package practice

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// readings are the ways in which an eager reader understands a text that says nothing to it as
// it stands. They are the model's own, and not those of the guard: what the one can read and
// the other cannot is just what is to be seen.
func readings(s string) (out []string) {
	for _, read := range []func(string) string{bare, html.UnescapeString, unescaped, spelled, leet, rot13, reversed, unpacked} {
		if r := read(s); r != s && r != "" {
			out = append(out, r)
		}
	}
	return out
}

// bare takes out what nobody sees, and the dress of letters: tags of Unicode are read as the
// letters that they stand for.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xE0020 && r <= 0xE007E:
			return r - 0xE0000
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Mn, r), r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF:
			return -1
		case look[r] != 0:
			return look[r]
		}
		return r
	}, norm.NFKD.String(s))
}

// look are letters of other alphabets that look like Latin ones.
var look = map[rune]rune{'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ѕ': 's', 'ԁ': 'd', 'һ': 'h', 'ո': 'n', 'α': 'a', 'ο': 'o', 'ν': 'v', 'ι': 'i', 'ρ': 'p', 'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'Х': 'X'}

func unescaped(s string) string {
	if r, err := url.QueryUnescape(s); err == nil {
		return r
	}
	return ""
}

// gaps stand between the words of a spelled text, and between is what stands between the letters
// of one. They are compiled when they are first needed, as orders are.
var (
	gaps    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[ \t]{2,}`) })
	between = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b(?:\pL[ .*_-]){2,}\pL\b`) })
	apart   = strings.NewReplacer(" ", "", ".", "", "*", "", "_", "", "-", "")
)

// spelled joins letters that stand apart; wider gaps are between words.
func spelled(s string) string {
	s = gaps().ReplaceAllString(s, "\x00")
	s = between().ReplaceAllStringFunc(s, apart.Replace)
	return strings.ReplaceAll(s, "\x00", " ")
}

var digits = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

func leet(s string) string { return digits.Replace(s) }

func rot13(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// packed are runs that may be Base64 or hexadecimal.
var packed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[A-Za-z0-9+/_=-]{16,}|(?:[0-9A-Fa-f]{2}[ ,:]?){8,}`)
})

// unpacked opens what is packed, where words come out.
func unpacked(s string) string {
	return packed().ReplaceAllStringFunc(s, func(run string) string {
		for _, open := range []func(string) ([]byte, error){
			func(s string) ([]byte, error) {
				return hex.DecodeString(strings.NewReplacer(" ", "", ",", "", ":", "").Replace(s))
			},
			base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString, base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
		} {
			if b, err := open(run); err == nil && written(string(b)) {
				return string(b)
			}
		}
		return run
	})
}

// written reports whether bytes are words of somebody.
func written(s string) bool {
	for _, r := range s {
		if r == unicode.ReplacementChar || r < ' ' && r != '\n' && r != '\t' {
			return false
		}
	}
	return strings.Contains(s, " ")
}
