package follow

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/text"
)

// declared is a word of a system text that an answer should not say, and how sure that is.
type declared struct {
	word string
	p    float64
}

// Bounds on what is kept of one request.
const (
	maxDeclared  = 16       // words; the surest are kept
	maxToken     = 64       // bytes of a word that are compared
	maxInstructs = 64 << 10 // bytes of a system text that are read
)

// How sure it is that a word is confidential: the lines of policy lie at .5 and .9.
const (
	saidSecret   = .97 // it looks like a secret, and the text says that it is one or to be kept
	namedSecret  = .93 // it stands where a secret is named, and is to be kept
	looksSecret  = .6  // it only looks like one
	fewestOfWord = 4   // letters and digits: shorter words turn up by chance
)

// declare finds the confidential words of a system text: those that it says are to be kept, and
// those that look like nothing but a secret. Facts that a system is told so that it can answer
// (hours, prices, addresses, names of products) are neither.
func declare(system string, view *text.View, parts []sentence) []declared {
	words := map[string]float64{}
	for i, part := range parts {
		w := part.reads
		w.kept = w.kept || i+1 < len(parts) && parts[i+1].refersBack && parts[i+1].keepsOther()
		w.kept = w.kept || i > 0 && strings.HasSuffix(strings.TrimRight(parts[i-1].text, " \n"), ":") && parts[i-1].keepsOther()
		for _, t := range tokens(part.text) {
			// As it is written: encodings tell capitals from small letters.
			from, to := view.Original(part.at+t.from, part.at+t.to)
			if p := w.weigh(part.text, t); p > words[system[from:to]] {
				words[system[from:to]] = p
			}
		}
	}
	out := make([]declared, 0, len(words))
	for word, p := range words {
		out = append(out, declared{word, p})
	}
	slices.SortFunc(out, func(a, b declared) int { return cmp.Or(cmp.Compare(b.p, a.p), strings.Compare(a.word, b.word)) })
	return out[:min(len(out), maxDeclared)]
}

// sentence is one of a system text.
type sentence struct {
	text       string // folded
	at         int    // where it begins
	reads      reads
	signs      sign
	refersBack bool // it speaks of what the one before it named
}

// keepsOther reports whether a sentence wants what its neighbour names untold, and not the
// instructions themselves.
func (s *sentence) keepsOther() bool { return s.reads.kept && s.signs&oneself == 0 }

func newSentence(s string, at int) sentence {
	out := sentence{text: s, at: at}
	var signs []found
	signs, out.signs = keeping.of(padded(s))
	out.reads = reads{kept: keeps(signs, out.signs), limited: out.signs&limit != 0}
	for _, f := range signs {
		out.refersBack = out.refersBack || f.is == backward && f.from < nearBegin
		if end := f.to - 1; f.is == naming && (wordEnd(s, end) || s[end] == 's') { // less the blank that was put before
			out.reads.names = append(out.reads.names, end)
		}
	}
	return out
}

// nearBegin is where, in a sentence, words that refer to another one stand, in bytes.
const nearBegin = 80

// sentencesOf cuts a folded text at full stops, and at line ends that end something: a blank
// line, an item of a list, a short line. A semicolon goes on.
func sentencesOf(s string) (out []sentence) {
	from, line := 0, 0
	for i := 0; i < len(s); i++ {
		end := 0
		switch c := s[i]; {
		case c == '.' || c == '!' || c == '?':
			if i+1 == len(s) || blankByte(s[i+1]) {
				end = i + 1
			}
		case c == '\n':
			if i+1 < len(s) && strings.IndexByte("\n-*#•<", s[i+1]) >= 0 || i-line < shortLine {
				end = i + 1
			}
			line = i + 1
		case c == 0xE3 && strings.HasPrefix(s[i:], "。"):
			end = i + len("。")
		case c == ' ' && i-from >= maxSentence:
			end = i + 1
		}
		if end > 0 {
			out = append(out, newSentence(s[from:end], from))
			from = end
		}
	}
	return append(out, newSentence(s[from:], from))
}

// maxSentence bounds a sentence, in bytes: nobody writes longer ones, and words are compared with
// all that name a secret in theirs.
const maxSentence = 2 << 10

// shortLine is the length below which a line was not broken because it was full, in bytes.
const shortLine = 48

func blankByte(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '"' || c == ')'
}

// reads is what a sentence says about keeping and naming.
type reads struct {
	kept    bool // something is not to be told
	limited bool // it is for some, or for one use
	names   []int
}

// padded is a sentence with a blank before and behind it, and blanks in the place of what
// punctuates it. But for the first blank every byte stays where it is.
func padded(s string) string {
	b := make([]byte, 1, len(s)+2)
	b[0] = ' '
	for i, r := range s {
		n := utf8.RuneLen(r)
		switch {
		case r == utf8.RuneError:
			b = append(b, s[i])
		case r < utf8.RuneSelf && strings.IndexByte(" \n\t\r.,;:!?()[]{}<>*\"`", byte(r)) >= 0:
			b = append(b, ' ')
		case r == '’' || r == '‘':
			b = append(b, "  '"...)
		case r >= utf8.RuneSelf && strings.ContainsRune("„“”«»。、—–", r):
			b = append(b, "   "[:n]...)
		default:
			b = append(b, s[i:i+n]...)
		}
	}
	return string(append(b, ' '))
}

