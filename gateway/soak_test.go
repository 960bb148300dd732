//go:build soak

package gateway

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// TestSoak keeps a gate busy with callers who leave, for as long as SOAK says, and
// watches that neither goroutines nor memory grow.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		length = 10 * time.Minute
	}
	h := newHouse(t, houseConfig{detectors: everything()})
	h.up.does(slowly)
	storm(h, 1, 400)
	before := runtime.NumGoroutine() + 16
	first := heap()
	calls := 0
	for began := time.Now(); time.Since(began) < length; {
		storm(h, uint64(calls), 1000)
		calls += 1000
		h.up.received()
		h.logs.Reset()
		t.Logf("%s: %d calls, %d kB on the heap, %d goroutines", time.Since(began).Round(time.Second), calls, heap()>>10, runtime.NumGoroutine())
	}
	settle(t, h, before)
	if last := heap(); last > first+32<<20 {
		t.Errorf("the heap grew from %d kB to %d kB over %d calls", first>>10, last>>10, calls)
	}
	closed(t, h)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
