package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// frames is a Stream over events that a test made.
type frames struct {
	events []*Event
	end    error // after the last event; nil: io.EOF
	closed int
}

func (f *frames) Next() (*Event, error) {
	if len(f.events) == 0 {
		if f.end != nil {
			return nil, f.end
		}
		return nil, io.EOF
	}
	e := f.events[0]
	f.events = f.events[1:]
	return e, nil
}

func (f *frames) Close() error { f.closed++; return nil }

// frame builds the event of one JSON frame {"t":"…"} whose string is spelled as
// given, so that tests choose the escapes.
func frame(t testing.TB, ch Channel, spelled string) *Event {
	t.Helper()
	data := []byte(`{"t":"` + spelled + `"}`)
	text, m, err := Unquote(data, 6, len(data)-2)
	if err != nil {
		t.Fatalf("frame %q: %v", spelled, err)
	}
	return &Event{Data: data, Passages: []Passage{{Channel: ch, Origin: OriginModel, Text: text, Map: m}}}
}

func ended(events ...*Event) []*Event {
	return append(events, &Event{Data: []byte(`{}`), End: EndClean})
}

// censor replaces words, holding back only what could still become one, and
// stops the answer at a forbidden one.
type censor struct {
	words  map[string]string
	forbid string
	finals map[Channel]int
	seen   map[Channel]string // every byte that was ever shown as new or held
}

func (c *censor) Reach() int { return 8 }

func (c *censor) Scan(_ context.Context, l Look) (Ruling, error) {
	if c.finals == nil {
		c.finals, c.seen = map[Channel]int{}, map[Channel]string{}
	}
	if l.Final && !l.Whole {
		c.finals[l.Channel]++
	}
	if !l.Whole {
		c.seen[l.Channel] = c.seen[l.Channel][:min(l.Base, len(c.seen[l.Channel]))] + l.Text
	}
	if c.forbid != "" && strings.Contains(l.Text[max(0, l.From-len(c.forbid)+1):], c.forbid) {
		return Ruling{}, errors.New("forbidden")
	}
	var r Ruling
	for i := l.From; i < len(l.Text); {
		w, next, partial := c.at(l.Text[i:])
		if partial && !l.Final {
			r.Safe = i
			return r, nil
		}
		if w != "" {
			r.Changes = append(r.Changes, Change{Start: i, End: i + len(w), New: c.words[w], By: "censor"})
		}
		i += next
	}
	r.Safe = len(l.Text)
	return r, nil
}

func (c *censor) at(s string) (word string, next int, partial bool) {
	for w := range c.words {
		if strings.HasPrefix(s, w) {
			return w, len(w), false
		}
		partial = partial || strings.HasPrefix(w, s)
	}
	partial = partial || c.forbid != "" && strings.HasPrefix(c.forbid, s)
	_, n := utf8.DecodeRuneInString(s)
	return "", n, partial
}

// drain reads a Window to its end and returns the text of every channel as a
// client would see it, and how many frames came.
func drain(t testing.TB, w *Window) (map[Channel]string, int, error) {
	t.Helper()
	got, n := map[Channel]string{}, 0
	var raw = map[Channel][]byte{}
	for {
		e, err := w.Next()
		if err != nil {
			for ch, b := range raw {
				var s string
				if jerr := json.Unmarshal(append(append([]byte{'"'}, b...), '"'), &s); jerr != nil {
					t.Fatalf("channel %v does not decode: %q: %v", ch, b, jerr)
				}
				got[ch] = s
			}
			return got, n, err
		}
		n++
		wire, err := e.Wire()
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if !json.Valid(wire) {
			t.Fatalf("frame %d is not JSON any more: %s", n, wire)
		}
		if len(e.Passages) > 0 {
			ch := e.Passages[0].Channel
			raw[ch] = append(raw[ch], wire[6:len(wire)-2]...)
		}
	}
}

