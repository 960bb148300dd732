package gateway

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/mask"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// hide gives every value that policy masks what stands for it, everywhere it occurs in the
// request: a name that was recognised in one sentence is the same name in the next.
func (x *exchange) hide() *dialect.Fault {
	if x.route.Op == llm.OpList {
		return nil
	}
	places := x.places()
	if len(places) == 0 && !x.policy.Policy().Mask.Restore {
		return nil
	}
	x.cover = mask.New(x.scopes())
	if len(places) == 0 {
		return nil
	}
	swept := x.cover.Sweep(x.request.Passages, places)
	shared := map[string]bool{}
	for _, p := range slices.Concat(places, swept) {
		if q := &x.request.Passages[p.Passage]; instructs(q.Origin) || x.route.Op == llm.OpEmbed {
			shared[cmp.Or(p.Value, q.Text[p.Start:p.End])] = true
		}
	}
	var in figures
	stand := func(p mask.Place) string {
		q := &x.request.Passages[p.Passage]
		v := cmp.Or(p.Value, q.Text[p.Start:p.End])
		x.cover.Also(p.Kind, v, p.Also)
		if !q.Map.Quoted(p.Start, p.End) {
			if s, ok := x.cover.HideNumber(p.Kind, v, p.Form, shared[v]); ok {
				return s
			}
		}
		if in.signed(x.request.Passages, p) { // nothing but digits may follow its sign
			if s, ok := x.cover.HideNumber(p.Kind, v, p.Form, shared[v]); ok {
				return s
			}
			return "1" + strings.Repeat("0", len(v)-1)
		}
		s := x.cover.Hide(p.Kind, v, p.Form, shared[v])
		if in.has(x.request.Passages, p) && !llm.IsNumber(s) {
			return `"` + s + `"` // JSON that a model reads as text stays JSON
		}
		return s
	}
	changes := x.judgement.Changes
	for i := range changes {
		if changes[i].Hides != "" {
			changes[i].New, places = stand(places[0]), places[1:]
		}
	}
	changes = x.beside(changes, swept, stand)
	slices.SortStableFunc(changes, func(a, b guard.PassageChange) int {
		return cmp.Or(a.Passage-b.Passage, a.Start-b.Start)
	})
	x.judgement.Changes = changes
	return nil
}

// figures knows the numbers that stand in a text which is JSON, of one passage at a time.
type figures struct {
	passage int
	from    int
	of      *mask.Figures
}

func (f *figures) has(passages []llm.Passage, p mask.Place) bool {
	q := &passages[p.Passage]
	if q.Channel.Kind == llm.KindArgs {
		return f.inString(q, p)
	}
	return f.text(p.Passage, 0, q.Text).Has(p.Start, p.End)
}

// signed reports whether a sign stands before such a number.
func (f *figures) signed(passages []llm.Passage, p mask.Place) bool {
	q := &passages[p.Passage]
	return p.Start > 0 && q.Text[p.Start-1] == '-' && q.Channel.Kind != llm.KindArgs && f.text(p.Passage, 0, q.Text).Has(p.Start-1, p.End)
}

// text is what is known of a text, or of the string of it that begins at from.
func (f *figures) text(passage, from int, text string) *mask.Figures {
	if f.of == nil || f.passage != passage || f.from != from {
		f.passage, f.from, f.of = passage, from, mask.FiguresOf(text)
	}
	return f.of
}

// inString reports whether a number in a string of arguments stands in JSON that the string holds.
func (f *figures) inString(q *llm.Passage, p mask.Place) bool {
	start, end, ok := q.Map.String(p.Start)
	if !ok || p.Start < start || end < p.End {
		return false
	}
	return f.text(p.Passage, start, q.Text[start:end]).Has(p.Start-start, p.End-start)
}

// places are those of the values that policy masks, in the order of the changes.
func (x *exchange) places() []mask.Place {
	var out []mask.Place
	shaped := false
	for _, c := range x.judgement.Changes {
		if c.Hides == "" {
			continue
		}
		if out == nil {
			shaped = demandsShape(x.request.Passages)
		}
		form := x.form(c.Hides)
		for _, other := range c.Also { // the strictest says how
			if x.form(other) == mask.Redaction {
				form = mask.Redaction
			}
		}
		if form == mask.Placeholder && shaped {
			form = mask.Shaped
		}
		out = append(out, mask.Place{Passage: c.Passage, Start: c.Start, End: c.End, Kind: c.Hides, Also: c.Also, Form: form})
	}
	return out
}

