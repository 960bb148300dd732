package llm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestWindowArgumentsTwoScanners: each scanner rules on the arguments, once, and
// changes that touch without overlapping are both made.
func TestWindowArgumentsTwoScanners(t *testing.T) {
	ch := Channel{Kind: KindArgs}
	looks := 0
	put := func(word, by string) rule {
		return func(l Look) (Ruling, error) {
			looks++
			at := strings.Index(l.Text, word)
			if !l.Final || l.Whole || l.From != 0 || at < 0 {
				t.Errorf("scanner of %s was shown %+v", word, l)
				return Ruling{Safe: len(l.Text)}, nil
			}
			return Ruling{Safe: len(l.Text), Changes: []Change{{Start: at, End: at + len(word), New: by}}}, nil
		}
	}
	done := frame(t, ch, "")
	done.Done = []Channel{ch}
	src := &frames{events: ended(frame(t, ch, `{\"q\":\"one`), frame(t, ch, `two three\"}`), done)}
	w := NewWindow(context.Background(), src, []Scanner{put("two", "2"), put("one", "1"), put("three", "3")}, WindowConfig{})
	got, _, err := drain(t, w)
	if err != io.EOF || got[ch] != `{"q":"12 3"}` || looks != 3 {
		t.Fatalf("%v after %d looks: %s", err, looks, got[ch])
	}
}

// TestWindowBrokenScannersOnArguments: a ruling outside of the arguments ends the
// answer before any of it leaves.
func TestWindowBrokenScannersOnArguments(t *testing.T) {
	ch := Channel{Kind: KindArgs}
	for name, c := range map[string]Change{"before": {Start: -1, End: 2}, "turned": {Start: 3, End: 2}, "behind": {Start: 1, End: 99}} {
		r := rule(func(l Look) (Ruling, error) { return Ruling{Safe: len(l.Text), Changes: []Change{c}}, nil })
		_, n, err := drain(t, NewWindow(context.Background(), &frames{events: ended(frame(t, ch, `{\"q\":\"one\"}`))}, []Scanner{r}, WindowConfig{}))
		if !errors.Is(err, ErrScanner) || n != 0 {
			t.Errorf("%s: %v after %d frames", name, err, n)
		}
	}
	sealed := frame(t, ch, `{\"q\":\"one\"}`)
	sealed.Passages[0].Sealed = true
	r := rule(func(l Look) (Ruling, error) {
		return Ruling{Safe: len(l.Text), Changes: []Change{{Start: 6, End: 9, New: "x"}}}, nil
	})
	if _, n, err := drain(t, NewWindow(context.Background(), &frames{events: ended(sealed)}, []Scanner{r, r}, WindowConfig{})); !errors.Is(err, ErrSealed) || n != 0 {
		t.Errorf("sealed: %v after %d frames", err, n)
	}
}

// TestWindowSnapshotIsWhole: a text that repeats another is shown as a whole.
func TestWindowSnapshotIsWhole(t *testing.T) {
	e := frame(t, Channel{Kind: KindText}, "all of it")
	e.Passages[0].Whole, e.Passages[0].Origin, e.Passages[0].Path = true, OriginRetrieved, "a.b"
	media := frame(t, Channel{Kind: KindMedia}, "")
	media.Passages[0].MIME = "audio"
	var looks []Look
	r := rule(func(l Look) (Ruling, error) { looks = append(looks, l); return Ruling{Safe: len(l.Text)}, nil })
	if _, n, err := drain(t, NewWindow(context.Background(), &frames{events: ended(e, media)}, []Scanner{r}, WindowConfig{})); err != io.EOF || n != 3 {
		t.Fatalf("%v, %d frames", err, n)
	}
	want := []Look{{Channel: Channel{Kind: KindText}, Origin: OriginRetrieved, Path: "a.b", Text: "all of it", Final: true, Whole: true},
		{Channel: Channel{Kind: KindMedia}, Origin: OriginModel, MIME: "audio", Final: true, Whole: true}}
	if !slices.Equal(looks, want) {
		t.Errorf("%+v", looks)
	}
}

// TestWindowLastFrameCarriesText: text in the frame that ends a channel belongs to it.
func TestWindowLastFrameCarriesText(t *testing.T) {
	last := frame(t, Channel{}, "ret")
	last.Done = []Channel{{}}
	s := &censor{words: map[string]string{"secret": "x"}}
	got, n, err := drain(t, NewWindow(context.Background(), &frames{events: ended(frame(t, Channel{}, "sec"), last)}, []Scanner{s}, WindowConfig{}))
	if err != io.EOF || n != 3 || got[Channel{}] != "x" || s.finals[Channel{}] != 1 {
		t.Fatalf("%v, %d frames, %q, told %d times", err, n, got[Channel{}], s.finals[Channel{}])
	}
}

func TestSpliceLeavesItsInputAlone(t *testing.T) {
	edits := []Edit{{Start: 5, End: 6, New: []byte("b")}, {Start: 1, End: 2, New: []byte("a")}}
	if out, err := Splice([]byte("0123456789"), edits); err != nil || string(out) != "0a234b6789" {
		t.Fatalf("%s %v", out, err)
	}
	if edits[0].Start != 5 || edits[1].Start != 1 {
		t.Error("the caller's edits changed places")
	}
}

