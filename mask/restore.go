package mask

import (
	"context"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// By is the name under which values are hidden and put back.
const By = "mask"

// Restorer puts values back into an answer. It implements [llm.Scanner]: it holds text only
// where a placeholder may have begun.
type Restorer struct {
	cover  *Cover
	may    func(kind string) bool
	set    *set
	tags   map[string]bool
	quotes map[llm.Channel]*quotes
}

// Restorer returns a scanner that puts values back, those of kinds that the caller may see.
func (c *Cover) Restorer(may func(kind string) bool) *Restorer {
	r := &Restorer{cover: c, may: may, tags: map[string]bool{}, quotes: map[llm.Channel]*quotes{}}
	var texts []string
	for s, x := range c.stands {
		texts = append(texts, s)
		if x.fake {
			continue
		}
		// The tag alone, in either case, is what is left of a placeholder that the model
		// rewrote.
		tag := s[strings.LastIndexByte(s, '_')+1 : len(s)-1]
		for _, t := range []string{tag, strings.ToUpper(tag)} {
			r.tags[t] = true
			texts = append(texts, t)
		}
	}
	r.set = newSet(texts)
	return r
}

// Stands reports whether text[start:end] touches something that stands for a hidden value.
func (r *Restorer) Stands(text string, start, end int) bool {
	for at := max(0, start-longestForeign); at < end; {
		n, _ := r.set.longest(text[at:])
		if n > 0 && at+n > start && r.cover.stands[text[at:at+n]] != nil {
			return true
		}
		at += max(n, 1)
	}
	return false
}

// Reach implements [llm.Scanner]: one character tells whether a fake stands by itself.
func (r *Restorer) Reach() int { return 4 }

// Scan implements [llm.Scanner].
func (r *Restorer) Scan(_ context.Context, l llm.Look) (llm.Ruling, error) {
	out := llm.Ruling{Safe: len(l.Text)}
	q := new(quotes)
	if !l.Whole {
		if q = r.quotes[l.Channel]; q == nil {
			q = new(quotes)
			r.quotes[l.Channel] = q
		}
	}
	for at := l.From; at < len(l.Text); {
		n, waits := r.step(&out, l, at, q.in && l.Channel.Kind != llm.KindArgs)
		if waits {
			out.Safe = at
			break
		}
		q.pass(l.Text[at : at+n])
		at += n
	}
	return out, nil
}

// step reads what begins at a place, and returns how long it is, or that this cannot be
// said before more of the text is known.
func (r *Restorer) step(out *llm.Ruling, l llm.Look, at int, quoted bool) (n int, waits bool) {
	n, open := r.set.longest(l.Text[at:])
	s := r.cover.stands[l.Text[at:at+n]]
	ends := at+n == len(l.Text) && !l.Final
	tag := s == nil && r.tags[l.Text[at:at+n]]
	switch {
	case open && !l.Final, ends && (tag || s != nil && s.fake):
		// What may become one, or may turn out to be a part of something longer, waits.
		return 0, true
	case s != nil && (!s.fake || bounded(l.Text, at, at+n)):
		r.put(out, l, at, at+n, s, quoted)
		return n, false
	case tag && (bounded(l.Text, at, at+n) || at > 0 && l.Text[at-1] == '_' && bounded(l.Text[at:], 0, n)):
		r.count(l, &r.cover.Count.Altered)
		return n, false
	case l.Text[at] == '[':
		return r.foreign(l, at)
	}
	return 1, false
}

// put puts a value back where its placeholder stands.
func (r *Restorer) put(out *llm.Ruling, l llm.Look, start, end int, s *stand, quoted bool) {
	if l.Sealed || !r.may(s.kind) {
		r.count(l, &r.cover.Count.Withheld)
		return
	}
	r.count(l, &r.cover.Count.Restored)
	new := s.text
	if quoted {
		new = string(llm.AppendEscaped(nil, new))
	}
	out.Changes = append(out.Changes, llm.Change{Start: start, End: end, New: new, By: By})
}

// quotes tell whether a place of a text lies in a JSON string: after an odd number of quotes
// on its line. A value that is put there must not end the string.
type quotes struct{ in, escaped bool }

func (q *quotes) pass(s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			*q = quotes{}
		case q.escaped:
			q.escaped = false
		case c == '\\':
			q.escaped = q.in
		case c == '"':
			q.in = !q.in
		}
	}
}

// count counts once: a snapshot repeats what its channel said.
func (r *Restorer) count(l llm.Look, n *int) {
	if !l.Whole {
		*n++
	}
}

// longestForeign bounds a placeholder that is not ours.
const longestForeign = 64

// foreign reads what looks like a placeholder and stands for nothing that is known. It
// returns how long it is, or that this cannot be said yet.
func (r *Restorer) foreign(l llm.Look, at int) (n int, waits bool) {
	s := l.Text[at:]
	tag := 0 // where the tag may have begun
	for i := 1; i < min(len(s), longestForeign); i++ {
		switch c := s[i]; {
		case c == ']':
			if tag > 0 && i-tag >= tagLength {
				r.count(l, &r.cover.Count.Unknown)
				return i + 1, false
			}
			return 1, false
		case c == '_':
			tag = i + 1
		case 'A' <= c && c <= 'Z' || c == ':' || c == '-':
			tag = 0
		case '0' <= c && c <= '9':
		case tag > 0 && strings.IndexByte(letters, c) >= 0:
		default:
			return 1, false
		}
	}
	return 1, len(s) < longestForeign && !l.Final
}
