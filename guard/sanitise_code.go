package guard

import "strings"

// fence is an open block of code: so many marks of one kind; none when n is 0.
type fence struct {
	mark byte
	n    int
}

// read takes the run of marks at s[i:], opens or closes the block by it, and returns
// how many bytes to go on by: in a line, code goes to the run that closes it.
func (f *fence) read(s string, i int) int {
	n := runLen(s[i:], s[i])
	switch {
	case f.n > 0:
		if s[i] == f.mark && n >= f.n && lineStart(s, i) && restBlank(s[i+n:]) {
			*f = fence{}
		}
		return n
	case n >= 3 && lineStart(s, i) && (s[i] == '~' || !spanCloses(s[i+n:])):
		*f = fence{s[i], n}
		return n
	case s[i] == '~':
		return n
	}
	if end := spanEnd(s[i+n:], n); end >= 0 {
		return n + end + n
	}
	return n
}

// lineStart reports whether nothing but blanks and the marks of quotes and lists
// stands before s[i] on its line.
func lineStart(s string, i int) bool {
	for j := i - 1; j >= max(0, i-40); j-- {
		if s[j] == '\n' {
			return true
		}
		if strings.IndexByte(" \t>*-+.)0123456789", s[j]) < 0 {
			return false
		}
	}
	return i <= 40
}

func restBlank(s string) bool {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		s = s[:n]
	}
	return strings.Trim(s, " \t\r") == ""
}

// spanCloses reports whether a backquote follows on the line: then a run before it
// opens no block.
func spanCloses(s string) bool {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		s = s[:n]
	}
	return strings.IndexByte(s, '`') >= 0
}

// spanEnd returns where the run of n backquotes begins that closes code in a line; -1
// when the line ends before: then the run that opened it is only text.
func spanEnd(s string, n int) int {
	for i := 0; i < len(s) && i < maxLink && s[i] != '\n'; {
		if s[i] != '`' {
			i++
			continue
		}
		run := runLen(s[i:], '`')
		if run == n {
			return i
		}
		i += run
	}
	return -1
}
