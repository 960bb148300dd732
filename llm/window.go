package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// What a Window gives up on. Each of them ends the answer.
var (
	// ErrArgs means that the arguments of one tool call are longer than MaxArgs.
	ErrArgs = errors.New("llm: tool arguments are too long to be judged")
	// ErrHeld means that more text is held back than the Window may hold.
	ErrHeld = errors.New("llm: too much of the answer is held back")
	// ErrChannels means that the answer spreads over too many texts.
	ErrChannels = errors.New("llm: the answer has too many parallel texts")
	// ErrDone means that an upstream went on with a text that it had ended.
	ErrDone = errors.New("llm: text after the end of its channel")
	// ErrSealed means that a signed text would have to be changed.
	ErrSealed = errors.New("llm: a signed text may not be edited")
	// ErrScanner means that a scanner broke its contract.
	ErrScanner = errors.New("llm: a scanner ruled outside of its text")
)

// WindowConfig bounds a Window. The zero value is ready to use.
type WindowConfig struct {
	MaxHeld     int // bytes of frames and text held back; 0: 8 MiB
	MaxChannels int // texts in parallel; 0: 1024
}

// Window delays the frames of an answer until every scanner has ruled on the
// text in them, and splices in what they change. One frame in, one frame out:
// frames are never split, merged, reordered or invented, and they leave in the
// order in which they came, over all channels.
//
// All scanners see the text as the model wrote it. Where two of them change the
// same bytes, the one that comes first in the list is obeyed. Tool arguments are
// shown once, whole, with the escapes of their inner strings decoded; a snapshot
// (Passage.Whole) is shown by itself. When an upstream breaks off, what is still
// held is dropped: it was never ruled on as a whole.
type Window struct {
	ctx      context.Context
	src      Stream
	scanners []Scanner
	reach    int
	cfg      WindowConfig

	queue    []*held // frames not yet released, oldest first
	ready    []*Event
	channels map[Channel]*channel
	order    []*channel // as they began
	bytes    int        // held in queue and channels
	err      error      // what Next says once ready is empty
}

// NewWindow returns src as seen through the scanners. ctx bounds their work.
func NewWindow(ctx context.Context, src Stream, scanners []Scanner, cfg WindowConfig) *Window {
	if cfg.MaxHeld == 0 {
		cfg.MaxHeld = 8 << 20
	}
	if cfg.MaxChannels == 0 {
		cfg.MaxChannels = 1024
	}
	w := &Window{ctx: ctx, src: src, scanners: scanners, cfg: cfg, channels: map[Channel]*channel{}}
	for _, s := range scanners {
		w.reach = max(w.reach, s.Reach())
	}
	return w
}

// Close aborts the upstream. It may be called at any time, from any goroutine.
func (w *Window) Close() error { return w.src.Close() }

// Next returns the next frame whose text may leave, with the edits to make. An
// error from a scanner is returned as it is; frames that were still held are
// then never released.
func (w *Window) Next() (*Event, error) {
	for len(w.ready) == 0 {
		if w.err != nil {
			return nil, w.err
		}
		w.err = w.pull()
	}
	e := w.ready[0]
	w.ready = w.ready[1:]
	return e, nil
}

// More reports whether the next frame is there already, so that Next will not wait.
func (w *Window) More() bool { return len(w.ready) > 0 }

