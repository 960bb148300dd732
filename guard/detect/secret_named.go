package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// named matches a value that stands behind its name: password=…, "api_key": "…".
func named(s string, h guard.Hit) (int, int, float64) {
	i := h.End
	for i < len(s) && word64[s[i]] && i-h.End < 24 {
		i++ // api_key_prod
	}
	quoted := i < len(s) && (s[i] == '"' || s[i] == '\'')
	if quoted {
		i++
	}
	i = skip(s, i, " \t")
	if i >= len(s) || s[i] != '=' && s[i] != ':' {
		return 0, 0, 0
	}
	i = skip(s, i, "=:> \t")
	var quote byte
	if i < len(s) && strings.IndexByte("\"'`", s[i]) >= 0 {
		quote = s[i]
		i++
	}
	end := i
	for end < len(s) && end-i < 256 && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte("\"'`<>,;&)}]", s[end]) < 0 {
		end++
	}
	v := s[i:end]
	// A quote that does not close is a sentence, not a value.
	if quote != 0 && (end >= len(s) || s[end] != quote) || variable(v) || weakWord(v) {
		return 0, 0, 0
	}
	if quote == 0 && strings.ContainsAny(v, ".*") && (len(v) < 32 || !strings.ContainsAny(v, "0123456789")) {
		return 0, 0, 0 // an expression of the language around it
	}
	if p := random(v); p > 0 {
		return i, end, p
	}
	return 0, 0, 0
}

func skip(s string, i int, set string) int {
	for i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
		i++
	}
	return i
}

// random is how likely a named value is a secret rather than a word, a path, a
// call or a number: long enough, of mixed kinds, not made of words.
func random(v string) float64 {
	if len(v) < 8 || strings.ContainsAny(v, "()[]{}$\\") || strings.Contains(v, "://") || strings.Contains(v, "...") {
		return 0
	}
	var low, up, digit, other bool
	for i := range len(v) {
		switch c := v[i]; {
		case 'a' <= c && c <= 'z':
			low = true
		case 'A' <= c && c <= 'Z':
			up = true
		case '0' <= c && c <= '9':
			digit = true
		default:
			other = true
		}
	}
	kinds := 0
	for _, has := range []bool{low, up, digit, other} {
		if has {
			kinds++
		}
	}
	h := entropy(v)
	switch {
	// Identifiers, words and paths look random only to a machine.
	case uuid(v), kinds < 2, !digit && !(other && up && low) && h < 3.8, strings.Count(v, "/")+strings.Count(v, ".") > 2:
		return 0
	case len(v) >= 16 && h >= 3.3 && digit:
		return .85
	case h >= 2.7 && kinds >= 3:
		return .7
	case h >= 3 && digit:
		return .6
	}
	return 0
}

// uuid reports whether v has the form of a UUID.
func uuid(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (v[i] == '-') || !dash && !hexes[v[i]|0x20] {
			return false
		}
	}
	return true
}

// behind returns a shape for a value of exact length and set that stands behind
// its name within a few bytes, such as a hex key behind a vendor's name.
func behind(set *charset, min, max int) func(string, guard.Hit) (int, int, float64) {
	return func(s string, h guard.Hit) (int, int, float64) {
		limit := h.End + 40
		for i := h.End; i < len(s) && i < limit; i++ {
			if s[i] == '\n' && i > h.End {
				break
			}
			// Only where a run begins: the middle of a longer one is no key.
			if set[s[i]] && !word64[s[i-1]] {
				end := take(s, i, max+1, set)
				if n := end - i; n >= min && n <= max && (end == len(s) || !alnum[s[end]]) && !placeholder(s[i:end]) && strings.ContainsAny(s[i:end], "0123456789") {
					return i, end, .9
				}
			}
		}
		return 0, 0, 0
	}
}

// telegram matches digits before ":AA" and 33 more after it.
func telegram(s string, h guard.Hit) (int, int, float64) {
	start := h.Start
	for start > 0 && h.Start-start < 11 && '0' <= s[start-1] && s[start-1] <= '9' {
		start--
	}
	end := take(s, h.Start+1, 36, word64)
	// The number before the colon is the bot, the rest its key.
	if n := h.Start - start; n < 8 || n > 10 || end-h.Start-1 != 35 || s[h.Start+1:h.End] != "AA" {
		return 0, 0, 0
	}
	return start, end, .97
}

// terraform matches fourteen characters before ".atlasv1." and sixty after.
func terraform(s string, h guard.Hit) (int, int, float64) {
	start := h.Start
	for start > 0 && alnum[s[start-1]] && h.Start-start < 15 {
		start--
	}
	end := take(s, h.End, 71, word64)
	if n := end - h.End; h.Start-start != 14 || n < 60 || n > 70 {
		return 0, 0, 0
	}
	return start, end, .97
}

// sendgrid matches SG.<22>.<43>.
func sendgrid(s string, h guard.Hit) (int, int, float64) {
	mid := take(s, h.End, 23, word64)
	if s[h.Start:h.End] != "SG." || mid-h.End != 22 || mid >= len(s) || s[mid] != '.' {
		return 0, 0, 0
	}
	end := take(s, mid+1, 44, word64)
	if end-mid-1 != 43 {
		return 0, 0, 0
	}
	return h.Start, end, .97
}

// openai matches the older keys, which carry a mark in the middle.
func openai(s string, h guard.Hit) (int, int, float64) {
	start := h.Start
	for start > 0 && word64[s[start-1]] && h.Start-start < 96 {
		start--
	}
	end := take(s, h.End, 96, word64)
	if !strings.HasPrefix(s[start:], "sk-") || end-h.End < 16 {
		return 0, 0, 0
	}
	return start, end, .98
}

// discord matches three parts with dots between them, behind the name.
func discord(s string, h guard.Hit) (int, int, float64) {
	start, end, p := behind(dotted, 58, 80)(s, h)
	if p == 0 || strings.Count(s[start:end], ".") != 2 {
		return 0, 0, 0
	}
	return start, end, p
}
