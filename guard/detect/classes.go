package detect

import (
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/ngram"
)

// marked are the words of all rules with a number for what they mean: the models see
// that "disregard", "vergiss" and "忽略" are one thing, and in which order such things
// come, in languages that no training text was written in.
type marked struct {
	words []word // class is the number
	names []string
}

// classNames name the classes for those who ask why, in the order they are numbered.
var classNames = [][]string{
	{"leaving behind", "doing away", "what came before", "everything", "orders", "subject matter", "yours", "from now on"},
	{"system prompt", "instructions", "showing", "showing, late", "word for word", "what came before"},
	{"an assistant", "calling an assistant", "a duty", "secrecy", "sending away", "belongings", "an occasion"},
	{"a jailbreak's name", "a mode", "never refusing", "no limits", "no morals", "a provider's policy", "staying in character", "role play", "a standing order", "writing in code", "two answers"},
	{"a mark of a turn"},
}

func newMarked() *marked {
	m := &marked{names: []string{""}}
	add := func(lex []word, names []string) {
		for _, w := range lex {
			w.class += class(len(m.names))
			m.words = append(m.words, w)
		}
		m.names = append(m.names, names...)
	}
	for i, lex := range [][]word{overrideLexicon, leakLexicon, addressLexicon} {
		add(lex, classNames[i])
	}
	var play, turns []word
	for _, s := range jailbreakSigns {
		play = append(play, word{text: s.text, class: class(s.group)})
	}
	for _, t := range roleMarks {
		if !t.plain {
			turns = append(turns, word{text: t.text})
		}
	}
	add(play, classNames[3])
	add(turns, classNames[4])
	add(speechLexicon, speechNames)
	return m
}

// of appends the marks of a view, in order of their ends.
func (m *marked) of(v *guard.View, dst []ngram.Mark) []ngram.Mark {
	for _, h := range v.Hits {
		if w := m.words[h.Literal]; whole(v.Text, h, w) {
			dst = append(dst, ngram.Mark{Class: uint8(w.class), Start: h.Start, End: h.End})
		}
	}
	return dst
}
