package attack

import "github.com/bartizan-ai/bartizan/redteam"

// IndirectFileName makes it the name of a file whose text is harmless.
//
// Source: reports on agents that list folders, 2024; Willison 2023, on names of files as instructions.
type IndirectFileName struct{ once }

// ID implements [redteam.Strategy].
func (IndirectFileName) ID() string { return "indirect_file_name" }

// Plays implements [redteam.Strategy].
func (IndirectFileName) Plays(s *redteam.Seed) bool { return carried(s) }

// Refs implements [redteam.Strategy].
func (IndirectFileName) Refs() []string {
	return []string{"LLM01:2026", "ASI01:2026", "AML.T0051.001", "AML.T0074"}
}

// Next implements [redteam.Strategy].
func (IndirectFileName) Next(s *redteam.State) (redteam.Conversation, bool) {
	return only(s, func() redteam.Conversation { return attached(s, said(s.Text, s)+".txt", document(s, "")) })
}
