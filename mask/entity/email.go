package entity

import "strings"

// findEmails finds e-mail addresses.
//
// Catches: name@domain with a top-level domain of letters.
// Does not catch: addresses written out ("name at domain"), names in quotes,
// letters beyond ASCII. Accounts in URLs and SSH remotes, package versions and
// decorators are left alone on purpose.
// Example: an address in a signature.
func findEmails(s string, emit emitter) {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '@')
		if i < 0 {
			return
		}
		i += at
		start := i
		for start > at && i-start < 64 && localByte(s[start-1]) {
			start--
		}
		for start < i && s[start] == '.' {
			start++
		}
		end := domainEnd(s, i+1)
		at = i + 1
		if start == i || end == 0 || account(s, start, end) {
			continue
		}
		emit(start, end, .97)
		at = end
	}
}

func localByte(c byte) bool { return isAlnum(c) || strings.IndexByte("._%+-'", c) >= 0 && c != 0 }

// domainEnd returns the end of a domain name at s[i:], 0 when there is none.
func domainEnd(s string, i int) int {
	end, dot := i, -1
	for end < len(s) && end-i < 253 && (isAlnum(s[end]) || s[end] == '-' || s[end] == '.') {
		if s[end] == '.' {
			if end == i || s[end-1] == '.' || s[end-1] == '-' {
				break
			}
			dot = end
		}
		end++
	}
	// A full stop ends the sentence, not the domain.
	for end > i && (s[end-1] == '.' || s[end-1] == '-') {
		end--
	}
	if dot >= end-1 { // the sentence ended there
		dot = strings.LastIndexByte(s[i:end], '.') + i
	}
	if dot <= i || end-dot-1 < 2 {
		return 0
	}
	for _, c := range []byte(s[dot+1 : end]) {
		if isDigit(c) || c == '-' {
			return 0
		}
	}
	return end
}

// account reports an account on a machine rather than a person's address: the
// user part of a URL, or an SSH remote such as git@host:path.
func account(s string, start, end int) bool {
	before := s[max(0, start-64):start]
	if i := strings.LastIndex(before, "://"); i >= 0 && !strings.ContainsAny(before[i:], " \n\t\"'") && !strings.Contains(before, "mailto:") {
		return true
	}
	return strings.HasPrefix(s[start:], "git@") && end < len(s) && (s[end] == ':' || s[end] == '/')
}
