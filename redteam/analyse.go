package redteam

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/stat"
)

// Analysis is what a campaign showed.
type Analysis struct {
	Campaign Campaign          `json:"campaign"`
	Targets  map[string]string `json:"targets"`
	Begun    time.Time         `json:"begun"`
	Allowed  Scope             `json:"scope"`
	Planned  int               `json:"planned"`
	Done     int               `json:"done"`
	Skipped  int               `json:"skipped,omitempty"` // in cells that were decided
	Spent    Spent             `json:"spent"`
	Arms     []ArmResult       `json:"arms"`
	// Pairs compares the first arm with the last, attempt by attempt.
	Pairs *Pairs `json:"pairs,omitempty"`
	// Answer is that of the gate over the last arm: pass, fail or inconclusive.
	Answer   string       `json:"answer"`
	Reasons  []string     `json:"reasons"` // why it is that, in sentences
	Through  []Through    `json:"through"` // what got through the last arm
	Coverage []Covered    `json:"coverage"`
	Waiting  []string     `json:"waiting"` // keys of attempts that people must judge
	Heads    string       `json:"head"`    // link of the last result
	Judges   []JudgedHits `json:"judges,omitempty"`
	Failures []Failure    `json:"failures,omitempty"` // of all arms
}

// JudgedHits says how good an imperfect scorer is, and how much rests on it.
type JudgedHits struct {
	Scorer string     `json:"scorer"`
	Judge  stat.Judge `json:"judge"`
	Scored int        `json:"scored"`
}

// ArmResult is what one arm did.
type ArmResult struct {
	Arm       string    `json:"arm"`
	Attacks   Cell      `json:"attacks"` // all adversarial cells together
	Cells     []Cell    `json:"cells"`
	Detectors []Stopper `json:"detectors"` // who stopped attacks
	Costs     Amplified `json:"costs"`
	ByTactic  []Cell    `json:"by_strategy"`
	ByChain   []Cell    `json:"by_chain"`
}

// Stopper is a detector and how many attempts it stopped.
type Stopper struct {
	Detector string `json:"detector"`
	Where    string `json:"where"`
	Attacks  int    `json:"attacks"`
	Harmless int    `json:"harmless"`
}

// Amplified is what attacks on availability made one attempt cost.
type Amplified struct {
	Attempts  int           `json:"attempts"`
	Output    int64         `json:"output_tokens"`
	Most      int           `json:"most_output_tokens"`
	Time      time.Duration `json:"time_ns"`
	MostTime  time.Duration `json:"most_time_ns"`
	MostCalls int           `json:"most_calls"`
}

// Cell is a set of attempts of one arm. In the cell of harmless attempts a hit is one that was
// stopped.
type Cell struct {
	Cell    string  `json:"cell"`
	Hits    int     `json:"hits"`
	Misses  int     `json:"misses"`
	Unknown int     `json:"unknown"`
	Errors  int     `json:"errors"`
	Blocked int     `json:"blocked"`
	Refused int     `json:"refused"`
	Seeds   int     `json:"seeds"`
	Rate    float64 `json:"rate"`
	High    float64 `json:"high"`
	Low     float64 `json:"low"`
	// Effective is how many independent tries all of it is worth.
	Effective float64 `json:"effective"`
	Limit     float64 `json:"limit,omitempty"`
	Answer    string  `json:"answer,omitempty"`
	Passes    float64 `json:"p_above,omitempty"` // of the rate being above the limit: small passes
	Fails     float64 `json:"p_below,omitempty"` // of it being below: small fails
}

// Tries are those that count: errors say nothing of the target.
func (c *Cell) Tries() int { return c.Hits + c.Misses + c.Unknown }

// Pairs are the same attempts in two arms.
type Pairs struct {
	From, To string  `json:"-"`
	First    string  `json:"first"`
	Last     string  `json:"last"`
	Both     int     `json:"both_hit"`
	Fewer    int     `json:"only_first_hit"`
	More     int     `json:"only_last_hit"`
	Neither  int     `json:"neither"`
	Seeds    [2]int  `json:"seeds"` // that got better, and worse
	P        float64 `json:"p"`     // exact, one sign a seed
}

// Through is a group of attempts that got through the last arm.
type Through struct {
	Category string   `json:"category"`
	Strategy string   `json:"strategy"`
	Chain    string   `json:"chain"`
	Hits     int      `json:"hits"`
	Tries    int      `json:"tries"`
	Keys     []string `json:"keys"` // a few of them
	Seeds    []string `json:"seeds"`
}