// spell writes a text as JSON, choosing escapes at random, and returns its units:
// places between them are where a frame may be cut, inside a surrogate pair too.
func spell(rnd *rand.Rand, text string) []string {
	var units []string
	for _, r := range text {
		switch {
		case r >= 0x10000 && rnd.IntN(2) == 0:
			hi, lo := (r-0x10000)>>10+0xD800, (r-0x10000)&0x3FF+0xDC00
			units = append(units, fmt.Sprintf(`\u%04x`, hi), fmt.Sprintf(`\u%04X`, lo))
		case r < 0x10000 && rnd.IntN(4) == 0:
			units = append(units, fmt.Sprintf(`\u%04x`, r))
		default:
			b, _ := json.Marshal(string(r))
			units = append(units, string(b[1:len(b)-1]))
		}
	}
	return units
}

// TestWindowEveryCut holds the heart of the design: however a text is cut over
// frames and channels, with whatever escapes, the client sees the same text.
func TestWindowEveryCut(t *testing.T) {
	words := map[string]string{"secret": "[s]", "ab": "", "x😀y": "\"quoted\"\\", "né": "n\n"}
	alphabet := []string{"secret", "sec", "ret", "ab", "a", "b", "x😀y", "x😀", "😀", "né", "n", "é", " ", "\"", "\\", "\n", "日本"}
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		channels := rapid.IntRange(1, 3).Draw(rt, "channels")
		want, queues := map[Channel]string{}, make([][]*Event, channels)
		for c := range channels {
			ch := Channel{Choice: c}
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(alphabet), 1, 12).Draw(rt, "text"), "")
			full := &censor{words: words}
			r, _ := full.Scan(context.Background(), Look{Text: text, Final: true})
			out := text
			for i := len(r.Changes) - 1; i >= 0; i-- {
				out = out[:r.Changes[i].Start] + r.Changes[i].New + out[r.Changes[i].End:]
			}
			want[ch] = out
			units := spell(rnd, text)
			for len(units) > 0 {
				n := 1 + rnd.IntN(min(3, len(units)))
				queues[c] = append(queues[c], frame(t, ch, strings.Join(units[:n], "")))
				units = units[n:]
			}
		}
		events := shuffle(rnd, queues)
		src := &frames{events: ended(events...)}
		total := len(src.events)
		s := &censor{words: words}
		got, n, err := drain(t, NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{}))
		if err != io.EOF {
			rt.Fatalf("ended with %v", err)
		}
		if n != total {
			rt.Fatalf("%d frames in, %d out", total, n)
		}
		for ch, w := range want {
			if got[ch] != w {
				rt.Fatalf("channel %v: got %q, want %q", ch, got[ch], w)
			}
			if s.finals[ch] != 1 {
				rt.Fatalf("channel %v was told %d times that it is done", ch, s.finals[ch])
			}
		}
	})
}

// shuffle interleaves the queues, keeping the order inside each.
func shuffle(rnd *rand.Rand, queues [][]*Event) []*Event {
	var out []*Event
	for {
		var open []int
		for i, q := range queues {
			if len(q) > 0 {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			return out
		}
		i := open[rnd.IntN(len(open))]
		out = append(out, queues[i][0])
		queues[i] = queues[i][1:]
	}
}

// TestWindowForbidden cuts a forbidden word at every pair of places: no more than
// its first letters may have left when the answer stops, whatever else is open.
func TestWindowForbidden(t *testing.T) {
	text := "all is well, then Nightjar flies"
	cuts := 0
	for i := 1; i < len(text); i++ {
		for j := i + 1; j < len(text); j++ {
			cuts++
			ch, other := Channel{}, Channel{Choice: 1}
			src := &frames{events: ended(frame(t, ch, text[:i]), frame(t, other, "hello"), frame(t, ch, text[i:j]), frame(t, ch, text[j:]))}
			s := &censor{forbid: "Nightjar"}
			got, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{}))
			if err == nil || err.Error() != "forbidden" {
				t.Fatalf("cut %d,%d: ended with %v", i, j, err)
			}
			if strings.Contains(got[ch], "N") {
				t.Fatalf("cut %d,%d: %q left", i, j, got[ch])
			}
		}
	}
	if cuts < 400 {
		t.Fatalf("only %d cuts", cuts)
	}
}