// keeps reports whether a sentence wants something untold: a word that says so, or a verb of
// telling that is denied. Some languages deny behind the verb.
func keeps(signs []found, all sign) bool {
	if all&secrecy != 0 {
		return true
	}
	if all&denial == 0 || all&telling == 0 {
		return false
	}
	no, tell := -2*denySpan, -2*denySpan // where the last ones end, and begin
	for _, f := range signs {
		switch {
		case f.is == denial && f.wide && f.from-tell <= denySpan, f.is == telling && f.from-no <= denySpan:
			return true
		case f.is == denial:
			no = f.to
		case f.is == telling:
			tell = f.from
		}
	}
	return false
}

// denySpan is how far a denial and the verb may stand apart, in bytes.
const denySpan = 48

// token is a word that may be a secret.
type token struct {
	from, to int
	shape    shape
	public   bool // an address, a time, an amount
}

type shape uint8

const (
	plainShape  shape = iota // a word like others
	mixedShape               // letters and digits, or digits alone
	randomShape              // what nobody says in a sentence
)

// tokens cuts a sentence at blanks and commas, and where a script without blanks begins or ends,
// and takes off what punctuates.
func tokens(s string) (out []token) {
	for i := 0; i < len(s); {
		if blankByte(s[i]) {
			i++
			continue
		}
		j := i + 1
		for j < len(s) && !tokenEnds(s, j) {
			j++
		}
		from, to := trimmed(s, i, j)
		if n := alnums(s[from:to]); n >= fewestOfWord {
			if eq := strings.IndexAny(s[from:to], "=:"); eq > 0 && eq+1 < to-from && !strings.Contains(s[from:to], "://") {
				from += eq + 1
			}
			out = append(out, token{from, min(to, from+maxToken), shapeOf(s[from:to]), isPublic(s[from:to])})
		}
		i = j
	}
	return out
}

func tokenEnds(s string, j int) bool {
	if c := s[j]; blankByte(c) || (c == ',' || c == ';') && (j+1 == len(s) || s[j+1] < '0' || s[j+1] > '9') {
		return true
	}
	return s[j-1] < utf8.RuneSelf && s[j] >= 0xE3 || s[j-1] >= utf8.RuneSelf && s[j] < utf8.RuneSelf && wideBefore(s, j)
}

func wideBefore(s string, j int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:j])
	return r >= 0x2E80
}

func trimmed(s string, i, j int) (int, int) {
	const signs = "\"'`.,;:!?()[]{}<>*„“”‘’«»。、，"
	t := strings.TrimLeft(s[i:j], signs)
	i = j - len(t)
	return i, i + len(strings.TrimRight(t, signs))
}

func alnums(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// shapeOf tells secrets from words by their looks: how often letters and digits change within a
// part, and how long it is. "iso-27001" and "gpt-4o" change once or twice, as names do.
func shapeOf(s string) shape {
	changes, letters, digits, mixed := 0, 0, 0, false
	last := rune(0)
	for _, r := range s {
		kind := rune(0)
		switch {
		case unicode.IsLetter(r):
			kind, letters = 'a', letters+1
		case unicode.IsDigit(r):
			kind, digits = '0', digits+1
		}
		if kind != 0 && last != 0 && kind != last {
			changes, mixed = changes+1, true
		}
		last = kind
	}
	parts := strings.Count(s, "-") + strings.Count(s, "_") + 1
	switch {
	case digits == 0 || letters == 0 && digits < fewestOfWord:
		return plainShape
	case letters+digits >= 10 && (changes >= 3 || mixed && parts > 2 || parts > 2 && letters > 4 && digits > 3):
		return randomShape
	}
	return mixedShape
}

// isPublic reports whether a word is an address or a number that people are told.
func isPublic(s string) bool {
	return strings.Contains(s, "@") || strings.Contains(s, "://") || strings.HasPrefix(s, "www.") || strings.IndexByte(s, '/') > 0 ||
		strings.Trim(s, "0123456789.,:%€$£+-/") == "" && strings.ContainsAny(s, ".,:%€$£/") || strings.HasSuffix(s, "%")
}

// weigh says how sure it is that a word is to be kept.
func (w *reads) weigh(s string, t token) float64 {
	near, next := w.named(t.from), w.assigned(s, t)
	switch {
	case t.public:
		if w.kept && near {
			return namedSecret
		}
		return 0
	case t.shape == randomShape && (w.kept || w.limited || near):
		return saidSecret
	case t.shape == randomShape:
		return looksSecret
	case t.shape == mixedShape && near && (w.kept || w.limited || next):
		return namedSecret
	case t.shape == mixedShape && w.kept && strings.ContainsFunc(s[t.from:t.to], unicode.IsLetter):
		return looksSecret
	case t.shape == plainShape && next && w.kept:
		return namedSecret
	}
	return 0
}

// nameSpan is how far behind the name of a secret its value may stand, in bytes.
const nameSpan = 48

// named reports whether a word stands behind the name of a secret.
func (w *reads) named(from int) bool {
	return slices.ContainsFunc(w.names, func(at int) bool { return at <= from && from-at <= nameSpan })
}

// assigned reports whether a word is what a name stands for: "the password is lantern.", "pin:
// 4711", "code word = heron". Words that say how a secret is kept are no values.
func (w *reads) assigned(s string, t token) bool {
	for _, at := range w.names {
		if at > t.from {
			continue
		}
		between := strings.Trim(s[at:t.from], "\"'`*„“«「 \n")
		if !slices.Contains(assigning, between) {
			continue
		}
		if t.shape != plainShape {
			return true
		}
		r, _ := utf8.DecodeRuneInString(s[t.to:])
		ends := t.to == len(s) || strings.ContainsRune(".,;!\"'`)\n”»」。，", r)
		return ends && !slices.Contains(statesOfSecrets, s[t.from:t.to]) && !strings.HasSuffix(s[t.from:t.to], "ed")
	}
	return false
}