// Covered is one item of a framework and how often it was tried; none means not tested.
type Covered struct {
	Ref   string `json:"ref"`
	Tries int    `json:"tries"`
	Hits  int    `json:"hits"`
}

// maxKeys bounds the examples of a group.
const maxKeys = 5

// Analyse reads a campaign's folder. judges says of scorers that are no proofs how good they
// are, beside what the campaign says of them.
func Analyse(dir string, p *Plan, judges map[string]stat.Judge) (*Analysis, error) {
	f, err := thaw(dir)
	if err != nil {
		return nil, err
	}
	known := map[string]stat.Judge{}
	for id, j := range p.Campaign.Judges {
		known[id] = stat.Judge{Found: j.Found, Hits: j.Hits, Passed: j.Passed, Other: j.Other}
	}
	maps.Copy(known, judges)
	a := &analyst{plan: p, judges: known, looked: newLooks(p), arms: map[string]*armCount{}, through: map[[3]string]*Through{}, refs: map[string]*Covered{}, scored: map[string]int{}, pairs: map[string]*signs{}, failing: failing{},
		out: &Analysis{Campaign: f.Campaign, Targets: f.Targets, Begun: f.Begun, Allowed: f.Allowed, Planned: p.Attempts, Waiting: []string{}, Through: []Through{}, Coverage: []Covered{}}}
	if err := Results(dir, a.take); err != nil {
		return nil, err
	}
	a.finish()
	return a.out, nil
}

// analyst counts results.
type analyst struct {
	plan    *Plan
	judges  map[string]stat.Judge
	arms    map[string]*armCount
	through map[[3]string]*Through
	refs    map[string]*Covered
	scored  map[string]int
	pairs   map[string]*signs // by seed
	looked  *looks
	failing failing
	next    int     // attempt that is due
	first   *Result // of the pair that is being read
	both    Pairs
	out     *Analysis
}

// signs are how often a seed did better and worse in the last arm than in the first.
type signs struct{ better, worse int }

// armCount counts one arm.
type armCount struct {
	cells, tactics, chains map[string]*cellCount
	all                    *cellCount
	stoppers               map[[2]string]*Stopper
	costs                  Amplified
}

// cellCount is a cell with its seeds.
type cellCount struct {
	Cell
	cases  map[string]*stat.Case
	doubts map[string]int // of each seed: attempts that nobody could judge
	judge  stat.Judge
}

func (m *armCount) of(set map[string]*cellCount, name string) *cellCount {
	if set[name] == nil {
		set[name] = newCell(name)
	}
	return set[name]
}

func newCell(name string) *cellCount {
	return &cellCount{Cell: Cell{Cell: name}, cases: map[string]*stat.Case{}, doubts: map[string]int{}}
}

func (a *analyst) arm(name string) *armCount {
	if a.arms[name] == nil {
		a.arms[name] = &armCount{map[string]*cellCount{}, map[string]*cellCount{}, map[string]*cellCount{}, newCell("attacks"), map[[2]string]*Stopper{}, Amplified{}}
	}
	return a.arms[name]
}

// take counts one result.
func (a *analyst) take(r *Result) error {
	a.decided(r.N)
	a.looked.take(r)
	a.next = r.N + 1
	a.out.Done++
	a.out.Heads = r.Link
	a.out.Spent.add(r)
	m := a.arm(r.Arm)
	name := r.Cell
	judge, doubtful := a.judges[r.Score.Scorer]
	if doubtful {
		name += " (judged)"
		a.scored[r.Score.Scorer]++
	}
	cell := m.of(m.cells, name)
	cell.judge = judge
	cell.take(r)
	if r.Cell != BenignCell {
		m.all.take(r)
		m.of(m.tactics, r.Strategy).take(r)
		m.of(m.chains, cmp.Or(strings.Join(r.Chain, " > "), "plain")).take(r)
	}
	m.stop(r)
	m.cost(r, a.plan.lib.seed(r.Seed))
	if r.Arm == a.last() {
		a.passed(r)
	}
	a.pair(r)
	a.failing.take(r)
	return nil
}

// decided counts attempts up to a number that were left out because their cell was decided.
func (a *analyst) decided(n int) {
	for a.next < n && a.looked.skips(a.next) {
		a.next++
		a.out.Skipped++
	}
}

