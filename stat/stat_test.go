package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s is %.6f, want %.6f", what, got, want)
	}
}

// TestExact compares with published values and with the binomial sums themselves.
func TestExact(t *testing.T) {
	in := Exact(7, 50, .95)
	near(t, "low of 7 in 50", in.Low, .0581917, 1e-6)
	near(t, "high of 7 in 50", in.High, .2673960, 1e-6)
	if in := Exact(0, 0, .95); in != Whole {
		t.Errorf("of nothing: %v", in)
	}
	near(t, "0 of 30, one side", Upper(0, 30, .95), .0950, 5e-5)
	near(t, "all of 30, one side", Lower(30, 30, .95), .9050, 5e-5)
	for n, bound := range map[float64]float64{59: .05, 299: .01, 598: .005} {
		if Upper(0, n, .95) > bound || Upper(0, n-1, .95) <= bound {
			t.Errorf("%v tries without a hit are the first below %v", n, bound)
		}
		if got := Needed(bound, .05); got != int(n) {
			t.Errorf("%d tries are needed for %v, want %v", got, bound, n)
		}
	}
	for _, n := range []int{1, 5, 40, 300} {
		for k := 0; k <= n; k += 1 + n/7 {
			for _, p := range []float64{.001, .03, .5, .97} {
				sum := 0.
				for i := 0; i <= k; i++ {
					sum += choose(n, i) * math.Pow(p, float64(i)) * math.Pow(1-p, float64(n-i))
				}
				near(t, fmt.Sprintf("P(X<=%d) of %d at %v", k, n, p), AtMost(float64(k), float64(n), p), sum, 1e-9)
				near(t, fmt.Sprintf("P(X>%d) of %d at %v", k, n, p), AtLeast(float64(k+1), float64(n), p), 1-sum, 1e-9)
			}
		}
	}
}

func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(a - b - c)
}

func TestSign(t *testing.T) {
	for pair, want := range map[[2]int]float64{{0, 0}: 1, {5, 0}: .0625, {6, 0}: .03125, {0, 6}: .03125, {10, 2}: .03857421875, {3, 3}: 1} {
		near(t, fmt.Sprint(pair), Sign(pair[0], pair[1]), want, 1e-9)
	}
}

func TestHolm(t *testing.T) {
	for i, want := range []float64{.03, .06, .06, .02} {
		near(t, fmt.Sprint("p of ", i), Holm([]float64{.01, .04, .03, .005})[i], want, 1e-12)
	}
	if got := Holm(nil); len(got) != 0 {
		t.Error(got)
	}
	near(t, "a large one", Holm([]float64{.9, .8})[0], 1, 0)
}

func TestPool(t *testing.T) {
	same := make([]Case, 20) // ten that always hit, ten that never do
	for i := range same {
		same[i] = Case{Hits: 5 * (i % 2), Tries: 5}
	}
	if s := Pool(same); s.Effective > 20 || s.Effective < 10 || s.Tries != 100 || s.Hits != 50 {
		t.Errorf("repeats that never differ: %+v", s)
	}
	for i := range same {
		same[i].Hits = 0
	}
	if s := Pool(same); s.Effective != 20 {
		t.Errorf("without a hit each case counts once: %+v", s)
	}
	once := make([]Case, 50)
	once[3].Hits = 1
	for i := range once {
		once[i].Tries = 1
	}
	if s := Pool(once); s.Effective != 50 || s.Interval(.95) != Exact(1, 50, .95) {
		t.Errorf("nothing repeats: %+v", s)
	}
	if s := Pool(nil); s.Interval(.95) != Whole || s.Rate() != 0 {
		t.Errorf("%+v", s)
	}
	if s := Pool([]Case{{2, 4}}); s.Effective != 1 {
		t.Errorf("one case: %+v", s)
	}
	near(t, "Student's .975 at 10", tQuantile(.975, 10), 2.2281, 1e-4)
	near(t, "Student's .975 at 2", tQuantile(.975, 2), 4.3027, 1e-4)
}

// campaigns is how many are simulated for each case; the allowance is what chance does to a
// rate of 5 % among so many, at more than three standard errors.
const (
	campaigns = 4000
	allowance = .012
)

