package guard

import (
	"context"
	"sync"
	"time"
)

// When a detector that hangs is left alone, and for how long.
const (
	circuitLate = 5
	circuitOpen = 30 * time.Second
)

// circuit keeps calls from waiting for a detector that does not answer: after five
// deadlines in a row it is not called for half a minute, then once, which decides.
// What that means for the call is the policy's on_error, at once rather than at the
// deadline.
type circuit struct {
	now func() time.Time

	mu      sync.Mutex
	row     int       // deadlines without an answer between them
	until   time.Time // of an open circuit
	probing bool
}

// begin reports whether the detector may be called.
func (c *circuit) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.row < circuitLate {
		return true
	}
	if c.probing || c.now().Before(c.until) {
		return false
	}
	c.probing = true
	return true
}

// answered notes that the detector came back in time, whatever it said.
func (c *circuit) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.row, c.probing = 0, false
}

// late notes that it did not.
func (c *circuit) late() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
	if c.row++; c.row >= circuitLate {
		c.until = c.now().Add(circuitOpen)
	}
}

// left notes that the caller did not wait, which says nothing.
func (c *circuit) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

// gaveUp notes who ended a call: its deadline, or a caller who left.
func (c *circuit) gaveUp(caller context.Context) {
	if caller.Err() != nil {
		c.left()
		return
	}
	c.late()
}
