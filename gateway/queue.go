package gateway

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errFull means that there was no place, nor room to wait for one.
var errFull = errors.New("gateway: there is no place")

// queue hands out places, a bounded number at once, and lets systems take turns
// at those that come free: one that asks a hundred times as often waits behind
// itself, not before others.
//
// A system never holds the last eighth of the places, so another one finds room
// at once even while answers of the first stay open for hours. Who waits is
// bounded too: when all the room for it is taken, the system with most callers in
// it loses its youngest. And a burst may wait, but a line that has stood for a
// second will not get shorter by waiting: those who join it are told so at once,
// which keeps the line, and the wait of those who are served, short.
type queue struct {
	size int           // places
	wait time.Duration // longest wait
	room int           // callers who may wait

	mu      sync.Mutex
	taken   int
	waiting int
	systems map[string]*turns
	next    []*turns // systems with callers who wait, in the order of their turns
}

// turns is one system's part of a queue.
type turns struct {
	name  string
	taken int
	line  []*seat
	since time.Time // when the line began to stand
}

// seat is what a caller holds, or waits for.
type seat struct {
	queue  *queue
	system *turns
	weight int
	wait   time.Duration
	ready  chan error // holds one answer; nil: never had to wait
}

// When a line is one that stands, and how long one may wait in it then.
const (
	standing = time.Second
	brief    = 40 * time.Millisecond
)

func newQueue(size, room int, wait time.Duration) *queue {
	return &queue{size: size, room: room, wait: wait, systems: map[string]*turns{}}
}

// enter takes a place for a system, or waits for one. The error is errFull or that
// of ctx.
func (q *queue) enter(ctx context.Context, system string, weight int) (*seat, error) {
	p, err := q.ask(system, weight)
	if err != nil || p.ready == nil {
		return p, err
	}
	return p.await(ctx)
}

// ask takes a place, or one in the line for it.
func (q *queue) ask(system string, weight int) (*seat, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.systems[system]
	if s == nil {
		s = &turns{name: system}
		q.systems[system] = s
	}
	p := &seat{queue: q, system: s, weight: weight}
	if len(s.line) == 0 && q.fits(s, weight) {
		q.give(p)
		return p, nil
	}
	if q.waiting >= q.room && !q.push(s) {
		q.forget(s)
		return nil, errFull
	}
	p.ready, p.wait = make(chan error, 1), q.wait
	if now := time.Now(); len(s.line) == 0 {
		q.next = append(q.next, s)
		s.since = now
	} else if now.Sub(s.since) > standing {
		p.wait = min(p.wait, brief)
	}
	s.line = append(s.line, p)
	q.waiting++
	return p, nil
}

// await waits for a turn, for as long as the queue lets anybody wait.
func (p *seat) await(ctx context.Context) (*seat, error) {
	t := time.NewTimer(p.wait)
	defer t.Stop()
	err := errFull
	select {
	case err = <-p.ready:
		if err != nil {
			return nil, err
		}
		return p, nil
	case <-t.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if p.quit() {
		return nil, err
	}
	if err := <-p.ready; err != nil { // the answer came just now
		return nil, err
	}
	return p, nil
}

// quit leaves the line, and reports whether the caller was still in it.
func (p *seat) quit() bool {
	q, s := p.queue, p.system
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range s.line {
		if other == p {
			s.line = append(s.line[:i], s.line[i+1:]...)
			q.waiting--
			q.passed(s)
			return true
		}
	}
	return false
}

// fits reports whether a system may take a place now.
func (q *queue) fits(s *turns, weight int) bool {
	return q.taken+weight <= q.size && (s.taken == 0 || s.taken+weight <= q.size-q.size/8)
}

func (q *queue) give(p *seat) {
	q.taken += p.weight
	p.system.taken += p.weight
}

// push makes room for a system that has fewer callers waiting than another one.
func (q *queue) push(s *turns) bool {
	longest := s
	for _, other := range q.next {
		if len(other.line) > len(longest.line) {
			longest = other
		}
	}
	if longest == s || len(longest.line) <= len(s.line)+1 {
		return false
	}
	last := len(longest.line) - 1
	longest.line[last].ready <- errFull
	longest.line = longest.line[:last]
	q.waiting--
	return true
}

// leave gives a place back. It may be called twice, and on nil.
func (p *seat) leave() {
	if p != nil {
		p.shrink(0)
	}
}

// shrink keeps a place of less weight.
func (p *seat) shrink(weight int) {
	if p == nil || p.weight <= weight {
		return
	}
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	back := p.weight - weight
	p.weight = weight
	q.taken -= back
	p.system.taken -= back
	q.admit()
	q.forget(p.system)
}

// admit gives places that are free to those whose turn it is.
func (q *queue) admit() {
	for tried := 0; tried < len(q.next); {
		s := q.next[0]
		p := s.line[0]
		if !q.fits(s, p.weight) {
			if q.taken+p.weight > q.size {
				return
			}
			q.next = append(q.next[1:], s) // it has its share; the others go on
			tried++
			continue
		}
		tried = 0
		s.line = s.line[1:]
		q.waiting--
		q.give(p)
		p.ready <- nil
		if q.next = q.next[1:]; len(s.line) > 0 {
			q.next = append(q.next, s)
		}
	}
}

// passed takes a system whose line is empty out of the turns.
func (q *queue) passed(s *turns) {
	if len(s.line) > 0 {
		return
	}
	for i, other := range q.next {
		if other == s {
			q.next = append(q.next[:i], q.next[i+1:]...)
			break
		}
	}
	q.forget(s)
}

// forget drops a system that neither holds nor waits.
func (q *queue) forget(s *turns) {
	if s.taken == 0 && len(s.line) == 0 {
		delete(q.systems, s.name)
	}
}

// load returns the places that are taken and the callers who wait.
func (q *queue) load() (taken, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken, q.waiting
}