func TestAppendEscaped(t *testing.T) {
	got := string(AppendEscaped([]byte("<"), "a b\"\\/\t\n\r\x00\x1f\x7fé<>&\u2028😀"))
	if want := `<a b\"\\/\t\n\r\u0000\u001f` + "\x7fé<>&\u2028😀"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestUnquoteRefuses what encoding/json refuses, case by case.
func TestUnquoteRefuses(t *testing.T) {
	for _, s := range []string{`\`, `\u`, `\u123`, `\u12G4`, `\u12g4`, `\U0041`, `\q`, `\'`, "\x00", "a\x1fb", "\"", "a\"b", "\xff", "\xed\xa0\x80", `ok\u00e9` + "\xfe"} {
		raw := []byte(`"` + s + `"`)
		if text, _, err := Unquote(raw, 1, len(raw)-1); !errors.Is(err, ErrString) {
			t.Errorf("%q was read as %q", s, text)
		}
	}
	for _, s := range []string{`\ud83d\ude00`, `\uD83Dx`, `\ud83d\u0041`, `\ud83d\q`, `\u0000`, `\/\b\f`} {
		raw := []byte(`"` + s + `"`)
		text, _, err := Unquote(raw, 1, len(raw)-1)
		var want string
		if jerr := json.Unmarshal(raw, &want); (jerr == nil) != (err == nil) {
			t.Errorf("%q: %v, encoding/json says %v", s, err, jerr)
		} else if fixed, _ := Repair(text); err == nil && fixed != want {
			t.Errorf("%q: %q, want %q", s, fixed, want)
		}
	}
}

func TestOriginNames(t *testing.T) {
	for _, o := range Origins() {
		if back, ok := ParseOrigin(o.String()); !ok || back != o {
			t.Errorf("%v comes back as %v", o, back)
		}
	}
	if _, ok := ParseOrigin("nobody"); ok || OriginUnknown != 0 || len(Origins()) != 9 {
		t.Error("an unknown origin has a name, or unknown is not the least")
	}
	if Kind(99).String() != "kind(99)" || Origin(99).String() != "origin(99)" {
		t.Error("what has no name must say so")
	}
}

// TestWindowDoneWithoutText: the frame that says that a text is over need not carry
// any of it, and what was held leaves with it even when the stream then breaks.
func TestWindowDoneWithoutText(t *testing.T) {
	over := &Event{Data: []byte(`{}`), Done: []Channel{{}}}
	src := &frames{events: []*Event{frame(t, Channel{}, "sec"), over}, end: io.ErrUnexpectedEOF}
	s := &censor{words: map[string]string{"secret": "x"}}
	got, n, err := drain(t, NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{}))
	if err != io.ErrUnexpectedEOF || n != 2 || got[Channel{}] != "sec" || s.finals[Channel{}] != 1 {
		t.Fatalf("%v, %d frames, %q", err, n, got[Channel{}])
	}
}

// TestWindowSealedLater: a seal that comes behind a text covers all of it.
func TestWindowSealedLater(t *testing.T) {
	second := frame(t, Channel{}, "t")
	second.Passages[0].Sealed = true
	s := &censor{words: map[string]string{"secret": "x"}}
	src := &frames{events: ended(frame(t, Channel{}, "secre"), second, frame(t, Channel{}, " more"))}
	if _, n, err := drain(t, NewWindow(context.Background(), src, []Scanner{s}, WindowConfig{})); !errors.Is(err, ErrSealed) || n != 0 {
		t.Fatalf("%v after %d frames", err, n)
	}
}

// TestWindowInsertsOnce: an insertion between two frames lands in one of them, and
// one at the very start of a snapshot is made too.
func TestWindowInsertsOnce(t *testing.T) {
	insert := func(at int) rule {
		return func(l Look) (Ruling, error) {
			if l.Whole {
				return Ruling{Safe: len(l.Text), Changes: []Change{{Start: 0, End: 1, New: "C"}}}, nil
			}
			if !l.Final {
				return Ruling{Safe: l.From}, nil
			}
			return Ruling{Safe: len(l.Text), Changes: []Change{{Start: at, End: at, New: "+"}}}, nil
		}
	}
	for at, want := range map[int]string{0: "+onetwo", 3: "one+two", 5: "onetw+o"} {
		snap := frame(t, Channel{Choice: 1}, "cat")
		snap.Passages[0].Whole = true
		src := &frames{events: ended(frame(t, Channel{}, "one"), frame(t, Channel{}, "two"), snap)}
		got, _, err := drain(t, NewWindow(context.Background(), src, []Scanner{insert(at)}, WindowConfig{}))
		if err != io.EOF || got[Channel{}] != want || got[Channel{Choice: 1}] != "Cat" {
			t.Errorf("at %d: %v %v", at, err, got)
		}
	}
}
