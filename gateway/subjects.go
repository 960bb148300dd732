package gateway

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/mask"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// Subjects knows the keys of those whom kept texts are about. What it cannot note is not
// kept: nobody would find it to erase it.
type Subjects interface {
	Note(context.Context, record.Noting) (record.Sealer, error)
}

// keptChange is a change of a kept text, with the kind of what it hides: "" where nobody
// said so, or where it hides nothing.
type keptChange struct {
	llm.Change
	kind string
}

// keptPassage is a text to be kept, with the values that were masked in it, in clear.
type keptPassage struct {
	record.Kept
	values []keptValue
}

type keptValue struct {
	record.Value
	text     string
	subjects []string
}

// behind notes the value behind a change, at its place in the masked text. Credentials are
// nobody's data, and worth too much to be kept at all.
func (k *keptPassage) behind(text string, private []risk.Finding, c keptChange, at int) {
	v := keptValue{Value: record.Value{Start: at, End: at + len(c.New), Kind: c.kind}, text: text[c.Start:c.End]}
	for _, f := range private {
		if f.Start >= c.End {
			break
		}
		if c.Start >= f.End || f.End > len(text) {
			continue
		}
		if strings.HasPrefix(kindOf(f), "secret.") {
			return
		}
		v.Kind = cmp.Or(v.Kind, kindOf(f))
		v.subjects = append(v.subjects, record.ValueSubject(text[f.Start:f.End]))
	}
	if v.Kind == "" || v.text == "" || strings.HasPrefix(v.Kind, "secret.") {
		return
	}
	if v.subjects = append(v.subjects, record.ValueSubject(v.text)); len(v.subjects) > maxSubjects {
		return // more people than a value can be sealed for
	}
	k.values = append(k.values, v)
}

// maxSubjects bounds the people whom one value is about.
const maxSubjects = 16

// places are where private values lie in a passage: those of findings and those of changes.
func places(passages []llm.Passage, passage int, changes []mask.Place, private []risk.Finding) []mask.Place {
	out := slices.Clone(changes)
	for _, f := range private {
		if f.End <= len(passages[passage].Text) {
			out = append(out, mask.Place{Passage: passage, Start: f.Start, End: f.End, Kind: kindOf(f)})
		}
	}
	slices.SortStableFunc(out, func(a, b mask.Place) int { return cmp.Or(a.Start-b.Start, b.End-a.End) })
	end := 0
	return slices.DeleteFunc(out, func(p mask.Place) bool {
		if p.Start < end {
			return true
		}
		end = p.End
		return false
	})
}

// privatePlaces are where private values lie in the request, in order.
func (x *exchange) privatePlaces() (out []mask.Place) {
	if x.request == nil || len(x.judgement.Changes)+len(x.judgement.Private) == 0 {
		return nil
	}
	by, private := map[int][]mask.Place{}, byPassage(x.judgement.Private)
	for _, c := range x.judgement.Changes {
		if c.Hides != "" {
			by[c.Passage] = append(by[c.Passage], mask.Place{Passage: c.Passage, Start: c.Start, End: c.End, Kind: c.Hides})
		}
	}
	for i := range x.request.Passages {
		out = append(out, places(x.request.Passages, i, by[i], private[i])...)
	}
	return out
}

// again finds the places in which private values lie unrecognised.
func again(passages []llm.Passage, known []mask.Place) []mask.Place {
	if len(known) == 0 {
		return nil
	}
	return new(mask.Cover).Sweep(passages, known)
}

// shortName is how long a value must be to be looked for in names.
const shortName = 4

// scrub takes private values out of the names that a record keeps beside the texts: callers
// choose the names of fields and of conversations.
func (x *exchange) scrub(passages []record.Passage, names ...*string) {
	if len(x.hidden) == 0 {
		return
	}
	if x.scrubber == nil {
		x.scrubber = scrubber(x.request.Passages, x.hidden)
	}
	for i := range passages {
		passages[i].Path = x.scrubber.Replace(passages[i].Path)
	}
	for _, n := range names {
		*n = x.scrubber.Replace(*n)
	}
}

// scrubber replaces values by their kinds, the longest first, in one pass over each name: both
// can be tens of thousands.
func scrubber(passages []llm.Passage, hidden []mask.Place) *strings.Replacer {
	kinds := map[string]string{}
	for _, p := range hidden {
		if v := passages[p.Passage].Text[p.Start:p.End]; len(v) >= shortName && kinds[v] == "" {
			kinds[v] = p.Kind
		}
	}
	var pairs []string
	for _, v := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
		pairs = append(pairs, v, bracketed(kinds[v]))
	}
	return strings.NewReplacer(pairs...)
}

// noteWait bounds how long a call waits until what it keeps is noted.
const noteWait = 10 * time.Second

// sealed notes whom texts are about and seals them: each value under the keys of its
// subjects, the text under the caller's. Without keys of subjects, texts are kept as the
// ledger seals them, and values not at all.
func (x *exchange) sealed(kept []keptPassage, output bool) []record.Kept {
	if len(kept) == 0 {
		return nil
	}
	paths := make([]record.Passage, len(kept))
	for i := range kept {
		paths[i].Path = kept[i].Path
	}
	x.scrub(paths)
	for i := range kept {
		kept[i].Path = paths[i].Path
	}
	if x.gate.cfg.Subjects == nil {
		out := make([]record.Kept, len(kept))
		for i := range kept {
			out[i] = kept[i].Kept
		}
		return out
	}
	at := time.Since(x.began)
	out, err := x.sealFor(kept, output)
	step := record.Step{Name: "keep", At: at, Took: time.Since(x.began) - at}
	if err != nil {
		x.gate.cfg.Log.Error("content was not kept", "exchange", x.intent.ID, "reason", err.Error())
		step.Note = "the content was not kept, because whom it is about could not be noted"
	}
	x.steps = append(x.steps, step)
	return out
}

func (x *exchange) sealFor(kept []keptPassage, output bool) ([]record.Kept, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), noteWait)
	defer cancel()
	writer := x.principal.Subject()
	n := record.Noting{Exchange: x.intent.ID, System: x.principal.System, At: x.intent.At, Output: output,
		Places: []record.SubjectPlace{{Subject: writer, Kind: "text"}}}
	for i := range kept {
		for _, v := range kept[i].values {
			for _, s := range v.subjects {
				n.Places = append(n.Places, record.SubjectPlace{Subject: s, Kind: v.Kind, Path: kept[i].Path})
			}
		}
	}
	sealer, err := x.gate.cfg.Subjects.Note(ctx, n)
	if err != nil {
		return nil, err
	}
	out := make([]record.Kept, len(kept))
	for i := range kept {
		k := kept[i].Kept
		if k.Sealed, err = sealer.Seal([]string{writer}, []byte(k.Text)); err != nil {
			return nil, err
		}
		k.Text = ""
		for _, v := range kept[i].values {
			if v.Sealed, err = sealer.Seal(v.subjects, []byte(v.text)); err != nil {
				return nil, err
			}
			k.Values = append(k.Values, v.Value)
		}
		out[i] = k
	}
	return out, nil
}
