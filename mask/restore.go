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
	places map[llm.Channel]*place
}

// Restorer returns a scanner that puts values back, those of kinds that the caller may see.
func (c *Cover) Restorer(may func(kind string) bool) *Restorer {
	r := &Restorer{cover: c, may: may, tags: map[string]bool{}, places: map[llm.Channel]*place{}}
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
	q := new(place)
	if !l.Whole {
		if q = r.places[l.Channel]; q == nil {
			q = new(place)
			r.places[l.Channel] = q
		}
	}
	args := arguments{l: l}
	for at := l.From; at < len(l.Text); {
		args.reach(q, at)
		n, waits := r.step(&out, l, at, q)
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
func (r *Restorer) step(out *llm.Ruling, l llm.Look, at int, q *place) (n int, waits bool) {
	n, open := r.set.longest(l.Text[at:])
	s := r.cover.stands[l.Text[at:at+n]]
	ends := at+n == len(l.Text) && !l.Final
	tag := s == nil && r.tags[l.Text[at:at+n]]
	switch {
	case open && !l.Final, ends && (tag || s != nil && s.fake):
		// What may become one, or may turn out to be a part of something longer, waits.
		return 0, true
	case s != nil && (!s.fake || bounded(l.Text, at, at+n)):
		r.put(out, l, at, at+n, s, q)
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
func (r *Restorer) put(out *llm.Ruling, l llm.Look, start, end int, s *stand, at *place) {
	drawn := l.Channel.Kind != llm.KindArgs
	if l.Sealed || !r.allowed(s) || drawn && (at.within != nowhere || active(s.text)) {
		r.count(l, &r.cover.Count.Withheld)
		return
	}
	r.count(l, &r.cover.Count.Restored)
	new := s.text
	for range at.level { // a value must end no string
		new = string(llm.AppendEscaped(nil, new))
	}
	out.Changes = append(out.Changes, llm.Change{Start: start, End: end, New: new, By: By})
}

// allowed reports whether the caller may see a value, whatever it is called.
func (r *Restorer) allowed(s *stand) bool {
	for _, kind := range r.cover.also[s.value] {
		if !r.may(kind) {
			return false
		}
	}
	return r.may(s.kind)
}

// active reports whether a value could be markup: put back, it would be drawn or loaded by
// whoever shows the answer, behind the back of what cleans answers.
func active(value string) bool {
	if strings.Contains(value, "](") || strings.Contains(value, "]:") {
		return true
	}
	for i := 0; i+1 < len(value); i++ {
		if value[i] == '<' && opens(value[i+1]) {
			return true
		}
	}
	return false
}

// opens reports whether a character behind < begins a tag.
func opens(c byte) bool { return c == '/' || c == '!' || 'a' <= c|0x20 && c|0x20 <= 'z' }

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
