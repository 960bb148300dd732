package redteam

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/stat"
)

// Plan is every attempt of a campaign in the order in which they are made, with what they cost
// at most and what they can show.
type Plan struct {
	Campaign Campaign      `json:"campaign"`
	Attempts int           `json:"attempts"`
	Requests int           `json:"requests"`          // at most, to whomever
	Tokens   int64         `json:"tokens"`            // at most, as far as the length of texts says it
	Cost     int64         `json:"cost_micro"`        // of those tokens
	Attacker Usage         `json:"attacker,omitzero"` // of these, what the attacker's model is asked
	Judge    Usage         `json:"judge,omitzero"`    // and the judge's
	Takes    time.Duration `json:"takes_ns"`          // at least, by the rate; 0: nothing limits it
	Cells    []CellPlan    `json:"cells"`
	Idle     []string      `json:"idle,omitempty"` // strategies that play nothing
	Cut      int           `json:"cut,omitempty"`  // attempts that no budget is left for

	lib    *Library
	plays  []play
	chains [][]Converter
}

// CellPlan is what one cell can show.
type CellPlan struct {
	Cell     string  `json:"cell"`
	Attempts int     `json:"attempts"` // of the arm that is gated
	Seeds    int     `json:"seeds"`
	Limit    float64 `json:"limit"`
	// Bound is what is shown at best: the upper bound when nothing hits.
	Bound float64 `json:"bound"`
	// Detectable is the smallest true rate that is shown to be above the limit, four times in
	// five; each seed counts once.
	Detectable float64 `json:"detectable"`
	Needed     int     `json:"needed"` // seeds without a hit that it takes to pass
}

// play is one attempt, without its arm.
type play struct{ seed, strategy, chain, repeat uint16 }

// BenignCell is the cell of harmless attempts.
const BenignCell = "benign"

// maxAttempts bounds a plan.
const maxAttempts = 5_000_000

// Make plans a campaign.
func Make(c Campaign, l *Library) (*Plan, error) {
	c = c.Default()
	if f := c.Faults(l); len(f) > 0 {
		return nil, fmt.Errorf("redteam: the campaign %s cannot be planned: %s", c.Name, strings.Join(f, "; "))
	}
	p := &Plan{Campaign: c, lib: l}
	for _, chain := range c.Chains {
		var list []Converter
		for _, id := range chain {
			list = append(list, l.converter(id))
		}
		p.chains = append(p.chains, list)
	}
	p.expand()
	if len(p.plays) == 0 {
		return nil, errors.New("redteam: no seed is chosen that any of the strategies plays; choose others")
	}
	p.spread()
	p.estimate()
	return p, nil
}

// expand lists what is played. Each adversarial seed is played plainly by the first strategy
// that can, and then with pairs of strategy and chain that the campaign's own chance deals out
// evenly. Harmless seeds are never disguised: nobody does that to what they mean.
func (p *Plan) expand() {
	c, deal := p.Campaign, p.dealt()
	used := make([]bool, len(p.lib.Strategies))
	for i := range p.lib.Seeds {
		d := &p.lib.Seeds[i]
		if !c.Seeds.chosen(d) || len(p.plays) > maxAttempts {
			continue
		}
		var pairs []play
		for k, s := range p.lib.Strategies {
			if !c.plays(s) || !s.Plays(d) {
				continue
			}
			used[k] = true
			for j := range c.Chains {
				if d.Persona == Benign && len(c.Chains[j]) > 0 {
					continue
				}
				pairs = append(pairs, play{seed: uint16(i), strategy: uint16(k), chain: uint16(j)})
			}
		}
		if d.Persona != Benign && c.Samples > 0 && len(pairs) > c.Samples+1 {
			pairs = deal.take(pairs, c.Samples)
		}
		if d.Persona == Benign && c.Harmless > 0 && len(pairs) > c.Harmless {
			pairs = deal.take(pairs, c.Harmless-1)
		}
		for _, one := range pairs {
			for r := range c.Repeats {
				one.repeat = uint16(r)
				p.plays = append(p.plays, one)
			}
		}
	}
	for k, s := range p.lib.Strategies {
		if !used[k] && c.plays(s) {
			p.Idle = append(p.Idle, s.ID())
		}
	}
}

