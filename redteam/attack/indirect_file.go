package attack

import (
	"path"

	"github.com/bartizan-ai/bartizan/redteam"
)

// IndirectFile puts it into a text file that a user attaches.
//
// Source: Greshake et al. 2023; AML.T0051.001.
type IndirectFile struct{ once }

// ID implements [redteam.Strategy].
func (IndirectFile) ID() string { return "indirect_file" }

// Plays implements [redteam.Strategy].
func (IndirectFile) Plays(s *redteam.Seed) bool { return carried(s) }

// Refs implements [redteam.Strategy].
func (IndirectFile) Refs() []string { return []string{"LLM01:2026", "ASI01:2026", "AML.T0051.001"} }

// Next implements [redteam.Strategy].
func (IndirectFile) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation {
		return attached(s, path.Base(s.Scene.Name), document(s, said(s.Text, s)))
	})
}

// attached is the scene's question with a file.
func attached(s *redteam.State, name, text string) redteam.Conversation {
	c := ask(opening(s), s.Scene.Ask)
	c.Turns[len(c.Turns)-1].File = &redteam.File{Name: name, Text: text}
	return c
}