// TestWindowOrder: a frame that is free waits for one before it that is not.
func TestWindowOrder(t *testing.T) {
	a, b := Channel{Choice: 0}, Channel{Choice: 1}
	src := &frames{events: ended(frame(t, a, "se"), frame(t, b, "free"), frame(t, a, "a"))}
	w := NewWindow(context.Background(), src, []Scanner{&censor{words: map[string]string{"secret": "x"}}}, WindowConfig{})
	var order []Channel
	for {
		e, err := w.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Passages) > 0 {
			order = append(order, e.Passages[0].Channel)
		}
	}
	if len(order) != 3 || order[0] != a || order[1] != b || order[2] != a {
		t.Fatalf("order %v", order)
	}
}

// TestWindowStreams shows that harmless text is not held until the end.
func TestWindowStreams(t *testing.T) {
	src := &frames{events: []*Event{frame(t, Channel{}, "hello "), frame(t, Channel{}, "there")}, end: errors.New("upstream must not be asked")}
	w := NewWindow(context.Background(), src, []Scanner{&censor{words: map[string]string{"secret": ""}}}, WindowConfig{})
	if _, err := w.Next(); err != nil || len(src.events) != 1 {
		t.Fatalf("the first frame did not leave by itself: %v, %d left", err, len(src.events))
	}
}

func TestWindowArguments(t *testing.T) {
	args := `{"q":"my s\u0065cret \"life\"","n":["secret"]}`
	want := `{"q":"my [\"s\"] \"life\"","n":["[\"s\"]"]}`
	spelled, _ := json.Marshal(args)
	inside := string(spelled[1 : len(spelled)-1])
	ch := Channel{Item: 2, Kind: KindArgs}
	for cut := 1; cut < len(inside); cut++ {
		if inside[cut-1] == '\\' && (cut < 2 || inside[cut-2] != '\\') {
			continue // a frame cannot be cut inside an escape
		}
		e := []*Event{}
		for _, s := range []string{inside[:cut], inside[cut:]} {
			data := []byte(`{"t":"` + s + `"}`)
			text, m, err := Unquote(data, 6, len(data)-2)
			if err != nil {
				break
			}
			e = append(e, &Event{Data: data, Passages: []Passage{{Channel: ch, Text: text, Map: m}}})
		}
		if len(e) != 2 {
			continue
		}
		s := &censor{words: map[string]string{"secret": `["s"]`}}
		w := NewWindow(context.Background(), &frames{events: ended(e...)}, []Scanner{s}, WindowConfig{})
		got, _, err := drain(t, w)
		if err != io.EOF || got[ch] != want {
			t.Fatalf("cut %d: %v\n got %s\nwant %s", cut, err, got[ch], want)
		}
		if !json.Valid([]byte(got[ch])) {
			t.Fatalf("cut %d: arguments are not JSON any more", cut)
		}
	}
}

// TestWindowArgumentsWhole: no part of a tool call leaves before all of it is
// judged, and not when its end is missing.
func TestWindowArgumentsWhole(t *testing.T) {
	ch := Channel{Kind: KindArgs}
	src := &frames{events: []*Event{frame(t, ch, "{}"), frame(t, ch, " ")}, end: io.ErrUnexpectedEOF}
	got, n, err := drain(t, NewWindow(context.Background(), src, []Scanner{&censor{}}, WindowConfig{}))
	if err != io.ErrUnexpectedEOF || n != 0 {
		t.Fatalf("%v, %d frames, %v", err, n, got)
	}
	done := frame(t, ch, "")
	done.Done = []Channel{ch}
	src = &frames{events: []*Event{frame(t, ch, "{}"), done}, end: io.ErrUnexpectedEOF}
	if _, n, err = drain(t, NewWindow(context.Background(), src, []Scanner{&censor{}}, WindowConfig{})); n != 2 || err != io.ErrUnexpectedEOF {
		t.Fatalf("after Done: %d frames, %v", n, err)
	}
}