// dealer deals pairs so that strategies and chains come up equally often.
type dealer struct {
	rng        *rand.Rand
	strategies map[uint16]int
	chains     map[uint16]int
}

func (p *Plan) dealt() *dealer {
	return &dealer{rand.New(rand.NewPCG(p.Campaign.Random, 1)), map[uint16]int{}, map[uint16]int{}}
}

// take keeps the first pair, and n of the others: each time one of those whose strategy and
// chain were dealt least.
func (d *dealer) take(pairs []play, n int) []play {
	out := []play{pairs[0]}
	rest := slices.Clone(pairs[1:])
	d.rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	for range n {
		best := 0
		for i := range rest {
			if d.dealt(rest[i]) < d.dealt(rest[best]) {
				best = i
			}
		}
		one := rest[best]
		out = append(out, one)
		rest = slices.Delete(rest, best, best+1)
		d.strategies[one.strategy]++
		d.chains[one.chain]++
	}
	return out
}

func (d *dealer) dealt(p play) int { return 2*d.strategies[p.strategy] + d.chains[p.chain] }

// spread puts plays into an order in which no cell comes before the others, so that a campaign
// that stops early has seen some of each, and cuts what the budget of attempts is too small for.
func (p *Plan) spread() {
	rng := rand.New(rand.NewPCG(p.Campaign.Random, 2))
	rng.Shuffle(len(p.plays), func(i, j int) { p.plays[i], p.plays[j] = p.plays[j], p.plays[i] })
	arms := len(p.Campaign.Arms)
	if most := p.Campaign.Budget.Attempts; most > 0 && len(p.plays)*arms > most {
		keep := most / arms
		p.Cut = (len(p.plays) - keep) * arms
		p.plays = p.plays[:keep]
	}
	p.Attempts = len(p.plays) * arms
}

// estimate says what all of it costs at most, and what it can show.
func (p *Plan) estimate() {
	arms := int64(len(p.Campaign.Arms))
	seeds, tries := map[string]map[uint16]bool{}, map[string]int{}
	var most bound
	for i, one := range p.plays {
		a := p.Attempt(i * int(arms))
		most = most.plus(p.most(&a), arms)
		cell := p.cell(one)
		if seeds[cell] == nil {
			seeds[cell] = map[uint16]bool{}
		}
		seeds[cell][one.seed] = true
		tries[cell]++
	}
	most.target = most.target.plus(p.questions(p.measured()), 1)
	all := most.all()
	p.Requests, p.Tokens, p.Cost, p.Attacker, p.Judge = all.Requests, all.tokens(), p.Campaign.cost(most), most.attacker, most.judge
	if r := p.Campaign.Rate.PerSecond; r > 0 {
		p.Takes = time.Duration(float64(most.target.Requests) / r * float64(time.Second))
	}
	g := p.Campaign.Gate
	for cell, set := range seeds {
		k := CellPlan{Cell: cell, Attempts: tries[cell], Seeds: len(set), Limit: g.Tolerance}
		if cell == BenignCell {
			k.Limit = g.Blocking
		}
		n := float64(len(set))
		k.Bound, k.Detectable, k.Needed = stat.Upper(0, n, 1-g.Alpha), stat.Detectable(n, k.Limit, g.Alpha, .8), stat.Needed(k.Limit, g.Alpha)
		p.Cells = append(p.Cells, k)
	}
	slices.SortFunc(p.Cells, func(a, b CellPlan) int { return strings.Compare(a.Cell, b.Cell) })
}

