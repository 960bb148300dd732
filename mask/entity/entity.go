// Package entity recognises kinds of personal and payment data by their own
// rules: check digits, shapes and the words beside them. Each kind is one file
// and one line in [All]; [Detectors] runs them all in one pass.
//
// An entity is a guard.Detector by shape, so that a policy can flag, mask or
// block what it finds. May change.
package entity

import (
	"context"
	"sync"

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
	all := []kind{
		{name: "email", find: findEmails, severity: risk.High},
		{name: "credit_card", find: findCards, severity: risk.High},
		{name: "iban", find: findIBANs, severity: risk.High},
		{name: "national_id", find: findNationalIDs, severity: risk.High},
		{name: "passport", find: findPassports, severity: risk.High},
		{name: "driver_license", find: findLicences, severity: risk.High},
		{name: "health", find: findHealth, severity: risk.High},
		{name: "bank_account", find: findAccounts, severity: risk.High},
		{name: "crypto_wallet", find: findWallets, severity: risk.High},
		{name: "date_of_birth", find: findBirthDates, severity: risk.High},
		{name: "phone", find: findPhones, severity: risk.High},
		{name: "ip_address", find: findIPs, severity: risk.Medium},
		{name: "device_id", find: findDevices, severity: risk.Medium},
		{name: "vehicle_id", find: findVehicles, severity: risk.Medium},
		{name: "username", find: findUsernames, severity: risk.Medium},
		{name: "url", find: findURLs, severity: risk.Low},
		{name: "person", find: findPeople, severity: risk.Medium},
		{name: "address", find: findAddresses, severity: risk.High},
		{name: "organization", find: findOrganizations, severity: risk.Low},
		{name: "location", find: findLocations, severity: risk.Low},
	}
	for i := range all {
		all[i].id, all[i].cat = "pii/"+all[i].name+"@2", risk.Category("pii."+all[i].name)
	}
	return all
}

// family is kinds, made once.
var family = sync.OnceValue(kinds)

// kind is an entity made of a function that finds its values on a page; numbers
// that are rules come besides. Every such function is linear in the text.
type kind struct {
	name     string
	find     func(p *page, emit emitter)
	severity risk.Severity
	id       string
	cat      risk.Category
}

// emitter takes a value found at t[start:end] with its probability.
type emitter func(start, end int, confidence float64)

// ID names the entity and its version.
func (k kind) ID() string { return k.id }

// category is what its findings are.
func (k kind) category() risk.Category { return k.cat }

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