func TestWindowStructureIsNotEdited(t *testing.T) {
	ch := Channel{Kind: KindArgs}
	for _, c := range []struct{ args, word string }{{`{\"n\": 4111}`, "4111"}, {`{\"ab\":\"cd\"}`, `ab":"cd`}} {
		src := &frames{events: ended(frame(t, ch, c.args))}
		s := &censor{words: map[string]string{c.word: "x"}}
		if _, n, err := drain(t, NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{})); !errors.Is(err, ErrStructure) || n != 0 {
			t.Fatalf("%s: %v after %d frames", c.args, err, n)
		}
	}
}

func TestWindowSnapshot(t *testing.T) {
	ch := Channel{}
	snap := frame(t, ch, `all of \"secret\"`)
	snap.Passages[0].Whole = true
	src := &frames{events: ended(frame(t, ch, "all of sec"), frame(t, ch, "ret"), snap)}
	s := &censor{words: map[string]string{"secret": "[s]"}}
	w := NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{})
	var wires []string
	for {
		e, err := w.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := e.Wire()
		wires = append(wires, string(b))
	}
	if len(wires) != 4 || wires[2] != `{"t":"all of \"[s]\""}` {
		t.Fatalf("%q", wires)
	}
	if wires[0] != `{"t":"all of [s]"}` || wires[1] != `{"t":""}` {
		t.Fatalf("the change over two frames came out as %q", wires[:2])
	}
}

func TestWindowSealed(t *testing.T) {
	for _, whole := range []bool{false, true} {
		e := frame(t, Channel{Kind: KindReasoning}, "a secret thought")
		e.Passages[0].Sealed, e.Passages[0].Whole = true, whole
		s := &censor{words: map[string]string{"secret": "x"}}
		_, n, err := drain(t, NewWindow(context.Background(), &frames{events: ended(e)}, []Scanner{s}, WindowConfig{}))
		if !errors.Is(err, ErrSealed) || n != 0 {
			t.Fatalf("whole=%v: %v after %d frames", whole, err, n)
		}
	}
}

func TestWindowEchoes(t *testing.T) {
	data := []byte(`{"t":"a secret ab","l":["a"," secret"],"m":"tok"}`)
	text, m, _ := Unquote(data, 6, 17)
	at := strings.Index(string(data), `["a"`)
	echo := Edit{Start: at, End: at + len(`["a"," secret"]`), New: []byte("null"), By: "echo"}
	e := &Event{Data: data, Passages: []Passage{{Text: text, Map: m, Echoes: []Edit{echo}}}}
	s := &censor{words: map[string]string{"secret": "x", "ab": "y"}}
	w := NewWindow(context.Background(), &frames{events: ended(e)}, []Scanner{s}, WindowConfig{})
	got, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := got.Wire(); err != nil || string(b) != `{"t":"a x y","l":null,"m":"tok"}` {
		t.Fatalf("%s %v", b, err)
	}
	joined := &Event{Data: data, Passages: []Passage{{Text: "a secret ab", Whole: true, Instead: &echo}}}
	w = NewWindow(context.Background(), &frames{events: ended(joined)}, []Scanner{s}, WindowConfig{})
	got, err = w.Next()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := got.Wire(); err != nil || string(b) != `{"t":"a secret ab","l":null,"m":"tok"}` {
		t.Fatalf("%s %v", b, err)
	}
}

// rule is a Scanner that answers with what a test gives it.
type rule func(Look) (Ruling, error)

func (r rule) Reach() int                                     { return 0 }
func (r rule) Scan(_ context.Context, l Look) (Ruling, error) { return r(l) }

