// Package entity recognises kinds of personal and payment data by their own
// rules: check digits, shapes and the words beside them. Each kind is one file
// and one line in [All].
//
// An entity is a guard.Detector by shape, so that a policy can flag, mask or
// block what it finds. May change.
package entity

import (
	"context"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
	"github.com/bartizan-ai/bartizan/text"
)

// Entity recognises one kind of value.
type Entity interface {
	ID() string
	Finds() []risk.Category
	Inline() bool
	Look(context.Context, []llm.Passage) ([]risk.Finding, error)
}

// All returns every entity.
func All() []Entity {
	return []Entity{
		kind{"email", findEmails},
		kind{"credit_card", findCards},
		kind{"iban", findIBANs},
	}
}

// kind is an entity made of a function that finds its values in a text. Every
// such function is linear in the text.
type kind struct {
	name string
	find func(s string, emit emitter)
}

// emitter takes a value found at s[start:end] with its probability.
type emitter func(start, end int, confidence float64)

// ID names the entity and its version.
func (k kind) ID() string { return "pii/" + k.name + "@1" }

// Finds says what it can find.
func (k kind) Finds() []risk.Category { return []risk.Category{risk.Category("pii." + k.name)} }

// Inline says that looking is bounded.
func (kind) Inline() bool { return true }

// Look reads every passage that holds text.
func (k kind) Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	var found []risk.Finding
	for i := range passages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		k.find(passages[i].Text, func(start, end int, p float64) {
			found = append(found, risk.Finding{Category: risk.Category("pii." + k.name), Severity: risk.High, Confidence: p,
				Passage: i, Start: start, End: end, Impact: risk.Confidentiality,
				Refs: []risk.Ref{{Framework: "OWASP-LLM", Item: "LLM02:2026"}, {Framework: "MITRE-ATLAS", Item: "AML.T0057"}}})
		})
	}
	return found, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// beside reports whether one of the words stands shortly before s[start:].
func beside(s string, start int, words ...string) bool {
	before := text.Fold(s[max(0, start-48):start])
	for _, w := range words {
		if strings.Contains(before, w) {
			return true
		}
	}
	return false
}
