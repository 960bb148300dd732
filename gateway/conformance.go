package gateway

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// ConformanceRow is one place where a text can stand, and what the gate does about a
// forbidden one there under each action of policy.
type ConformanceRow struct {
	Dialect string            `json:"dialect"` // "chat", "Messages", "Responses", "embeddings", "Azure"
	Side    string            `json:"side"`    // "request" or "answer"
	Place   string            `json:"place"`
	Cells   []ConformanceCell `json:"cells"`
}

// ConformanceCell is one action, streamed or not. Tries is how often it was tried: a
// streamed answer is cut at every byte.
type ConformanceCell struct {
	Action string `json:"action"` // "block", "mask", "flag", "monitor"
	Stream bool   `json:"stream"`
	Result string `json:"result"` // what became of the text: "blocked", "masked", "flagged", "recorded"; "none" where the API has no such answer
	Tries  int    `json:"tries"`
}

//go:embed conformance.json
var conformance []byte

// Conformance returns the matrix that the tests of this package measured: every dialect,
// streamed and not, every carrier of text, every action. A test holds that it is what
// the code does.
func Conformance() ([]ConformanceRow, error) {
	var rows []ConformanceRow
	if err := json.Unmarshal(conformance, &rows); err != nil {
		return nil, fmt.Errorf("gateway: reading the conformance matrix: %w", err)
	}
	return rows, nil
}
