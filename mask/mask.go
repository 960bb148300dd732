// Package mask keeps private values from leaving: it puts placeholders in their place on the
// way to a provider, and the values back into the answer.
//
// A [Cover] belongs to one exchange. A placeholder is made of the value and of a key that
// belongs to the conversation, so the same value has the same placeholder in every turn, to
// the byte, and nothing need be stored: a request that carries its history carries what its
// placeholders stand for. Nobody without the key can tell what a placeholder stands for, or
// whether two conversations speak of the same person. May change.
package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// Form says what stands in the place of a value.
type Form uint8

// The forms.
const (
	Placeholder Form = iota // [EMAIL_k3f9qz]: what it is, and which one
	Fake                    // another value of the same shape
	Redaction               // [EMAIL]: what it is; never put back
	Shaped                  // a fake where the kind has a shape that a schema may demand, else a placeholder
)

// ParseForm is the inverse of String.
func ParseForm(s string) (Form, bool) {
	switch s {
	case "placeholder":
		return Placeholder, true
	case "fake":
		return Fake, true
	case "redact":
		return Redaction, true
	}
	return Redaction, false
}

// String returns the form's name as policies write it.
func (f Form) String() string { return [...]string{"placeholder", "fake", "redact", "shaped"}[f] }

// Key returns the key of a conversation. The master key never leaves; parts name the
// conversation, from the widest to the narrowest.
func Key(master []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, master)
	for _, p := range parts {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// Cover hides the values of one exchange, and knows how to put them back. It is for one
// goroutine at a time.
type Cover struct {
	wide    []byte
	narrow  []byte
	taken   func(string) bool // whether a text occurs in what the caller wrote
	values  map[value]string  // what stands for a value
	numbers map[value]string  // and for one that is a number outside strings
	stands  map[string]*stand // what a placeholder stands for
	also    map[value][]string

	// Count is what happened so far.
	Count Count
}

// Count says how many values were hidden, put back, and left as placeholders: because the
// caller has no right to them, because nothing is known of them, or because the model changed
// them.
type Count struct {
	Hidden, Restored, Withheld, Unknown, Altered int
}

// value is a value of a kind.
type value struct{ kind, text string }

// stand is what stands for a value.
type stand struct {
	value
	fake bool
}

// New returns an empty cover with the key of all conversations of a system, and that of one.
// taken reports whether a text occurs in what the caller wrote: no fake may be such a text.
func New(wide, narrow []byte, taken func(string) bool) *Cover {
	return &Cover{wide: wide, narrow: narrow, taken: taken, values: map[value]string{}, stands: map[string]*stand{}}
}

// Hide returns what stands for a value of a kind ("pii.email", "secret.aws", the name of a
// rule). Asked again for the same value, it returns the same, in whatever form it was hidden
// first. What stands in instructions that all conversations share is shared by them too, so
// that a provider's cache of the instructions still holds.
func (c *Cover) Hide(kind, text string, form Form, shared bool) string {
	v := value{kind, text}
	if have, ok := c.values[v]; ok {
		return have
	}
	c.Count.Hidden++
	if form == Redaction {
		return c.keep(v, "["+label(kind)+"]")
	}
	for try := range uint32(32) {
		sum := c.sum(v, try, shared)
		new := ""
		if form == Fake || form == Shaped && !isName(kind) {
			new = fake(kind, text, sum)
		}
		isFake := new != ""
		if !isFake {
			new = "[" + label(kind) + "_" + tag(sum, tagLength+2*int(try)) + "]"
		}
		// Two values may not share what stands for them, and a fake may not be something that
		// the model could say by itself.
		if have := c.stands[new]; have != nil && have.value == v {
			return c.keep(v, new) // where it is a number, this stands for it already
		}
		if c.stands[new] == nil && new != text && (!isFake || !c.taken(new)) {
			c.stands[new] = &stand{v, isFake}
			return c.keep(v, new)
		}
	}
	return c.keep(v, "["+label(kind)+"]")
}

// Also says of what other kinds a value is: it is put back only for who may see all of them.
func (c *Cover) Also(kind, text string, kinds []string) {
	if len(kinds) == 0 {
		return
	}
	if c.also == nil {
		c.also = map[value][]string{}
	}
	v := value{kind, text}
	c.also[v] = append(c.also[v], kinds...)
}

func (c *Cover) keep(v value, as string) string {
	c.values[v] = as
	return as
}

// sum is what a placeholder is made of.
func (c *Cover) sum(v value, try uint32, shared bool) []byte {
	key := c.narrow
	if shared {
		key = c.wide
	}
	h := hmac.New(sha256.New, key)
	h.Write(binary.LittleEndian.AppendUint32(nil, try))
	h.Write([]byte(v.kind))
	h.Write([]byte{0})
	h.Write([]byte(v.text))
	return h.Sum(nil)
}

// tagLength is how many characters of a placeholder tell it from others of its kind.
const tagLength = 6

// letters are those of tags: none that are taken for another.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

func tag(sum []byte, n int) string {
	b := make([]byte, min(n, len(sum)))
	for i := range b {
		b[i] = letters[int(sum[i])%len(letters)]
	}
	return string(b)
}

// label is how a placeholder says what it hides.
func label(kind string) string {
	kind = strings.TrimPrefix(kind, "pii.")
	return strings.ToUpper(strings.NewReplacer(".", ":", " ", "_").Replace(kind))
}

// Place is where a value was found in a passage.
type Place struct {
	Passage, Start, End int
	Kind                string
	Also                []string // other kinds that the value is of
	Value               string   // where it is written otherwise than in the text; "": as in the text
	Form                Form
}

// Sweep returns the other places in which values lie that are hidden: a name that was
// recognised once is that name everywhere. Values of fewer than three bytes
// or more than 256 are not looked for, and only whole words count. places must be in order and not overlap.
func (c *Cover) Sweep(passages []llm.Passage, places []Place) []Place {
	kinds := map[string]Place{}
	var texts []string
	for _, p := range places {
		v := passages[p.Passage].Text[p.Start:p.End]
		if _, again := kinds[v]; shortest <= len(v) && len(v) <= longest && !again {
			p.Value = v
			for _, spelt := range spellings(v) {
				if _, taken := kinds[spelt]; !taken {
					kinds[spelt] = p
					texts = append(texts, spelt)
				}
			}
		}
	}
	if len(texts) == 0 {
		return nil
	}
	set := newSet(texts)
	var out []Place
	for i := range passages {
		var in []Place
		for len(places) > 0 && places[0].Passage == i {
			in, places = append(in, places[0]), places[1:]
		}
		out = sweep(out, passages[i].Text, i, in, set, kinds)
	}
	return out
}

// spellings are how a value may stand in a text that is JSON: as it is, with what must be
// escaped, and with all that is not ASCII escaped, as many programs write it.
func spellings(v string) []string {
	out := []string{v}
	if s := string(llm.AppendEscaped(nil, v)); s != v {
		out = append(out, s)
	}
	if s := strconv.QuoteToASCII(v); len(s)-2 != len(v) {
		s = strings.ReplaceAll(s[1:len(s)-1], `\x`, `\u00`)
		if !strings.Contains(s, `\U`) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// sweep adds the places of one text in which values of the set lie, beside those that are
// known.
func sweep(out []Place, text string, passage int, known []Place, set *set, kinds map[string]Place) []Place {
	for at := 0; at < len(text); {
		if len(known) > 0 && known[0].Start <= at {
			at, known = max(at, known[0].End), known[1:]
			continue
		}
		n := 0
		if starts(text, at) {
			n = set.longestWord(text, at)
		}
		if n == 0 || len(known) > 0 && at+n > known[0].Start {
			at++
			continue
		}
		p := kinds[text[at:at+n]]
		p.Passage, p.Start, p.End = passage, at, at+n
		out = append(out, p)
		at += n
	}
	return out
}

// shortest and longest are how long a value may be to be looked for elsewhere: so long a text
// does not come twice by chance, and looking for it would cost what it is long at every word.
const (
	shortest = 3
	longest  = 256
)