// pull takes one frame from upstream and releases what that makes free.
func (w *Window) pull() error {
	e, err := w.src.Next()
	if err != nil {
		if err == io.EOF && len(w.queue) > 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if err := w.admit(e); err != nil {
		return err
	}
	for _, c := range e.Done {
		if ch := w.channels[c]; ch != nil {
			ch.done = true
		}
	}
	for _, ch := range w.channels {
		ch.done = ch.done || e.End != EndNone
	}
	if err := w.scan(e); err != nil {
		return err
	}
	return w.release()
}

// admit queues a frame and appends its text to its channels.
func (w *Window) admit(e *Event) error {
	h := &held{event: e}
	w.queue = append(w.queue, h)
	w.bytes += len(e.Data)
	for i := range e.Passages {
		p := &e.Passages[i]
		if p.Whole || p.Channel.Kind == KindMedia {
			if err := w.snapshot(e, p); err != nil {
				return err
			}
			continue
		}
		if ch := w.channels[p.Channel]; ch != nil && ch.done && p.Text == "" {
			continue // some providers repeat an empty text in their last frame
		}
		ch, err := w.channel(p)
		if err != nil {
			return err
		}
		h.parts = append(h.parts, ch.append(i, p.Text))
		w.bytes += len(p.Text)
		if ch.id.Kind == KindArgs && ch.end() > MaxArgs {
			return ErrArgs
		}
	}
	if w.bytes > w.cfg.MaxHeld {
		return ErrHeld
	}
	return nil
}

func (w *Window) channel(p *Passage) (*channel, error) {
	ch := w.channels[p.Channel]
	if ch == nil {
		if len(w.channels) >= w.cfg.MaxChannels {
			return nil, ErrChannels
		}
		ch = &channel{id: p.Channel, origin: p.Origin, path: p.Path, heads: make([]int, len(w.scanners)), changes: make([][]Change, len(w.scanners))}
		w.channels[p.Channel] = ch
		w.order = append(w.order, ch)
	}
	if ch.done {
		return nil, ErrDone
	}
	ch.sealed = ch.sealed || p.Sealed
	return ch, nil
}

// snapshot judges a text that stands in one frame by itself.
func (w *Window) snapshot(e *Event, p *Passage) error {
	text, _ := Repair(p.Text)
	var taken []Change
	view, m := text, Map{}
	var args *Map
	if p.Channel.Kind == KindArgs {
		if len(text) > MaxArgs {
			return ErrArgs
		}
		view, m = Arguments(text)
		args = &m
	}
	for _, s := range w.scanners {
		r, err := s.Scan(w.ctx, Look{Channel: p.Channel, Origin: p.Origin, Path: p.Path, MIME: p.MIME, Text: view, Final: true, Whole: true, Sealed: p.Sealed, Args: args})
		if err != nil {
			return err
		}
		if r.Safe != len(view) {
			return ErrScanner
		}
		for _, c := range r.Changes {
			if c.Start < 0 || c.End < c.Start || c.End > len(view) {
				return ErrScanner
			}
		}
		taken = join(taken, r.Changes)
	}
	for _, c := range taken {
		if err := edit(e, p, view, m.Within(p.Map), c); err != nil {
			return err
		}
	}
	return nil
}

// scan shows every scanner what is new to it in the channels of this frame, and
// in all channels that have just ended.
func (w *Window) scan(e *Event) error {
	for i := range e.Passages {
		if ch := w.channels[e.Passages[i].Channel]; ch != nil && !e.Passages[i].Whole && !ch.told {
			if err := w.look(ch); err != nil {
				return err
			}
		}
	}
	if len(e.Done) == 0 && e.End == EndNone {
		return nil
	}
	for _, ch := range w.order {
		if ch.done && !ch.told {
			if err := w.look(ch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Window) look(ch *channel) error {
	if ch.id.Kind == KindArgs {
		if ch.done {
			return w.arguments(ch)
		}
		return nil
	}
	ch.told = ch.done
	if ch.done {
		ch.half = ""
	}
	text := ch.text()[:len(ch.buf)-len(ch.half)]
	if ch.lone {
		text, _ = Repair(text)
	}
	for i, s := range w.scanners {
		head := ch.heads[i] - ch.base
		if head > len(text) || head == len(text) && !ch.done {
			continue
		}
		r, err := s.Scan(w.ctx, Look{Channel: ch.id, Origin: ch.origin, Path: ch.path, Text: text, From: head, Base: ch.base, Final: ch.done, Sealed: ch.sealed})
		if err != nil {
			return err
		}
		if err := ch.rule(i, head, len(text), r); err != nil {
			return err
		}
		if ch.done && r.Safe != len(text) {
			return fmt.Errorf("%w: text left over at the end", ErrScanner)
		}
	}
	return nil
}

// arguments shows the whole arguments of a tool call, inner escapes decoded.
func (w *Window) arguments(ch *channel) error {
	ch.half, ch.told = "", true
	text, _ := Repair(ch.text())
	view, m := Arguments(text)
	for i, s := range w.scanners {
		r, err := s.Scan(w.ctx, Look{Channel: ch.id, Origin: ch.origin, Path: ch.path, Text: view, Final: true, Sealed: ch.sealed, Args: &m})
		if err != nil {
			return err
		}
		if r.Safe != len(view) {
			return ErrScanner
		}
		for j, c := range r.Changes {
			if c.Start < 0 || c.End < c.Start || c.End > len(view) {
				return ErrScanner
			}
			e, err := m.EditIn(view, c.Start, c.End, c.New, c.By)
			if err != nil {
				return &StructureError{c.By, err}
			}
			r.Changes[j] = Change{Start: e.Start, End: e.End, New: string(e.New), By: c.By}
		}
		r.Safe = len(text)
		if err := ch.rule(i, 0, len(text), r); err != nil {
			return err
		}
	}
	return nil
}

// release moves the frames at the head of the queue that are free to ready.
func (w *Window) release() error {
	for len(w.queue) > 0 && w.queue[0].free() {
		h := w.queue[0]
		for _, p := range h.parts {
			if err := p.apply(h.event); err != nil {
				return err
			}
		}
		w.queue[0] = nil
		w.queue = w.queue[1:]
		w.bytes -= len(h.event.Data)
		w.ready = append(w.ready, h.event)
		for _, p := range h.parts {
			w.bytes -= p.end - p.start + p.skip
			p.channel.forget(p.end, w.reach)
		}
	}
	return nil
}

func (h *held) free() bool {
	for _, p := range h.parts {
		if p.channel.safe() < p.end || p.channel.half != "" && p.end == p.channel.end() {
			return false
		}
	}
	return true
}
