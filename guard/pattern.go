package guard

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// One search is linear, but the search for all matches need not be: a pattern like
// a.*b|a reads to the end of a text of a's for every a. So the first few matches are
// taken as they come, and the work that the others take is counted: what they read
// may be a few times the text, and a little more for short ones.
const (
	quickMatches = 16
	workTimes    = 4
	workBeside   = 64 << 10
)

var errWork = errors.New("took more work than a text of this length may")

// pattern finds all matches of an expression in work that grows with the text.
type pattern struct {
	re *regexp.Regexp
	// after is the expression behind one character, which is there so that \b and ^
	// know where they are.
	after *regexp.Regexp
}

func compilePattern(s string) (*pattern, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, err
	}
	after, err := regexp.Compile(`(?s:.)(` + s + `)`)
	if err != nil {
		return nil, fmt.Errorf("the pattern is too large: %w", err)
	}
	return &pattern{re: re, after: after}, nil
}

// all returns what [regexp.Regexp.FindAllStringIndex] does, or errWork.
func (p *pattern) all(text string) ([][]int, error) {
	found := p.re.FindAllStringIndex(text, quickMatches)
	if len(found) < quickMatches {
		return found, nil
	}
	work := workTimes*len(text) + workBeside
	for at := found[len(found)-1][1]; at <= len(text); {
		_, back := utf8.DecodeLastRuneInString(text[:at])
		r := &counted{Reader: strings.NewReader(text[at-back:])}
		m := p.after.FindReaderSubmatchIndex(r)
		if work -= r.n; work < 0 {
			return found, errWork
		}
		if m == nil {
			break
		}
		one := []int{at - back + m[2], at - back + m[3]}
		last := found[len(found)-1][1]
		if one[0] == one[1] { // of no letters: not where the last one ended
			_, n := utf8.DecodeRuneInString(text[one[1]:])
			if at = one[1] + max(n, 1); one[0] == last {
				continue
			}
		} else {
			at = one[1]
		}
		found = append(found, one)
	}
	return found, nil
}

// counted counts the characters that a search reads.
type counted struct {
	*strings.Reader
	n int
}

func (c *counted) ReadRune() (rune, int, error) {
	c.n++
	return c.Reader.ReadRune()
}
