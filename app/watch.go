package app

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/gateway"
)

// watch is what the desk shows of the rest of the house.
func (a *App) watch() desk.Watch {
	return desk.Watch{Records: a.ledger, Providers: a.providers, Notices: a.notices, Labels: func() []string { return a.plan.Load().file.Order() }, Keeping: a.keeping, Conformance: conformance, Spent: a.budgets.Spent, Allowances: a.allowances}
}

// providers are those of the configuration, with how they do.
func (a *App) providers() []desk.Provider {
	f := a.file.Load()
	out := make([]desk.Provider, 0, len(f.Providers))
	for name, p := range f.Providers {
		out = append(out, desk.Provider{Name: name, Dialect: p.Dialect, Handling: desk.Handling(p.Handling), Uses: uses(f, name), State: "unknown", Failed: []desk.Failure{}})
	}
	slices.SortFunc(out, func(x, y desk.Provider) int { return strings.Compare(x.Name, y.Name) })
	for _, h := range a.gate.Health() {
		if i := slices.IndexFunc(out, func(p desk.Provider) bool { return p.Name == h.Provider }); i >= 0 {
			out[i].State, out[i].Opens, out[i].P50, out[i].P95 = h.State, h.Opens, h.P50, h.P95
			out[i].Calls, out[i].Failures, out[i].Input, out[i].Output, out[i].Cost = h.Calls, h.Failures, h.Input, h.Output, h.Cost
			for _, e := range h.Last {
				out[i].Failed = append(out[i].Failed, desk.Failure(e))
			}
		}
	}
	return out
}

// uses lists the models that a provider serves, by name. A call is tried only where
// its dialect is spoken, so the others have no place in the order.
func uses(f *config.File, provider string) []desk.Use {
	out := []desk.Use{}
	for name, m := range f.Models {
		same, mine := 0, []desk.Use{}
		for _, try := range m.Try {
			p, as := config.Candidate(try, name)
			if f.Providers[p].Dialect != f.Providers[provider].Dialect {
				continue
			}
			if same++; p == provider {
				mine = append(mine, desk.Use{Model: name, As: as, Place: same})
			}
		}
		for _, u := range mine {
			u.Of = same
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(x, y desk.Use) int {
		return cmp.Or(strings.Compare(x.Model, y.Model), cmp.Compare(x.Place, y.Place))
	})
	return out
}

// allowances say how a system stands to its own limits. Those of its keys and
// people are as many as they are, and not shown.
func (a *App) allowances(ctx context.Context, system string) ([]desk.Allowance, error) {
	limits := budgets(a.file.Load())[system].System
	all := []struct {
		counts string
		access.Rate
	}{{"requests", limits.Requests}, {"tokens", limits.Tokens}, {"money", limits.Money}}
	out := []desk.Allowance{}
	for _, l := range all {
		if l.Amount > 0 {
			out = append(out, desk.Allowance{Counts: l.counts, Per: l.Per.String(), Limit: l.Amount})
		}
	}
	if len(out) == 0 {
		return out, nil
	}
	periods, err := a.budgets.Periods(ctx, system)
	if err != nil {
		return nil, err
	}
	for i := range out {
		for _, p := range periods {
			if p.Scope == "system "+system && p.Counts == out[i].Counts+"/"+out[i].Per {
				out[i].Spent, out[i].Ends = p.Spent, p.Ends
			}
		}
	}
	return out, nil
}

// conformance is the matrix that the gate's tests measured.
func conformance() ([]desk.Place, error) {
	rows, err := gateway.Conformance()
	if err != nil {
		return nil, err
	}
	out := make([]desk.Place, len(rows))
	for i, r := range rows {
		out[i] = desk.Place{Dialect: r.Dialect, Side: r.Side, Name: r.Place}
		for _, c := range r.Cells {
			out[i].Cells = append(out[i].Cells, desk.Cell(c))
		}
	}
	return out, nil
}
