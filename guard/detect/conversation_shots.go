package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// What makes examples many, and bad ones.
const (
	leastShots = 8
	badShots   = .3 // of the questions ask for harm
	keenShots  = .5 // of the answers are willing
)

// shots counts pairs of a question and its answer.
type shots struct {
	pairs, bad, keen int
	last             *guard.View // that one of them stands in
	start, end       int
}

// finding says what the pairs are together: the more of them, the surer.
func (s *shots) finding() []risk.Finding {
	n := float64(s.pairs)
	if s.pairs < leastShots || float64(s.bad) < badShots*n || float64(s.keen) < keenShots*n {
		return nil
	}
	p := sureness(.05*float64(s.pairs-leastShots) + .9*float64(s.bad)/n)
	return []risk.Finding{s.last.Finding(risk.Jailbreak, s.start, s.end, p)}
}

// manyShot finds examples of an assistant that helps with harm: as lines of a message, or as
// a history that nobody had.
func manyShot(turns []turn) []risk.Finding {
	var history shots
	var out []risk.Finding
	for i := range turns {
		t := &turns[i]
		if !t.user {
			continue
		}
		for _, v := range t.views {
			out = append(out, shotsIn(v)...)
		}
		if i+1 == len(turns) || t.length() > maxShot {
			continue // a question without an answer, or no short one
		}
		history.pairs++
		history.bad += one(t.wanted() >= 1)
		history.keen += one(turns[i+1].has[willing] > 0 && turns[i+1].has[refusing] == 0)
		history.last = t.views[len(t.views)-1]
		history.start, history.end = 0, len(history.last.Text)
	}
	return append(out, history.finding()...)
}

// maxShot is the longest question of an example, in bytes.
const maxShot = 600

func (t *turn) length() int {
	n := 0
	for _, v := range t.views {
		n += len(v.Text)
	}
	return n
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// shotsIn counts the pairs that the lines of a message are labelled as.
func shotsIn(v *guard.View) []risk.Finding {
	if strings.Count(v.Text, "\n") < 2*leastShots-1 {
		return nil
	}
	s := shots{last: v, start: -1}
	hit := 0
	asked, bad := false, false
	for at := 0; at < len(v.Text); {
		end := at + lineEnd(v.Text[at:])
		words := [talks]bool{}
		for ; hit < len(v.Hits) && v.Hits[hit].End <= end; hit++ {
			if w := &spokenWords[v.Hits[hit].Literal]; v.Hits[hit].Start >= at && w.stands(v.Text, v.Hits[hit]) {
				words[w.talk] = true
			}
		}
		switch label := labelOf(v.Text[at:end]); {
		case asks[label]:
			if s.start < 0 {
				s.start = at
			}
			asked, bad = true, (words[harmful] || words[unseen]) && !words[guarding]
		case answers[label] && asked:
			s.pairs++
			s.bad += one(bad)
			s.keen += one(words[willing] && !words[refusing])
			s.end, asked = end, false
		}
		at = end + 1
	}
	return s.finding()
}

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// labelOf is the word before the colon that a line begins with, if it does.
func labelOf(line string) string {
	name, _, ok := strings.Cut(line[:min(len(line), 40)], ":")
	if !ok {
		return ""
	}
	return strings.ToLower(strings.Trim(name, " \t#*_<>[]()-0123456789."))
}
