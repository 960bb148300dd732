package detect

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Bounds on what is put together, so that the work grows with the text and no faster.
const (
	maxPieces  = 64
	maxPiece   = 400
	maxPayload = 4 << 10
	maxScanned = 64 << 10  // of a text
	maxSpread  = 256 << 10 // of all texts, the latest
	maxTries   = 24        // of a request
	maxSums    = 8         // of a text
)

// leastSure is the confidence from which what was put together is an attack.
const leastSure = .7

const quotes = "\"'`“”‘’«»„"

var (
	// a = "ignore all", let b be 'previous', c: “rules”
	given = regexp.MustCompile(`(?i)([\pL_][\pL\d_]{0,15})[%}]?\s{0,3}(?::=|=|:|\bis\b|\bbe\b|\bist\b|\best\b|\bes\b)\s{0,3}[` + quotes + `]([^` + quotes + `\n]{1,400})[` + quotes + `]`)
	// part 1: ignore all ... ; the second half is "previous"; remember "rules"
	labelled = regexp.MustCompile(`^[\pL]+[^:=` + quotes + `\n]{0,24}(?:[:=]\s{0,3}|[` + quotes + `])[` + quotes + `]?([^\n` + quotes + `]{1,400})`)
	inSum    = regexp.MustCompile(`[\pL_][\pL\d_]{0,15}`)
)

// pieces is what users said to keep.
type pieces struct {
	named map[string]string
	order []string // as they were said
	base  []string // what looks encoded
	tries int
}

// splitPayload puts pieces together that users spread over a message or a conversation, and
// looks at the result as if it had been said.
func splitPayload(ctx context.Context, turns []turn) ([]risk.Finding, error) {
	turns = turns[latest(turns):]
	if !puttingTogether(turns) {
		return nil, nil
	}
	p := pieces{named: map[string]string{}}
	var out []risk.Finding
	for i := range turns {
		if !turns[i].user {
			continue
		}
		for _, v := range turns[i].views {
			p.collect(v)
			f, err := p.worst(ctx, v, turns[i].has[joining] > 0)
			if err != nil {
				return out, err
			}
			if f.Confidence > 0 {
				out = append(out, v.Finding(f.Category, 0, len(v.Text), f.Confidence))
			}
		}
	}
	return out, nil
}

// latest returns where the turns begin that are read.
func latest(turns []turn) int {
	left := maxSpread
	for i := len(turns) - 1; i >= 0; i-- {
		if left -= turns[i].length(); turns[i].user && left < 0 {
			return min(i+1, len(turns)-1)
		}
	}
	return 0
}

// puttingTogether reports whether a user says anything to that effect; most do not.
func puttingTogether(turns []turn) bool {
	for i := range turns {
		if !turns[i].user {
			continue
		}
		if turns[i].has[joining] > 0 {
			return true
		}
		for _, v := range turns[i].views {
			if len(sums(v.Text[:min(len(v.Text), maxScanned)])) > 0 {
				return true
			}
		}
	}
	return false
}

// collect keeps the pieces that a text gives.
func (p *pieces) collect(v *guard.View) {
	s := v.Text[:min(len(v.Text), maxScanned)]
	for line := range strings.Lines(s) {
		if len(line) > 2*maxPiece || !strings.ContainsAny(line, quotes) {
			continue
		}
		for _, m := range given.FindAllStringSubmatch(line, maxPieces) {
			if p.keep(m[2]) {
				p.named[strings.ToLower(m[1])] = strings.TrimSpace(m[2])
			}
		}
	}
	for _, h := range v.Hits {
		if w := &spokenWords[h.Literal]; w.talk == keeping && h.End < len(s) && w.stands(v.Text, h) {
			if m := labelled.FindStringSubmatch(s[h.Start:min(len(s), h.End+maxPiece)]); m != nil {
				p.keep(m[1])
			}
		}
	}
	p.base = append(p.base, runs(s)[:min(len(runs(s)), maxPieces-min(maxPieces, len(p.base)))]...)
}

// keep adds a piece, unless it is there or there are too many.
func (p *pieces) keep(text string) bool {
	text = strings.TrimSpace(text)
	if text == "" || len(p.order) >= maxPieces {
		return false
	}
	if n := len(p.order); n == 0 || p.order[n-1] != text {
		p.order = append(p.order, text)
	}
	return true
}

