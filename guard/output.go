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
	var media []int
	for i, p := range passages {
		if p.Channel.Kind == llm.KindMedia {
			media = append(media, i)
			continue
		}
		// Passages of one channel are judged apart: here each is whole.
		t := &track{channel: p.Channel, index: i, sealed: p.Sealed}
		s.tracks, s.origin = append(s.tracks, t), p.Origin
		look := llm.Look{Channel: p.Channel, Text: p.Text, Final: true}
		var blocked *BlockedError
		if err := s.advance(ctx, t, look); errors.As(err, &blocked) {
			continue // the other passages are still judged, so that all is known
		}
		for _, ch := range t.ruling(look).Changes {
			j.Changes = append(j.Changes, PassageChange{Passage: i, Start: ch.Start, End: ch.End, New: ch.New, By: ch.By})
		}
	}
	j.Verdict = s.verdict()
	c.addUnread(&j.Verdict, passages, media)
	if j.Verdict.Decision >= risk.Hold || !c.enforcing() {
		j.Changes = nil
	}
	return j
}

func (c *Compiled) addUnread(v *risk.Verdict, passages []llm.Passage, media []int) {
	if len(media) == 0 {
		return
	}
	for _, f := range c.unread(passages) {
		v.Findings = append(v.Findings, f)
		v.Decision = max(v.Decision, f.Decision)
	}
	if !c.enforcing() {
		v.Decision = min(v.Decision, risk.Flag)
	}
	for _, id := range c.engine.Detectors() {
		v.Checks = append(v.Checks, risk.Check{Detector: id, State: risk.Skipped, Passages: media})
	}
}
