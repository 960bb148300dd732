// Package entity recognises kinds of personal and payment data by their own
// rules: check digits, shapes and the words beside them. Each kind is one file
// and one line in [All]; [Detectors] runs them all in one pass.
//
// An entity is a guard.Detector by shape, so that a policy can flag, mask or
// block what it finds. May change.
package entity

import (
	"context"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
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
	kinds := kinds()
	out := make([]Entity, len(kinds))
	for i, k := range kinds {
		out[i] = k
	}
	return out
}

// kinds lists the family. Of kinds that are equally sure of a value, the first has
// it.
func kinds() []kind {
	return []kind{
		{"email", findEmails, risk.High},
		{"credit_card", findCards, risk.High},
		{"iban", findIBANs, risk.High},
		{"national_id", findNationalIDs, risk.High},
		{"passport", findPassports, risk.High},
		{"driver_license", findLicences, risk.High},
		{"health", findHealth, risk.High},
		{"bank_account", findAccounts, risk.High},
		{"crypto_wallet", findWallets, risk.High},
		{"date_of_birth", findBirthDates, risk.High},
		{"phone", findPhones, risk.High},
		{"ip_address", findIPs, risk.Medium},
		{"device_id", findDevices, risk.Medium},
		{"vehicle_id", findVehicles, risk.Medium},
		{"username", findUsernames, risk.Medium},
		{"url", findURLs, risk.Low},
		{"person", findPeople, risk.Medium},
		{"address", findAddresses, risk.High},
		{"organization", findOrganizations, risk.Low},
		{"location", findLocations, risk.Low},
	}
}

// kind is an entity made of a function that finds its values on a page; numbers
// that are rules come besides. Every such function is linear in the text.
type kind struct {
	name     string
	find     func(p *page, emit emitter)
	severity risk.Severity
}

// emitter takes a value found at t[start:end] with its probability.
type emitter func(start, end int, confidence float64)

// ID names the entity and its version.
func (k kind) ID() string { return "pii/" + k.name + "@2" }

// category is what its findings are.
func (k kind) category() risk.Category { return risk.Category("pii." + k.name) }

// Finds says what it can find.
func (k kind) Finds() []risk.Category { return []risk.Category{k.category()} }

// Inline says that looking is bounded.
func (kind) Inline() bool { return true }

// Look reads every passage that holds text.
func (k kind) Look(ctx context.Context, passages []llm.Passage) ([]risk.Finding, error) {
	l := look{kinds: []kind{k}, only: k.name}
	return l.at(ctx, passages)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