// runs returns what may be encoded: letters and digits in a row that are no words.
func runs(s string) []string {
	var out []string
	for at := 0; at < len(s) && len(out) < maxPieces; {
		end := at
		for end < len(s) && (isAlnum(s[end]) || s[end] == '+' || s[end] == '/' || s[end] == '=') {
			end++
		}
		if run := s[at:end]; len(run) >= 8 && mixed(run) {
			out = append(out, run)
		}
		at = end + 1
	}
	return out
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// mixed reports whether a run has digits, marks, or capitals inside.
func mixed(s string) bool {
	return strings.ContainsAny(s, "0123456789+/=") || strings.ToLower(s[1:]) != s[1:] && strings.ToUpper(s) != s
}

// sums returns what a text adds up, as a + b + c or {a}{b}, by name.
func sums(s string) [][]string {
	var out [][]string
	for at := 0; len(out) < maxSums; {
		i := strings.IndexAny(s[at:], "+}")
		if i < 0 {
			return out
		}
		at += i + 1
		from, to := at-1, at
		for from > 0 && at-from < 200 && isSum(s[from-1]) {
			from--
		}
		for to < len(s) && to-at < 400 && isSum(s[to]) {
			to++
		}
		if all := inSum.FindAllString(s[from:to], maxPieces); len(all) >= 2 && (s[at-1] == '+' || strings.Count(s[from:to], "{") >= 2) {
			out = append(out, all)
		}
		at = to
	}
	return out
}

// isSum reports what a sum of names is written with.
func isSum(c byte) bool {
	return isAlnum(c) || c == '_' || c == '+' || c == '{' || c == '}' || c == '$' || c == '%' || c == ' ' || c >= 0x80
}

// worst tries what a text says to put together, glued and with blanks.
func (p *pieces) worst(ctx context.Context, v *guard.View, together bool) (risk.Finding, error) {
	var lists [][]string
	for _, sum := range sums(v.Text[:min(len(v.Text), maxScanned)]) {
		var parts []string
		for _, name := range sum {
			if text, ok := p.named[strings.ToLower(name)]; ok {
				parts = append(parts, text)
			}
		}
		lists = append(lists, parts)
	}
	if together {
		lists = append(lists, p.order, p.base)
	}
	for _, parts := range lists {
		if len(parts) < 2 {
			continue
		}
		for _, sep := range []string{" ", ""} {
			f, err := p.try(ctx, parts, sep)
			if err != nil || f.Confidence > 0 {
				return f, err
			}
		}
	}
	return risk.Finding{}, nil
}

// try looks at parts put together. Where most of them say it alone it is no secret, and the
// messages that they stand in were judged for it.
func (p *pieces) try(ctx context.Context, parts []string, sep string) (risk.Finding, error) {
	whole := strings.Join(parts, sep)
	if p.tries++; len(whole) > maxPayload || p.tries > maxTries {
		return risk.Finding{}, nil
	}
	f, err := saidWhole(ctx, whole)
	if err != nil || f.Confidence < leastSure {
		return risk.Finding{}, err
	}
	// Every part that says it too takes away from what they say together only.
	alone := 0
	for _, part := range parts {
		one, err := saidWhole(ctx, part)
		if err != nil {
			return risk.Finding{}, err
		}
		if one.Confidence >= leastSure {
			alone++
		}
	}
	if alone == len(parts) || len(parts) > 2 && alone*2 > len(parts) {
		return risk.Finding{}, nil
	}
	// Whoever cuts an order into pieces means to hide it.
	f.Confidence = sureness(1.2 * (f.Confidence - leastSure) / (1 - leastSure))
	return f, nil
}

// single is an engine of the rules: what the models make of a few words means little.
var single = sync.OnceValues(func() (*guard.Compiled, error) {
	e, err := guard.New(guard.Config{Detectors: Rules()})
	if err != nil {
		return nil, err
	}
	all := map[string]guard.Lines{"user": {Observe: faint}}
	return e.Compile("pieces", guard.Policy{Thresholds: map[string]map[string]guard.Lines{"attack": all}})
})

// saidWhole returns the worst that is found in a text that somebody put together.
func saidWhole(ctx context.Context, text string) (worst risk.Finding, err error) {
	c, err := single()
	if err != nil {
		return worst, err
	}
	for _, f := range c.Judge(ctx, guard.Input, []llm.Passage{{Origin: llm.OriginUser, Text: text, Whole: true}}).Verdict.Findings {
		if content(f.Category) && f.Confidence > worst.Confidence {
			worst = f
		}
	}
	if worst.Category != risk.Jailbreak {
		worst.Category = risk.PromptInjection
	}
	if worst.Confidence < harmSaid && saysHarm(text) {
		worst = risk.Finding{Category: risk.Jailbreak, Confidence: harmSaid}
	}
	return worst, nil
}

// harmSaid is how sure it is that a text which names harm and asks for the way is a request.
const harmSaid = .8

func saysHarm(text string) bool {
	var has [talks]bool
	text = strings.ToLower(text)
	for i := range spokenWords {
		w := &spokenWords[i]
		if w.talk != harmful && w.talk != making && w.talk != guarding || has[w.talk] {
			continue
		}
		if at := strings.Index(text, w.text); at >= 0 && w.stands(text, guard.Hit{Start: at, End: at + len(w.text)}) {
			has[w.talk] = true
		}
	}
	return has[harmful] && has[making] && !has[guarding]
}
