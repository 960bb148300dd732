package gateway

import (
	"sync"
	"time"
)

// recorded is how many calls of one system are recorded one by one in a second,
// when they were refused before anything was looked at.
const recorded = 50

// tally keeps a flood of refusals from becoming a flood of records: each costs two
// waits for the disk, and whoever is refused soonest would fill the ledger fastest.
// What is not recorded by itself is counted, and stands as a number in the next
// record.
type tally struct {
	now func() time.Time

	mu sync.Mutex
	by map[string]*refusals // systems that are declared, so not many
}

type refusals struct {
	second  int64
	n       int
	omitted int
}

// note reports whether a refusal is to be recorded, and how many before it were
// not.
func (t *tally) note(system string) (omitted int, record bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.by[system]
	if r == nil {
		r = &refusals{}
		t.by[system] = r
	}
	if s := t.now().Unix(); s != r.second {
		r.second, r.n = s, 0
	}
	if r.n >= recorded {
		r.omitted++
		return 0, false
	}
	r.n++
	omitted, r.omitted = r.omitted, 0
	return omitted, true
}
