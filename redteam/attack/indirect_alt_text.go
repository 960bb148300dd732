package attack

import "github.com/bartizan-ai/bartizan/redteam"

// IndirectAltText puts it where a document says what a picture shows.
//
// Source: Greshake et al. 2023; Bagdasaryan et al. 2023, on instructions that come with images.
type IndirectAltText struct{ once }

// ID implements [redteam.Strategy].
func (IndirectAltText) ID() string { return "indirect_alt_text" }

// Plays implements [redteam.Strategy].
func (IndirectAltText) Plays(s *redteam.Seed) bool { return carried(s) }

// Refs implements [redteam.Strategy].
func (IndirectAltText) Refs() []string {
	return []string{"LLM01:2026", "ASI01:2026", "AML.T0051.001", "AML.T0068"}
}

// Next implements [redteam.Strategy].
func (IndirectAltText) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation { return pasted(s, "!["+said(s.Text, s)+"](picture.png)") })
}