func TestWindowTwoScanners(t *testing.T) {
	upper := rule(func(l Look) (Ruling, error) {
		r := Ruling{Safe: len(l.Text)}
		for i := l.From; i < len(l.Text); i++ {
			if c := l.Text[i]; c >= 'a' && c <= 'z' {
				r.Changes = append(r.Changes, Change{Start: i, End: i + 1, New: strings.ToUpper(string(c))})
			}
		}
		return r, nil
	})
	slow := &censor{words: map[string]string{"secret": "[s]"}}
	for _, cut := range []int{3, 5, 8, 11} {
		text := "the secret is"
		src := &frames{events: ended(frame(t, Channel{}, text[:cut]), frame(t, Channel{}, text[cut:]))}
		got, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{slow, upper}, WindowConfig{}))
		if err != io.EOF || got[Channel{}] != "THE [s] IS" {
			t.Fatalf("cut %d: %q %v", cut, got[Channel{}], err)
		}
		if slow.seen[Channel{}] != text {
			t.Fatalf("a scanner saw %q, not what the model wrote", slow.seen[Channel{}])
		}
	}
}

func TestWindowInsertsAtTheEnd(t *testing.T) {
	cite := rule(func(l Look) (Ruling, error) {
		if !l.Final {
			return Ruling{Safe: max(l.From, len(l.Text)-1)}, nil
		}
		return Ruling{Safe: len(l.Text), Changes: []Change{{Start: len(l.Text) - 1, End: len(l.Text), New: l.Text[len(l.Text)-1:] + " [1]"}}}, nil
	})
	src := &frames{events: ended(frame(t, Channel{}, "so it"), frame(t, Channel{}, " is"))}
	got, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{cite}, WindowConfig{}))
	if err != io.EOF || got[Channel{}] != "so it is [1]" {
		t.Fatalf("%q %v", got[Channel{}], err)
	}
}

// TestWindowReach: a scanner sees again the text that has left, as far as it
// asked, and offsets stay true while old text is forgotten.
func TestWindowReach(t *testing.T) {
	var text strings.Builder
	var events []*Event
	for i := range 4000 {
		s := fmt.Sprintf("word%d ", i)
		text.WriteString(s)
		events = append(events, frame(t, Channel{}, s))
	}
	least := 1 << 30
	look := rule(func(l Look) (Ruling, error) {
		if want := text.String()[l.Base : l.Base+len(l.Text)]; l.Text != want {
			t.Fatalf("at base %d the scanner saw %.40q, want %.40q", l.Base, l.Text, want)
		}
		if l.Base > 0 {
			least = min(least, l.From)
		}
		return Ruling{Safe: len(l.Text)}, nil
	})
	w := NewWindow(context.Background(), &frames{events: ended(events...)}, []Scanner{reaching{look, 100}}, WindowConfig{})
	got, _, err := drain(t, w)
	if err != io.EOF || got[Channel{}] != text.String() {
		t.Fatalf("%v: text differs", err)
	}
	if least < 100 || least > 1<<29 {
		t.Fatalf("a scanner with a reach of 100 saw %d bytes of context", least)
	}
	if w.bytes > 100 {
		t.Fatalf("%d bytes counted as held after the end", w.bytes)
	}
}

type reaching struct {
	Scanner
	reach int
}

func (r reaching) Reach() int { return r.reach }