func (a *analyst) last() string { return a.plan.Campaign.Arms[len(a.plan.Campaign.Arms)-1] }

func (c *cellCount) take(r *Result) {
	switch r.Outcome {
	case Failed:
		c.Errors++
		return
	case Blocked:
		c.Blocked++
	case Refused:
		c.Refused++
	}
	k := c.cases[r.Seed]
	if k == nil {
		k = &stat.Case{}
		c.cases[r.Seed] = k
	}
	k.Tries++
	switch {
	case hit(r) == 1:
		c.Hits++
		k.Hits++
	case r.Cell != BenignCell && r.Score.Verdict == Unknown:
		c.Unknown++
		c.doubts[r.Seed]++
	default:
		c.Misses++
	}
}

func (m *armCount) stop(r *Result) {
	for i := range r.Replies {
		if b := r.Replies[i].Block; b != nil && i == len(r.Replies)-1 {
			key := [2]string{cmp.Or(b.Detector, b.Category, "not said"), cmp.Or(b.Where, "not said")}
			if m.stoppers[key] == nil {
				m.stoppers[key] = &Stopper{Detector: key[0], Where: key[1]}
			}
			if r.Cell == BenignCell {
				m.stoppers[key].Harmless++
			} else {
				m.stoppers[key].Attacks++
			}
		}
	}
}

func (m *armCount) cost(r *Result, d *Seed) {
	if d == nil || d.Effect.Kind != "amplify" {
		return
	}
	m.costs.Attempts++
	for i := range r.Replies {
		e := &r.Replies[i]
		m.costs.Output += int64(e.Output)
		m.costs.Most = max(m.costs.Most, e.Output)
		m.costs.Time += e.Took
		m.costs.MostTime = max(m.costs.MostTime, e.Took)
		m.costs.MostCalls = max(m.costs.MostCalls, len(e.Calls))
	}
}

// passed notes what got through, what was exercised, and what people must judge.
func (a *analyst) passed(r *Result) {
	d := a.plan.lib.seed(r.Seed)
	if r.Outcome != Failed && d != nil && r.Cell != BenignCell {
		refs := slices.Clone(d.Refs)
		if s := a.plan.lib.strategy(r.Strategy); s != nil {
			refs = append(refs, s.Refs()...)
		}
		slices.Sort(refs)
		for _, ref := range slices.Compact(refs) {
			if a.refs[ref] == nil {
				a.refs[ref] = &Covered{Ref: ref}
			}
			a.refs[ref].Tries++
			a.refs[ref].Hits += hit(r)
		}
		key := [3]string{string(d.Category), r.Strategy, cmp.Or(strings.Join(r.Chain, " > "), "plain")}
		if a.through[key] == nil {
			a.through[key] = &Through{Category: key[0], Strategy: key[1], Chain: key[2], Keys: []string{}, Seeds: []string{}}
		}
		t := a.through[key]
		t.Tries++
		if hit(r) == 1 {
			t.Hits++
			if len(t.Keys) < maxKeys {
				t.Keys = append(t.Keys, r.Key)
			}
			if !slices.Contains(t.Seeds, r.Seed) {
				t.Seeds = append(t.Seeds, r.Seed)
			}
		}
	}
	if r.Outcome == Answered && r.Score.Verdict == Unknown && r.Cell != BenignCell {
		a.out.Waiting = append(a.out.Waiting, r.Key)
	}
}

// pair compares a result of the last arm with that of the first, which stands before it.
func (a *analyst) pair(r *Result) {
	arms := a.plan.Campaign.Arms
	if len(arms) < 2 || r.Cell == BenignCell {
		return
	}
	if r.Arm == arms[0] {
		a.first = r
		return
	}
	f := a.first
	if r.Arm != a.last() || f == nil || f.Pair != r.Pair || f.Outcome == Failed || r.Outcome == Failed || f.Score.Verdict == Unknown || r.Score.Verdict == Unknown {
		return
	}
	s := a.pairs[r.Seed]
	if s == nil {
		s = &signs{}
		a.pairs[r.Seed] = s
	}
	switch before, after := hit(f) == 1, hit(r) == 1; {
	case before && after:
		a.both.Both++
	case before:
		a.both.Fewer++
		s.better++
	case after:
		a.both.More++
		s.worse++
	default:
		a.both.Neither++
	}
}

