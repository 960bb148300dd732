package redteam

import "github.com/bartizan-ai/bartizan/stat"

// looks stop cells that are decided. A look happens when all attempts before it are known, so
// that what is skipped follows from the results alone, and not from what came in first.
type looks struct {
	plan    *Plan
	at      []int // attempts before which there is a look
	done    int   // looks
	cells   map[string]map[string]*stat.Case
	decided map[string]bool
	arm     string
}

func newLooks(p *Plan) *looks {
	l := &looks{plan: p, cells: map[string]map[string]*stat.Case{}, decided: map[string]bool{}, arm: p.Campaign.Arms[len(p.Campaign.Arms)-1]}
	arms := len(p.Campaign.Arms)
	for i := 1; i < p.Campaign.Looks; i++ {
		l.at = append(l.at, p.Attempts*i/p.Campaign.Looks/arms*arms)
	}
	return l
}

// take counts a result of the arm that is gated.
func (l *looks) take(r *Result) {
	if len(l.at) == 0 || r.Arm != l.arm || r.Outcome == Failed {
		return
	}
	set := l.cells[r.Cell]
	if set == nil {
		set = map[string]*stat.Case{}
		l.cells[r.Cell] = set
	}
	c := set[r.Seed]
	if c == nil {
		c = &stat.Case{}
		set[r.Seed] = c
	}
	c.Tries++
	c.Hits += hit(r)
}

// hit counts what is bad in a cell: an attack that got through, or a harmless attempt that was
// stopped.
func hit(r *Result) int {
	if r.Cell == BenignCell && stopped(r) || r.Cell != BenignCell && r.Score.Verdict == Hit {
		return 1
	}
	return 0
}

// stopped reports whether a harmless attempt was stopped by the guard.
func stopped(r *Result) bool { return r.Outcome == Blocked }

// waits reports whether everything before an attempt must be known first.
func (l *looks) waits(n int) bool {
	return l.done < len(l.at) && n >= l.at[l.done]
}

// skips reports whether an attempt is in a cell that is decided. It looks, where it is time.
func (l *looks) skips(n int) bool {
	for l.done < len(l.at) && n >= l.at[l.done] {
		l.done++
		l.look()
	}
	return len(l.decided) > 0 && l.decided[l.plan.cell(l.plan.plays[n/len(l.plan.Campaign.Arms)])]
}

// look decides what it can with the part of alpha that this look may spend.
func (l *looks) look() {
	g := l.plan.Campaign.Gate
	alpha := stat.Spend(g.Alpha, l.done, l.plan.Campaign.Looks) / float64(max(len(l.plan.Cells), 1))
	for cell, set := range l.cells {
		var cases []stat.Case
		for _, c := range set {
			cases = append(cases, *c)
		}
		t := stat.Against(stat.Pool(cases), stat.Judge{}, l.plan.limit(cell), alpha)
		if t.Fails <= alpha || t.Passes <= alpha {
			l.decided[cell] = true
		}
	}
}

// limit is the rate that a cell is held against.
func (p *Plan) limit(cell string) float64 {
	if cell == BenignCell {
		return p.Campaign.Gate.Blocking
	}
	return p.Campaign.Gate.Tolerance
}
