package attack

import "github.com/bartizan-ai/bartizan/redteam"

// Single says it, and nothing else. It plays everything, so that all the others have something
// to be compared with.
//
// Source: the baseline of every published measurement.
type Single struct{ once }

// ID implements [redteam.Strategy].
func (Single) ID() string { return "single" }

// Plays implements [redteam.Strategy].
func (Single) Plays(*redteam.Seed) bool { return true }

// Refs implements [redteam.Strategy].
func (Single) Refs() []string { return []string{"LLM01:2026", "AML.T0051.000"} }

// Next implements [redteam.Strategy].
func (Single) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation { return ask(opening(s), said(s.Text, s)) })
}
