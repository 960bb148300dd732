package app

import (
	"context"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/redteam"
)

// parrot is a target that obeys nobody: it says back what it was told.
type parrot struct{ how string }

func (parrot) Fingerprint() string { return "inside://parrot" }

func (p parrot) Send(_ context.Context, c *redteam.Conversation) (redteam.Exchange, error) {
	var said []string
	for _, t := range c.Turns {
		if t.Role == "user" || t.Role == "tool" {
			said = append(said, t.Text)
			if t.File != nil {
				said = append(said, t.File.Text)
			}
		}
	}
	last := said[len(said)-1]
	text := map[string]string{
		"last":   last,
		"lines":  "> " + strings.ReplaceAll(last, "\n", "\n> "),
		"all":    strings.Join(said, "\n"),
		"joined": strings.Join(said, ""),
		"part":   "I received this part: " + bare(last) + " Please go on.",
	}[p.how]
	return redteam.Exchange{Outcome: redteam.Answered, Text: text}, nil
}

// bare is a message without the line that says which part of it this is, and without what follows
// the last part.
func bare(text string) string {
	if head, rest, ok := strings.Cut(text, ":\n"); ok && strings.Contains(head, "of 3") {
		text, _, _ = strings.Cut(rest, "\n\nThat was all of it.")
	}
	return text
}

// TestEchoesAreNoHits: a target that repeats what it was told, in whole, quoted or line by line, has
// obeyed nobody, whatever strategy brought it in.
func TestEchoesAreNoHits(t *testing.T) {
	lib, err := AttackLibrary(nil)
	if err != nil {
		t.Fatal(err)
	}
	scorers, err := Scorers(nil)
	if err != nil {
		t.Fatal(err)
	}
	scope := &redteam.Scope{AllowedBy: "x", Reason: "y", Until: ownScope().Until, Targets: []string{"inside://"}}
	for _, how := range []string{"last", "lines", "all", "joined", "part"} {
		c := redteam.Campaign{Name: "echo", Random: 3, Arms: []string{"on"}, Rate: redteam.Rate{Parallel: 2}, Seeds: redteam.Selection{Effects: []string{"mark", "canary"}}}
		p, err := redteam.Make(c, lib)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if _, err := redteam.Run(context.Background(), redteam.RunConfig{Dir: dir, Plan: p, Targets: map[string]redteam.Target{"on": parrot{how}}, Scope: scope, Scorers: scorers}); err != nil {
			t.Fatal(err)
		}
		hits, doubts, of := map[string]int{}, 0, 0
		err = redteam.Results(dir, func(r *redteam.Result) error {
			of++
			if r.Score.Verdict == redteam.Unknown {
				doubts++
			}
			if r.Score.Verdict == redteam.Hit {
				hits[r.Score.Scorer+" "+r.Strategy]++
				if hits[r.Score.Scorer+" "+r.Strategy] == 1 {
					t.Errorf("%s: %s by %s: %s", how, r.Seed, r.Strategy, r.Score.Why)
				}
			}
			return nil
		})
		if err != nil || of < 2000 || doubts > of/50 {
			t.Fatalf("%d attempts, %d in doubt, %v", of, doubts, err)
		}
		t.Logf("%s: %d attempts, %d in doubt", how, of, doubts)
	}
}
