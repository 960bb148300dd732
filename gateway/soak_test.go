//go:build soak

package gateway

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestSoakR26 keeps a gate busy with callers who leave, for as long as SOAK says, and
// watches that neither goroutines nor memory grow.
func TestSoakR26(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		length = 10 * time.Minute
	}
	h := newHouse(t, houseConfig{detectors: everything()})
	var overdue atomic.Int64
	h.up.does(slowly(&overdue))
	before := quiet(h)
	storm(h, 1, 400)
	first := heap()
	calls := 0
	for began := time.Now(); time.Since(began) < length; {
		if stayed, whole := storm(h, uint64(calls), 1000); whole != stayed {
			t.Errorf("%d of %d who stayed got the whole answer", whole, stayed)
		}
		calls += 1000
		h.up.received()
		h.logs.Reset()
		t.Logf("%s: %d calls, %d kB on the heap, %d goroutines", time.Since(began).Round(time.Second), calls, heap()>>10, runtime.NumGoroutine())
	}
	settle(t, h, before)
	if last := heap(); last > first+32<<20 {
		t.Errorf("the heap grew from %d kB to %d kB over %d calls", first>>10, last>>10, calls)
	}
	if n := overdue.Load(); n != 0 {
		t.Errorf("%d calls of the upstream went on without a caller", n)
	}
	closed(t, h)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