// drawn are cases whose own rates differ: a beta distribution around rate, whose spread is the
// correlation of repeats within a case.
func drawn(r *rand.Rand, cases, repeats int, rate, correlation float64) []Case {
	out := make([]Case, cases)
	for i := range out {
		own := rate
		if correlation > 0 {
			k := (1 - correlation) / correlation
			own = betaDraw(r, rate*k, (1-rate)*k)
		}
		out[i].Tries = repeats
		for range repeats {
			if r.Float64() < own {
				out[i].Hits++
			}
		}
	}
	return out
}

// betaDraw draws by the quantile, which is slow and right.
func betaDraw(r *rand.Rand, a, b float64) float64 { return betaQuantile(r.Float64(), a, b) }

// TestIntervalsCover: the interval misses the true rate no more often than it says, however
// repeats hang together, near 0 and near 1 too.
func TestIntervalsCover(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		cases, repeats    int
		rate, correlation float64
	}{{60, 1, .02, 0}, {60, 1, .5, 0}, {300, 1, .005, 0}, {40, 5, .1, 0}, {40, 5, .1, .3}, {40, 5, .5, .9}, {40, 5, .03, .6}, {100, 3, .9, .5}, {12, 4, .2, .4}} {
		missed := 0
		n := campaigns
		if c.correlation > 0 {
			n = 2000
		}
		for range n {
			in := Pool(drawn(r, c.cases, c.repeats, c.rate, c.correlation)).Interval(.95)
			if c.rate < in.Low || c.rate > in.High {
				missed++
			}
		}
		if share := float64(missed) / float64(n); share > .05+allowance*math.Sqrt(float64(campaigns)/float64(n)) {
			t.Errorf("%+v: %.3f of the intervals miss the rate", c, share)
		} else {
			t.Logf("%+v: %.3f miss", c, share)
		}
	}
}

// TestJudgesAreCorrected: with a judge that errs, and whose errors are known from a few
// examples only, the corrected interval still holds the true rate, and the uncorrected one
// does not.
func TestJudgesAreCorrected(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		rate, se, sp float64
		labelled, n  int
	}{{.05, .8, .9, 100, 200}, {.3, .7, .95, 60, 300}, {.6, .9, .6, 80, 200}, {0, .8, .9, 50, 100}, {1, .8, .9, 50, 100}, {.2, .55, .5, 30, 100}} {
		missed, naive := 0, 0
		for range campaigns {
			j := Judge{Hits: c.labelled, Other: c.labelled, Found: draw(r, c.labelled, c.se), Passed: draw(r, c.labelled, c.sp)}
			hits := draw(r, c.n, c.rate*c.se+(1-c.rate)*(1-c.sp))
			s := Sample{Hits: hits, Tries: c.n, Cases: c.n, Effective: float64(c.n)}
			rate, in := j.Corrected(s, .95)
			if c.rate < in.Low || c.rate > in.High {
				missed++
			}
			if u := s.Interval(.95); c.rate < u.Low || c.rate > u.High {
				naive++
			}
			if in.Low > rate || rate > in.High {
				t.Fatalf("%+v: %v is not in %v", c, rate, in)
			}
		}
		if share := float64(missed) / campaigns; share > .05+allowance {
			t.Errorf("%+v: %.3f of the intervals miss the rate", c, share)
		} else {
			t.Logf("%+v: %.3f miss, %.3f without the correction", c, share, float64(naive)/campaigns)
		}
	}
	if rate, in := (Judge{Found: 1, Hits: 2, Passed: 1, Other: 2}).Corrected(Sample{5, 10, 10, 10}, .95); in != Whole || rate != 0 {
		t.Errorf("a coin says %v %v", rate, in)
	}
	if _, in := (Judge{Found: 1, Hits: 2}).Corrected(Sample{5, 10, 10, 10}, .95); in != Whole {
		t.Errorf("half a judge says %v", in)
	}
}

func draw(r *rand.Rand, n int, p float64) (k int) {
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}

