// Package text gives one reading of a text that an evader cannot bend, and the
// way back to the bytes as they were written.
//
// [Normalise] folds compatibility forms, look-alike letters and spaced-out
// words, and takes invisible characters out; [View.Original] leads from any
// place in the result to the original bytes. Plain ASCII is its own view: no
// copy is made. [Readings] opens encodings (base64, hex, percent, entities,
// escapes, tag characters ...) when what is inside reads like language.
// [Cut] names the places where a growing text may be cut into units; they
// depend on the text alone, never on how it arrived.
//
// Case is kept for ASCII, because secrets need it; everything that compares
// words here folds case as it goes. May change.
package text

import "sort"

// View is a normalised reading of a text, with the way back.
type View struct {
	Text   string
	Hidden []Hidden // invisible characters that were taken out
	Via    string   // how it was encoded; "" for the text itself
	// Veiled is how many Latin letters were written in disguise: as look-alikes, in circles,
	// at full width, spelt out with something between each two, or split by something
	// invisible. Letters with accents are not. In a reading of digits as letters it is how
	// many words hold such digits.
	Veiled int

	segs     []seg // empty: Text lies byte for byte in the original
	fixed    bool  // decoded: every place maps to the wrapper
	from, to int
}

// seg is a stretch of a view: byte for byte the original (atom 0), or one
// replacement for atom bytes of it.
type seg struct{ out, in, atom int32 }

// Original returns the byte range of the original text that View.Text[start:end]
// came from. A decoded reading answers with its whole wrapper.
func (v *View) Original(start, end int) (int, int) {
	if v.fixed {
		return v.from, v.to
	}
	if len(v.segs) == 0 {
		return start, end
	}
	if end <= start {
		at, _ := v.place(start)
		return at, at
	}
	from, _ := v.place(start)
	_, to := v.place(end - 1)
	return from, to
}

// place returns the original range of one byte of the view.
func (v *View) place(off int) (int, int) {
	i := sort.Search(len(v.segs), func(i int) bool { return int(v.segs[i].out) > off }) - 1
	if i < 0 {
		return off, off + 1
	}
	s := v.segs[i]
	if s.atom > 0 {
		return int(s.in), int(s.in + s.atom)
	}
	at := int(s.in) + off - int(s.out)
	return at, at + 1
}

// Decoded reports whether the view is the inside of an encoding.
func (v *View) Decoded() bool { return v.fixed }

// wrap turns the view of a decoded payload into a reading of its wrapper.
func (v View) wrap(from, to int, via string) View {
	v.fixed, v.from, v.to, v.Via, v.segs = true, from, to, via, nil
	return v
}

// Fold returns s with ASCII letters in lower case; s itself when it has no
// others.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func isLetter(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isSpace(c byte) bool  { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
