package desk

import (
	"sync"
	"time"
)

// Counted is what was counted a moment ago, for each set of teams that somebody who looks is
// limited to. Counting reads many records, so it is done once in a while, whoever looks and
// however often; those who see the same and come together wait for one count. The zero value
// is ready.
type Counted[T any] struct {
	mu sync.Mutex
	of map[string]*count[T]
}

// count is what those see who are limited alike.
type count[T any] struct {
	mu   sync.Mutex
	at   time.Time // zero: never
	last T
}

// CountedLasts is how long a count stays as it is.
const CountedLasts = 5 * time.Second

// maxCounts bounds how many sets of teams are remembered; then all are counted anew.
const maxCounts = 64

// Of returns what was counted for those who see what an actor sees, or counts now.
func (c *Counted[T]) Of(a Actor, now time.Time, counts func() (T, error)) (T, error) {
	one := c.scope(a.scope())
	one.mu.Lock()
	defer one.mu.Unlock()
	if age := now.Sub(one.at); !one.at.IsZero() && age >= 0 && age < CountedLasts {
		return one.last, nil
	}
	got, err := counts()
	if err == nil {
		one.last, one.at = got, now
	}
	return got, err
}

func (c *Counted[T]) scope(name string) *count[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[name] == nil {
		if c.of == nil || len(c.of) >= maxCounts {
			c.of = map[string]*count[T]{}
		}
		c.of[name] = &count[T]{}
	}
	return c.of[name]
}