// form is what policy wants in the place of values of a kind.
func (x *exchange) form(kind string) mask.Form {
	as, _ := x.policy.Hides(risk.Category(kind))
	form, _ := mask.ParseForm(as)
	return form
}

// beside adds the changes of values that were found again, where nothing else changes.
func (x *exchange) beside(changes []guard.PassageChange, swept []mask.Place, stand func(mask.Place) string) []guard.PassageChange {
	taken := changes
	for _, p := range swept {
		q := &x.request.Passages[p.Passage]
		if q.Path == llm.Headers {
			x.withhold(q.Text[p.Start:p.End])
			continue
		}
		for len(taken) > 0 && (taken[0].Passage < p.Passage || taken[0].Passage == p.Passage && taken[0].End <= p.Start) {
			taken = taken[1:]
		}
		if q.Seam > 0 || len(taken) > 0 && taken[0].Passage == p.Passage && taken[0].Start < p.End {
			continue
		}
		changes = append(changes, guard.PassageChange{Passage: p.Passage, Start: p.Start, End: p.End, New: stand(p), By: mask.By, Hides: p.Kind})
	}
	return changes
}

// instructs reports whether texts of an origin are the same in many conversations.
func instructs(o llm.Origin) bool {
	return o == llm.OriginSystem || o == llm.OriginDeveloper || o == llm.OriginToolSpec
}

// scopes are what a cover is made of: the keys of the system and of the conversation. Who
// does not name the conversation has it named by its first words, which a request that
// carries its history repeats.
func (x *exchange) scopes() (wide, narrow []byte, taken func(string) bool) {
	name := x.intent.Conversation
	if name == "" {
		for i := range x.request.Passages {
			if p := &x.request.Passages[i]; p.Origin == llm.OriginUser && p.Channel.Kind == llm.KindText && p.Seam == 0 && p.Text != "" {
				name = "first: " + p.Text
				break
			}
		}
	}
	wide = mask.Key(x.gate.cfg.Mask, "system", x.principal.System)
	narrow = mask.Key(wide, "conversation", x.principal.Kind, x.principal.ID, name)
	looks := 0
	return wide, narrow, func(s string) bool {
		// Fakes hardly ever hit what is there; who sends thousands of values pays for no more
		// looks.
		if looks++; looks > maxLooks {
			return false
		}
		return slices.ContainsFunc(x.request.Passages, func(p llm.Passage) bool { return strings.Contains(p.Text, s) })
	}
}

// maxLooks bounds how often a request is searched for a fake.
const maxLooks = 200

// withhold drops the headers that say a value which is hidden in the body.
func (x *exchange) withhold(value string) {
	for name, all := range x.request.Header {
		if slices.ContainsFunc(all, func(v string) bool { return strings.Contains(v, value) }) {
			x.request.Header = x.request.Header.Clone()
			x.request.Header.Del(name)
		}
	}
}

// demandsShape reports whether a schema or grammar in the request says what texts must look
// like: a placeholder in brackets could not stand where it wants an address.
func demandsShape(passages []llm.Passage) bool {
	return slices.ContainsFunc(passages, func(p llm.Passage) bool {
		if p.Channel.Kind == llm.KindArgs || p.Seam > 0 {
			return false
		}
		at := strings.LastIndexByte(p.Path, '.')
		switch p.Path[at+1:] {
		case "format", "pattern":
			return strings.Contains(p.Path, "schema") || strings.Contains(p.Path, "parameters") || strings.Contains(p.Path, "properties")
		case "grammar", "definition", "guided_regex", "regex":
			return p.Origin != llm.OriginUser && p.Origin != llm.OriginModel
		}
		return false
	})
}

// restorer adds the scanner that puts values back, where policy wants that.
func (x *exchange) restorer(scanner *guard.Scanner, scanners []llm.Scanner) []llm.Scanner {
	if x.cover == nil {
		return scanners
	}
	r := x.cover.Restorer(x.mayRestore)
	scanner.Except(r.Stands)
	return append(scanners, r)
}

// mayRestore reports whether this caller may see values of a kind again.
func (x *exchange) mayRestore(kind string) bool {
	if _, restore := x.policy.Hides(risk.Category(kind)); !restore {
		return false
	}
	p := x.ask(access.Restore, kind)
	x.outcome.Permits = permitted(x.outcome.Permits, p)
	return p.Allowed
}

// counted notes what was hidden and put back.
func (x *exchange) counted() {
	if x.cover == nil || x.cover.Count == (mask.Count{}) {
		return
	}
	m := record.Masked(x.cover.Count)
	x.outcome.Masked = &m
}