// TestGateHoldsItsErrors: over simulated campaigns, the gate fails one whose cells are all at
// the tolerance, and passes one with a cell just above it, no more often than alpha.
func TestGateHoldsItsErrors(t *testing.T) {
	const alpha, tolerance = .05, .1
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		name  string
		rates []float64
		n     int
		judge bool
		wrong Answer
	}{
		{"all at the tolerance must not fail", []float64{.1, .1, .1, .1, .1, .1, .1, .1}, 120, false, Above},
		{"one at the tolerance must not pass", []float64{.1, 0, 0, 0}, 120, false, Below},
		{"a judge that errs must not make it fail", []float64{.1, .1, .1}, 150, true, Above},
		{"a judge that errs must not make it pass", []float64{.1, 0}, 150, true, Below},
	} {
		wrong := 0
		for range campaigns {
			var tests []Test
			for _, rate := range c.rates {
				j, seen := Judge{}, rate
				if c.judge {
					j = Judge{Hits: 80, Other: 120, Found: draw(r, 80, .85), Passed: draw(r, 120, .95)}
					seen = rate*.85 + (1-rate)*.05
				}
				hits := draw(r, c.n, seen)
				tests = append(tests, Against(Sample{hits, c.n, c.n, float64(c.n)}, j, tolerance, alpha))
			}
			if got, _ := Gate(tests, alpha); got == c.wrong {
				wrong++
			}
		}
		if share := float64(wrong) / campaigns; share > alpha+allowance {
			t.Errorf("%s: %.3f did", c.name, share)
		} else {
			t.Logf("%s: %.3f did", c.name, share)
		}
	}
}

// TestGateDecides: what is clear is said, and what is not is left open.
func TestGateDecides(t *testing.T) {
	at := func(hits, tries int) Test {
		return Against(Sample{hits, tries, tries, float64(tries)}, Judge{}, .05, .05)
	}
	for _, c := range []struct {
		tests []Test
		want  Answer
	}{
		{[]Test{at(0, 59), at(0, 100)}, Below},
		{[]Test{at(0, 58)}, Open},
		{[]Test{at(0, 59), at(1, 59)}, Open},
		{[]Test{at(0, 59), at(12, 59)}, Above},
		{[]Test{at(0, 0)}, Open},
		{nil, Open},
	} {
		if got, _ := Gate(c.tests, .05); got != c.want {
			t.Errorf("%+v: %v, want %v", c.tests, got, c.want)
		}
	}
}

// TestLooking: whoever looks ten times and stops at the first answer errs no more often for it;
// who spends all of alpha at each look does.
func TestLooking(t *testing.T) {
	const alpha, tolerance, looks, each = .05, .1, 10, 30
	r := rand.New(rand.NewPCG(7, 8))
	spent, greedy := 0, 0
	for range campaigns {
		hits, stopped, greedily := 0, false, false
		for look := 1; look <= looks; look++ {
			hits += draw(r, each, tolerance)
			n := look * each
			p := Against(Sample{hits, n, n, float64(n)}, Judge{}, tolerance, alpha).Fails
			stopped = stopped || p <= Spend(alpha, look, looks)
			greedily = greedily || p <= alpha
		}
		if stopped {
			spent++
		}
		if greedily {
			greedy++
		}
	}
	t.Logf("%.3f with spending, %.3f without", float64(spent)/campaigns, float64(greedy)/campaigns)
	if float64(spent)/campaigns > alpha+allowance || float64(greedy)/campaigns < 2*alpha {
		t.Error("looking costs what it should not, or the test tests nothing")
	}
	sum := 0.
	for look := 1; look <= looks; look++ {
		sum += Spend(alpha, look, looks)
	}
	near(t, "all that is spent", sum, alpha, 1e-12)
}

func TestDetectable(t *testing.T) {
	r := Detectable(200, .05, .05, .8)
	if r < .08 || r > .13 {
		t.Errorf("200 tries detect %.3f", r)
	}
	if again := Detectable(2000, .05, .05, .8); again >= r {
		t.Errorf("2000 tries detect no more: %.3f", again)
	}
	if got := Detectable(0, .05, .05, .8); got != 1 {
		t.Errorf("no try detects %v", got)
	}
}

// TestCusum: a change is seen soon, and without one an alarm is rare.
func TestCusum(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	run := func(rate float64) (n int) {
		c := Cusum{Usual: .02, Worse: .2, H: 4.5}
		for n = 1; n < 100_000; n++ {
			if c.Add(rng.Float64() < rate) {
				return n
			}
		}
		return n
	}
	quiet, loud := 0, 0
	for range 300 {
		quiet += run(.02)
		loud += run(.5)
	}
	t.Logf("on average an alarm after %d tries as usual, after %d when it is worse", quiet/300, loud/300)
	if quiet/300 < 1000 || loud/300 > 20 {
		t.Error("that is no use")
	}
}
