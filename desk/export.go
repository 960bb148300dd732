package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Exported is what is kept of a subject.
type Exported struct {
	Subject   string             `json:"subject"`
	Exchanges []ExportedExchange `json:"exchanges"`
	More      bool               `json:"more,omitempty"` // there are more than one export holds
}

// ExportedExchange is one exchange with something of a subject.
type ExportedExchange struct {
	ID     string         `json:"id"`
	At     time.Time      `json:"at"`
	System string         `json:"system"`
	Texts  []ExportedText `json:"texts"`
}

// ExportedText is a kept text in which values of others stay placeholders.
type ExportedText struct {
	Path   string          `json:"path"`
	Output bool            `json:"output,omitempty"`
	Text   string          `json:"text"`
	Values []ExportedValue `json:"values"`
}

// ExportedValue is a value of the subject.
type ExportedValue struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// maxExported bounds the exchanges of one export.
const maxExported = 2_000

// ExportSubject returns what is kept of a subject: the values that are about it, with the
// texts around them, and the texts that it wrote. It opens what is kept, as reading does.
func (d *Desk) ExportSubject(ctx context.Context, a Actor, subject, reason string) (e Exported, err error) {
	err = d.onSubject(ctx, a, record.Act{Kind: SubjectExport, Reason: reason}, subject, true, func(s *privacy.Subjects, id string) error {
		if err := d.opened(ctx, a, id, reason); err != nil {
			return err
		}
		e = Exported{Subject: id, Exchanges: []ExportedExchange{}}
		places, err := s.Find(ctx, id, "")
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, p := range places {
			if seen[p.Exchange] {
				continue
			}
			if e.More = len(seen) == maxExported; e.More {
				break
			}
			seen[p.Exchange] = true
			wrote := slices.ContainsFunc(places, func(q privacy.Location) bool { return q.Exchange == p.Exchange && q.Kind == "text" })
			if err := d.exportOne(ctx, a, s, &e, p, wrote); err != nil {
				return err
			}
		}
		return nil
	})
	return e, err
}

// exportOne adds an exchange, if its texts are there still.
func (d *Desk) exportOne(ctx context.Context, a Actor, s *privacy.Subjects, e *Exported, p privacy.Location, wrote bool) error {
	for r, err := range d.records(ctx, a, record.Query{ID: p.Exchange, Content: true, Limit: 1}) {
		if err != nil {
			return fmt.Errorf("desk: exporting: %w", err)
		}
		x := ExportedExchange{ID: p.Exchange, At: p.At, System: p.System, Texts: []ExportedText{}}
		var kept []record.Kept
		if r.Intent != nil {
			kept = append(kept, r.Intent.Kept...)
		}
		if r.Outcome != nil {
			kept = append(kept, r.Outcome.Kept...)
		}
		for i := range kept {
			t, err := textFor(ctx, s, e.Subject, &kept[i])
			if err != nil {
				return err
			}
			if wrote || len(t.Values) > 0 {
				x.Texts = append(x.Texts, t)
			}
		}
		if len(x.Texts) > 0 {
			e.Exchanges = append(e.Exchanges, x)
		}
	}
	return nil
}

// textFor puts the values of one subject back into a text.
func textFor(ctx context.Context, s *privacy.Subjects, subject string, k *record.Kept) (ExportedText, error) {
	t := ExportedText{Path: k.Path, Output: k.Output, Values: []ExportedValue{}}
	var b strings.Builder
	at := 0
	for _, v := range k.Values {
		plain, ok, err := s.OpenFor(ctx, subject, v.Sealed)
		if err != nil && !errors.Is(err, privacy.ErrErased) {
			return t, fmt.Errorf("desk: exporting: %w", err)
		}
		if !ok {
			continue
		}
		t.Values = append(t.Values, ExportedValue{v.Kind, string(plain)})
		if !k.Erased && v.Start >= at && v.End <= len(k.Text) {
			b.WriteString(k.Text[at:v.Start])
			b.Write(plain)
			at = v.End
		}
	}
	b.WriteString(k.Text[at:])
	t.Text = b.String()
	return t, nil
}
