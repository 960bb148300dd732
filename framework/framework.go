// Package framework knows items of public frameworks by their ids: what they are called, and
// nothing else. A mapping to an item is an opinion, and no proof of conformity.
package framework

import (
	_ "embed"
	"strings"
	"sync"
)

// Item is an item of a framework.
type Item struct{ ID, Title string }

// List is a framework with its items in the order of their ids.
type List struct {
	Name   string // short, as pages show it
	Source string // what it is, of which edition, under which licence
	Items  []Item
}

// items has a line of two columns for each item, and for each framework one that says what it is.
//
//go:embed items.tsv
var items string

// names of the frameworks, as they stand in items.
var names = []string{"OWASP LLM 2026", "OWASP Agentic 2026", "MITRE ATLAS"}

var read = sync.OnceValue(func() (lists []List) {
	for line := range strings.Lines(items) {
		line = strings.TrimSuffix(line, "\n")
		if source, ok := strings.CutPrefix(line, "# "); ok {
			lists = append(lists, List{Name: names[len(lists)], Source: source})
			continue
		}
		last := &lists[len(lists)-1]
		id, title, _ := strings.Cut(line, "\t")
		last.Items = append(last.Items, Item{id, title})
	}
	return lists
})

// Lists returns the frameworks that attacks are held against: OWASP's lists for LLM applications and
// for agents of 2026, and the techniques of MITRE ATLAS 5.6.0.
func Lists() []List { return read() }

var titles = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, l := range Lists() {
		for _, i := range l.Items {
			out[i.ID] = i.Title
		}
	}
	return out
})

// Title is what an item is called, a sub-technique after its technique; "": it is unknown.
func Title(id string) string { return titles()[id] }
