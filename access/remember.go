package access

import (
	"sync"

	"github.com/bartizan-ai/bartizan/record"
)

// releaseKey is all that a decision about releasing a call depends on.
type releaseKey struct {
	principal                        record.Principal
	target, op                       string
	label, region, training, purpose string
}

// released returns the key of a question, and whether its answer may be remembered: a person's
// depends on roles, and a question with other context on that.
func released(a Ask) (releaseKey, bool) {
	if a.Point != Release || a.Principal.Kind == "person" || len(a.Roles) > 0 || len(a.Context) != 4 {
		return releaseKey{}, false
	}
	k := releaseKey{principal: a.Principal, target: a.Target, op: a.Op}
	var ok [4]bool
	k.label, ok[0] = a.Context["label"]
	k.region, ok[1] = a.Context["region"]
	k.training, ok[2] = a.Context["training"]
	k.purpose, ok[3] = a.Context["purpose"]
	return k, ok == [4]bool{true, true, true, true}
}

// remembered holds decisions of one set of permits. It is forgotten whole when it is full, so
// that nobody who makes up names can fill memory.
type remembered struct {
	mu  sync.RWMutex
	all map[releaseKey]record.Permit
}

const mostRemembered = 4096

func (r *remembered) get(k releaseKey) (record.Permit, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.all[k]
	return p, ok
}

func (r *remembered) put(k releaseKey, p record.Permit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil || len(r.all) >= mostRemembered {
		r.all = map[releaseKey]record.Permit{}
	}
	r.all[k] = p
}
