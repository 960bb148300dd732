package attack

import "github.com/bartizan-ai/bartizan/redteam"

// IndirectComment puts it into a comment of a document, which no reader is shown.
//
// Source: Greshake et al. 2023; Rehberger 2023, on hidden text in pages.
type IndirectComment struct{ once }

// ID implements [redteam.Strategy].
func (IndirectComment) ID() string { return "indirect_comment" }

// Plays implements [redteam.Strategy].
func (IndirectComment) Plays(s *redteam.Seed) bool { return carried(s) }

// Refs implements [redteam.Strategy].
func (IndirectComment) Refs() []string {
	return []string{"LLM01:2026", "ASI01:2026", "AML.T0051.001", "AML.T0068"}
}

// Next implements [redteam.Strategy].
func (IndirectComment) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation { return pasted(s, "<!-- "+said(s.Text, s)+" -->") })
}
