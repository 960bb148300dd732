package attack

import "github.com/bartizan-ai/bartizan/redteam"

// IndirectDocument puts it into a document that a user pastes with a harmless question.
//
// Source: Greshake et al. 2023, "Not what you've signed up for"; Microsoft's XPIA.
type IndirectDocument struct{ once }

// ID implements [redteam.Strategy].
func (IndirectDocument) ID() string { return "indirect_document" }

// Plays implements [redteam.Strategy].
func (IndirectDocument) Plays(s *redteam.Seed) bool { return carried(s) }

// Refs implements [redteam.Strategy].
func (IndirectDocument) Refs() []string {
	return []string{"LLM01:2026", "ASI01:2026", "AML.T0051.001"}
}

// Next implements [redteam.Strategy].
func (IndirectDocument) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation { return pasted(s, said(s.Text, s)) })
}

// pasted is the scene's question with its document, and something in it.
func pasted(s *redteam.State, inside string) redteam.Conversation {
	return ask(opening(s), s.Scene.Ask+"\n\n<document name="+quoted(s.Scene.Name)+">\n"+document(s, inside)+"\n</document>")
}