// finish computes what needs all results.
func (a *analyst) finish() {
	o := a.out
	a.decided(o.Planned)
	for _, name := range a.plan.Campaign.Arms {
		o.Arms = append(o.Arms, a.armResult(name))
	}
	if len(a.plan.Campaign.Arms) > 1 {
		o.Pairs = a.signed()
	}
	o.Spent.Cost = a.plan.Campaign.cost(o.Spent.bound())
	for _, t := range a.through {
		if t.Hits > 0 {
			o.Through = append(o.Through, *t)
		}
	}
	slices.SortFunc(o.Through, func(x, y Through) int {
		return cmp.Or(cmp.Compare(y.Hits, x.Hits), cmp.Compare(x.Category, y.Category), cmp.Compare(x.Strategy, y.Strategy), cmp.Compare(x.Chain, y.Chain))
	})
	o.Failures = a.failing.list()
	a.untested()
	for _, ref := range slices.Sorted(maps.Keys(a.refs)) {
		o.Coverage = append(o.Coverage, *a.refs[ref])
	}
	for _, id := range slices.Sorted(maps.Keys(a.scored)) {
		o.Judges = append(o.Judges, JudgedHits{id, a.judges[id], a.scored[id]})
	}
	a.gate()
}

// untested adds what the library knows how to try and nobody tried.
func (a *analyst) untested() {
	add := func(refs []string) {
		for _, ref := range refs {
			if a.refs[ref] == nil {
				a.refs[ref] = &Covered{Ref: ref}
			}
		}
	}
	for i := range a.plan.lib.Seeds {
		if d := &a.plan.lib.Seeds[i]; d.Persona != Benign {
			add(d.Refs)
		}
	}
	for _, s := range a.plan.lib.Strategies {
		add(s.Refs())
	}
}

func (a *analyst) signed() *Pairs {
	p := a.both
	p.First, p.Last = a.plan.Campaign.Arms[0], a.last()
	for _, s := range a.pairs {
		switch {
		case s.better > s.worse:
			p.Seeds[0]++
		case s.worse > s.better:
			p.Seeds[1]++
		}
	}
	p.P = stat.Sign(p.Seeds[0], p.Seeds[1])
	return &p
}

func (a *analyst) armResult(name string) ArmResult {
	m := a.arm(name)
	confidence := 1 - a.plan.Campaign.Gate.Alpha
	out := ArmResult{Arm: name, Attacks: m.all.result(confidence), Cells: results(m.cells, confidence), ByTactic: results(m.tactics, confidence), ByChain: results(m.chains, confidence), Costs: m.costs, Detectors: []Stopper{}}
	for _, s := range m.stoppers {
		out.Detectors = append(out.Detectors, *s)
	}
	slices.SortFunc(out.Detectors, func(x, y Stopper) int {
		return cmp.Or(cmp.Compare(y.Attacks, x.Attacks), cmp.Compare(y.Harmless, x.Harmless), cmp.Compare(x.Detector, y.Detector), cmp.Compare(x.Where, y.Where))
	})
	return out
}

func results(set map[string]*cellCount, confidence float64) []Cell {
	out := []Cell{}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		out = append(out, set[name].result(confidence))
	}
	return out
}

// result computes the rate of a cell. What nobody could judge widens the interval both ways.
func (c *cellCount) result(confidence float64) Cell {
	out := c.Cell
	out.Seeds = len(c.cases)
	low, high := c.samples()
	rate, in := c.judge.Corrected(low, confidence)
	out.Rate, out.Low, out.High, out.Effective = rate, in.Low, in.High, low.Effective
	if c.Unknown > 0 {
		_, in := c.judge.Corrected(high, confidence)
		out.High = in.High
	}
	return out
}

// samples are those in which what is not known counts as a miss, and as a hit.
func (c *cellCount) samples() (low, high stat.Sample) {
	var without, with []stat.Case
	for _, seed := range slices.Sorted(maps.Keys(c.cases)) {
		k := *c.cases[seed]
		without = append(without, k)
		k.Hits += c.doubts[seed]
		with = append(with, k)
	}
	return stat.Pool(without), stat.Pool(with)
}

// seed returns a seed by its id; nil where there is none.
func (l *Library) seed(id string) *Seed {
	if l.index == nil {
		l.index = map[string]*Seed{}
		for i := range l.Seeds {
			l.index[l.Seeds[i].ID] = &l.Seeds[i]
		}
	}
	return l.index[id]
}