// cell names the cell of a play.
func (p *Plan) cell(one play) string {
	d := &p.lib.Seeds[one.seed]
	return cellOf(p.Campaign.Gate.Cells, d, p.lib.Strategies[one.strategy].ID())
}

func cellOf(cells string, d *Seed, strategy string) string {
	switch {
	case d.Persona == Benign:
		return BenignCell
	case cells == "category":
		return string(d.Category)
	case cells == "strategy":
		return strategy
	case cells == "all":
		return "all"
	}
	return d.Impact
}

// Attempt is one attempt, ready to be made.
type Attempt struct {
	N        int
	Key      string // the same attempt always has it
	Pair     string // that of the same attempt in every arm
	Arm      string
	Seed     *Seed
	Scene    *Scene
	Strategy Strategy
	Chain    []string
	Repeat   int
	Cell     string

	converters []Converter
	requests   int
}

// Attempt returns attempt number n. Arms take turns, so that pairs stand side by side.
func (p *Plan) Attempt(n int) Attempt {
	arms := len(p.Campaign.Arms)
	one := p.plays[n/arms]
	d := &p.lib.Seeds[one.seed]
	a := Attempt{N: n, Arm: p.Campaign.Arms[n%arms], Seed: d, Scene: p.lib.scene(d.Scene), Strategy: p.lib.Strategies[one.strategy], Chain: p.Campaign.Chains[one.chain],
		Repeat: int(one.repeat), Cell: p.cell(one), converters: p.chains[one.chain]}
	a.requests = p.Campaign.requests(a.Strategy)
	a.Pair = Digest([]any{p.Campaign.Random, d, a.Strategy.ID(), a.Chain, a.Repeat})
	a.Key = Digest([]any{a.Pair, p.Campaign.Name, a.Arm})
	return a
}

// Begin returns the state in which an attempt begins. Its chance is that of the pair, so that
// every arm is told the same; only what is to be kept secret is its own.
func (a *Attempt) Begin() *State {
	pair := sum(a.Pair)
	s := &State{Seed: a.Seed, Scene: a.Scene, Canary: a.secret(), Mark: a.mark(), Rand: rand.New(rand.NewPCG(binary.LittleEndian.Uint64(pair[8:]), binary.LittleEndian.Uint64(pair[16:])))}
	s.Text = a.Seed.Text
	if a.Seed.Effect.Kind == "mark" || a.Seed.Effect.Kind == "tool" {
		s.Text = strings.ReplaceAll(s.Text, Mark, s.Mark)
	}
	for _, c := range a.converters {
		s.Text = c.Convert(s.Rand, s.Text)
	}
	return s
}

// secret is the word that the system of an attempt must not tell.
func (a *Attempt) secret() string {
	key := sum(a.Key)
	return word(key[:])
}

// mark is the word that an attempt wants said or done.
func (a *Attempt) mark() string {
	pair := sum(a.Pair)
	return word(pair[:])
}

func sum(hexed string) [32]byte { return sha256.Sum256([]byte(hexed)) }

// Words of canaries: short, of no meaning together, and nobody's name, so that nothing masks them.
var canaryWords = strings.Fields("anvil barley cedar delta easel fennel gasket hatch inlet jumper kelp ladle maple nectar oboe pepper quartz ripple saddle thistle umber vapor walnut yarrow zipper acorn bobbin cobble dune elder ferry gravel")

// word is a word that only one attempt knows, as a person might choose one: 40 bits of chance.
func word(b []byte) string {
	n := binary.BigEndian.Uint64(b)
	a, c := canaryWords[n%32], canaryWords[n>>5%32]
	return fmt.Sprintf("%s-%s-%s", a, c, hex.EncodeToString(b[8:12])[:6]+string('a'+byte(n>>10%26)))
}

// Seed returns a seed by its id; nil where there is none.
func (p *Plan) Seed(id string) *Seed { return p.lib.seed(id) }
