package app

import (
	"math"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/app/config"
)

// budgets are what a file says that systems may use.
func budgets(f *config.File) map[string]access.Budget {
	out := map[string]access.Budget{}
	for name, s := range f.Systems {
		b := access.Budget{System: limits(s.Budget.Whole()), Key: limits(s.Budget.PerKey), Person: limits(s.Budget.PerPerson)}
		if b != (access.Budget{}) {
			out[name] = b
		}
	}
	return out
}

func limits(l config.Limits) access.Limits {
	out := access.Limits{Requests: rate(l.Requests, 1_000_000), Tokens: rate(l.Tokens, 1_000_000), Money: rate(l.Money, 1)}
	if l.Parallel != nil {
		out.Parallel = *l.Parallel
	}
	return out
}

// rate takes a rate over in the unit that access counts in.
func rate(r config.Rate, per int64) access.Rate {
	unit, _ := access.ParseUnit(r.Per) // the file was checked
	return access.Rate{Amount: r.Micro / per, Per: unit}
}

// prices are what a file says that models cost.
func prices(f *config.File) map[string]*access.Price {
	out := map[string]*access.Price{}
	for name, m := range f.Models {
		if m.Price == nil {
			continue
		}
		p := &access.Price{Input: micro(m.Price.Input), Output: micro(m.Price.Output), CachedInput: micro(m.Price.Input)}
		if m.Price.CachedInput != nil {
			p.CachedInput = micro(m.Price.CachedInput)
		}
		out[name] = p
	}
	return out
}

func micro(v *float64) int64 { return int64(math.Round(*v * 1_000_000)) }
