package app

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a buffer that a log and a test may use at once.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestDays(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{"395d": 395 * day, "1d": day, "0d": 0, "-1d": 0, "": 0, "forever": 0, "12": 0, "1.5d": 0, "d": 0} {
		if got, ok := days(s); got != want || ok != (want > 0) {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
}
