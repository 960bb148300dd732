package guard

import (
	"context"
	"errors"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// judgeOutput judges a complete answer exactly as a [Scanner] would while it
// streams.
func (c *Compiled) judgeOutput(ctx context.Context, passages []llm.Passage) Judgement {
	s := c.Scanner()
	j := Judgement{}
	for i, p := range passages {
		// Passages of one channel are judged apart: here each is whole.
		t := &track{channel: p.Channel, index: i, sealed: p.Sealed}
		s.tracks, s.origin = append(s.tracks, t), p.Origin
		if p.Channel.Kind == llm.KindMedia {
			s.skip(t, p.MIME)
			continue
		}
		look := llm.Look{Channel: p.Channel, Text: p.Text, Final: true}
		var blocked *BlockedError
		// A block ends this passage, not the others: the verdict shall name all.
		if err := s.advance(ctx, t, look); errors.As(err, &blocked) {
			continue // the other passages are still judged, so that all is known
		}
		for _, ch := range t.ruling(look).Changes {
			j.Changes = append(j.Changes, PassageChange{Passage: i, Start: ch.Start, End: ch.End, New: ch.New, By: ch.By})
		}
	}
	j.Verdict = s.verdict()
	// Nothing leaves, or nothing may be touched.
	if j.Verdict.Decision >= risk.Hold || !c.Enforcing() {
		j.Changes = nil
	}
	return j
}