func TestWindowLimits(t *testing.T) {
	holdAll := rule(func(l Look) (Ruling, error) {
		if l.Final {
			return Ruling{Safe: len(l.Text)}, nil
		}
		return Ruling{Safe: l.From}, nil
	})
	long := strings.Repeat("x", 1000)
	var many []*Event
	for i := range 10 {
		many = append(many, frame(t, Channel{}, long), frame(t, Channel{Choice: i}, "y"))
	}
	for name, c := range map[string]struct {
		events []*Event
		cfg    WindowConfig
		want   error
	}{
		"held":            {many, WindowConfig{MaxHeld: 9000}, ErrHeld},
		"held, just":      {many, WindowConfig{MaxHeld: 40000}, io.EOF},
		"channels":        {many, WindowConfig{MaxChannels: 9}, ErrChannels},
		"channels, just":  {many, WindowConfig{MaxChannels: 10}, io.EOF},
		"arguments":       {[]*Event{frame(t, Channel{Kind: KindArgs}, strings.Repeat("a", MaxArgs)), frame(t, Channel{Kind: KindArgs}, "a")}, WindowConfig{}, ErrArgs},
		"arguments, just": {[]*Event{frame(t, Channel{Kind: KindArgs}, strings.Repeat("a", MaxArgs))}, WindowConfig{}, io.EOF},
	} {
		events := make([]*Event, len(c.events))
		for i, e := range c.events {
			cp := *e
			events[i] = &cp
		}
		_, _, err := drain(t, NewWindow(context.Background(), &frames{events: ended(events...)}, []Scanner{holdAll}, c.cfg))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestWindowBrokenScanners(t *testing.T) {
	for name, r := range map[string]rule{
		"safe past the text": func(l Look) (Ruling, error) { return Ruling{Safe: len(l.Text) + 1}, nil },
		"safe goes back":     func(l Look) (Ruling, error) { return Ruling{Safe: l.From - 1}, nil },
		"leaves text at end": func(l Look) (Ruling, error) { return Ruling{Safe: l.From}, nil },
		"change before From": func(l Look) (Ruling, error) {
			return Ruling{Safe: len(l.Text), Changes: []Change{{Start: -1, End: 1}}}, nil
		},
		"change past Safe": func(l Look) (Ruling, error) {
			return Ruling{Safe: l.From, Changes: []Change{{Start: l.From, End: l.From + 1}}}, nil
		},
		"change turned around": func(l Look) (Ruling, error) {
			return Ruling{Safe: len(l.Text), Changes: []Change{{Start: 2, End: 1}}}, nil
		},
	} {
		for _, whole := range []bool{false, true} {
			e := frame(t, Channel{}, "text")
			e.Passages[0].Whole = whole
			_, n, err := drain(t, NewWindow(context.Background(), &frames{events: ended(e)}, []Scanner{r}, WindowConfig{}))
			if !errors.Is(err, ErrScanner) || n != 0 {
				t.Errorf("%s (whole=%v): %v after %d frames", name, whole, err, n)
			}
		}
	}
}

func TestWindowBrokenStreams(t *testing.T) {
	reset := errors.New("connection reset")
	s := func() []Scanner { return []Scanner{&censor{words: map[string]string{"secret": "x"}}} }
	for name, c := range map[string]struct {
		end  error
		want error
	}{"reset": {reset, reset}, "clean end without a terminal event": {nil, io.ErrUnexpectedEOF}} {
		src := &frames{events: []*Event{frame(t, Channel{}, "ok"), frame(t, Channel{}, "sec")}, end: c.end}
		w := NewWindow(context.Background(), src, s(), WindowConfig{})
		got, n, err := drain(t, w)
		if err != c.want || n != 1 || got[Channel{}] != "ok" {
			t.Errorf("%s: %v, %d frames, %v", name, err, n, got)
		}
		if _, again := w.Next(); again != c.want {
			t.Errorf("%s: asked again it says %v", name, again)
		}
		_ = w.Close()
		_ = w.Close()
		if src.closed != 2 {
			t.Errorf("%s: Close did not reach the upstream", name)
		}
	}
	after := frame(t, Channel{}, "more")
	first := frame(t, Channel{}, "done")
	first.Done = []Channel{{}}
	_, _, err := drain(t, NewWindow(context.Background(), &frames{events: ended(first, after)}, s(), WindowConfig{}))
	if !errors.Is(err, ErrDone) {
		t.Errorf("text after the end: %v", err)
	}
}

// TestWindowLoneHalf: half a character at the very end becomes U+FFFD for the
// scanners and is held until it is known to be alone.
func TestWindowLoneHalf(t *testing.T) {
	s := &censor{words: map[string]string{"x": "y"}}
	src := &frames{events: ended(frame(t, Channel{}, `x\ud83d`), frame(t, Channel{}, `x`), frame(t, Channel{}, `\ude00\ud83d`))}
	got, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{}))
	if err != io.EOF || s.seen[Channel{}] != "x\uFFFDx\uFFFD\uFFFD" {
		t.Fatalf("%v: the scanner saw %q", err, s.seen[Channel{}])
	}
	if got[Channel{}] != "y\uFFFDy\uFFFD\uFFFD" {
		t.Fatalf("the client saw %q", got[Channel{}])
	}
}
