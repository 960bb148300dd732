package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/redteam"
)

type redteamLibrary struct{ outputFlag }

// Help is shown by -h.
func (redteamLibrary) Help() string {
	return "Example:\n  bartizan redteam library\n  bartizan redteam library -o json\n\nStrategies that need an attacker's model play only in campaigns that have an attacker block."
}

// listing is what campaigns are made of.
type listing struct {
	Strategies []listedStrategy `json:"strategies"`
	Converters []string         `json:"converters"`
	Scorers    []string         `json:"scorers"`
	Seeds      int              `json:"seeds"`
	Harmless   int              `json:"harmless"` // of the seeds
}

type listedStrategy struct {
	ID       string   `json:"id"`
	Requests int      `json:"requests"` // at most, of one attempt
	Attacker bool     `json:"attacker"` // it needs an attacker's model
	Refs     []string `json:"refs"`
}

// Run implements the command.
func (c *redteamLibrary) Run(s *streams) error {
	lib, err := app.AttackLibrary(nil)
	if err != nil {
		return err
	}
	scorers, err := app.ScorersOf(&redteam.Campaign{Judge: &redteam.Endpoint{}}, nil)
	if err != nil {
		return err
	}
	l := listed(lib, scorers)
	if c.Output == "json" {
		return printJSON(s, l)
	}
	t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "STRATEGY\tREQUESTS\tNEEDS\tREFERENCES")
	for _, k := range l.Strategies {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", k.ID, k.Requests, map[bool]string{true: "an attacker's model"}[k.Attacker], strings.Join(k.Refs, " "))
	}
	_ = t.Flush()
	fmt.Fprintf(s.out, "\n%d converters: %s\n\n%d scorers: %s\n\n%d seeds, %d of them harmless.\n", len(l.Converters), strings.Join(l.Converters, " "), len(l.Scorers), strings.Join(l.Scorers, " "), l.Seeds, l.Harmless)
	return nil
}

func listed(lib *redteam.Library, scorers []redteam.Scorer) listing {
	l := listing{Seeds: len(lib.Seeds)}
	for _, st := range lib.Strategies {
		_, asks := st.(redteam.Adaptive)
		l.Strategies = append(l.Strategies, listedStrategy{st.ID(), st.Requests(), asks, st.Refs()})
	}
	for _, v := range lib.Converters {
		l.Converters = append(l.Converters, v.ID())
	}
	for _, k := range scorers {
		l.Scorers = append(l.Scorers, k.ID())
	}
	for i := range lib.Seeds {
		if lib.Seeds[i].Persona == redteam.Benign {
			l.Harmless++
		}
	}
	return l
}
