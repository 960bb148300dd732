package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
)

// Bounds of what is recorded of permits. Names of models and tools are text of whoever
// writes them, so what nobody declared may cost the ledger no more than a line.
const (
	maxName    = 128 // bytes of a name that nobody declared
	maxPermits = 64  // of one side of a call; what was denied beside them
	maxAsked   = 256 // decisions that are remembered while a call runs
)

// question is what the permits were asked.
type question struct{ point, target, label string }

// ask puts a question to the permits, once: an answer may name one tool in thousands of
// its frames. What it returns is fit for the record.
func (x *exchange) ask(point, target string) record.Permit {
	return x.askOf(question{point: point, target: target}, nil)
}

// askOf puts a question that depends on more than its target.
func (x *exchange) askOf(q question, about map[string]string) record.Permit {
	if p, ok := x.decided[q]; ok {
		return p
	}
	target := q.target
	p := x.plan.Permits.Decide(access.Ask{Principal: x.principal, Point: q.point, Target: target, Op: string(x.route.Op), Context: about})
	if !x.recordable(target) {
		p.Target = fmt.Sprintf("(not declared, %d bytes)", len(target))
		for i, e := range p.Errors { // which may quote it
			p.Errors[i], _, _ = strings.Cut(e, ": ")
		}
	}
	if x.decided == nil {
		x.decided = map[question]record.Permit{}
	}
	if len(x.decided) < maxAsked {
		x.decided[q] = p
	}
	return p
}

// recordable reports whether a name may stand in the record as it is.
func (x *exchange) recordable(name string) bool {
	return plain(name) || len(x.plan.Models[name]) > 0 || slices.Contains(x.system.Tools, name)
}

// plain reports whether a name is a short word, as names of models and tools are.
func plain(name string) bool {
	if len(name) > maxName {
		return false
	}
	for _, c := range []byte(name) {
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == ':' || c == '/' || c == '-') {
			return false
		}
	}
	return true
}

// permitted adds a permit to those of the record, each once.
func permitted(list []record.Permit, p record.Permit) []record.Permit {
	again := slices.ContainsFunc(list, func(o record.Permit) bool {
		return o.Point == p.Point && o.Target == p.Target && o.Allowed == p.Allowed
	})
	if again || p.Allowed && len(list) >= maxPermits {
		return list
	}
	return append(list, p)
}
