package guard

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/text"
)

// vocabulary are the words that are found again when their letters were changed over, dropped,
// doubled or mistyped: those of orders to an assistant, and the commonest of English that
// hold them together.
const vocabulary = `about above access apple account accounts across action actually address admin after again against agent allowed already also always answer answers another anything apply approve article
assistant attach attached attack because become been before begin being below best better between body book bypass call calling cancel cannot change channel character check choose clear code command
commands company complete completely confirm configuration confidential contact contacts contain content contents context continue conversation cook copy correct could country create credentials credit current
customer data database debug decode delete describe developer different direct directions directive directly disable discard display disregard document does doing done down during each earlier email emails
enable encoded enter entire every everything exactly execute explain external file files filter filters find first following follow forget format forward found four friend from full function give given
good great guideline guidelines guess hack hacked harmful have header help hidden history human ignore image immediately important include information initial inside instead instruct instruction instructions
internal into issue just keep know language large last later leak letter letters like limit limits line link list local lock locked long longer look mail make mark market meeting member memory mention
message messages mode model money month more most move must name need never next nothing number only open operator order orders original other output over override page pages paper part pass password
passwords pause payment people person phone place please point points policies policy post pretend previous previously print prior private problem program prompt prompts provide public question questions
quick read record records refuse relevant remain remember remove repeat replace reply report reports request respond response restrict restriction restrictions result results return reveal review role rule rules
safety same save says search second secret secrets security send sending sentence server service session share should show simple since some something speak spell start state still stop store story
string sudo summarise summarize summary support suspend suspended switch system table take task tasks tell text than thank thanks that their them then there these they thing things think this those three
through time today token tokens tool tools topic total training transfer translate transmit true trust turn under unrestricted until update upload user users using value verbatim very void wait want warning
weather week were what when where whether which while whole will with within without word words work world would write written wrong year your yourself`

// spelling finds misspelt words. It is made once.
type spelling struct {
	words  map[string]string // to itself
	within map[string]string // a word less one letter -> the word, "" when several
}

var spell = func() spelling {
	s := spelling{map[string]string{}, map[string]string{}}
	for _, w := range strings.Fields(vocabulary) {
		s.words[w] = w
	}
	for w := range s.words {
		if len(w) < fewestLetters {
			continue
		}
		for i := range len(w) {
			less := w[:i] + w[i+1:]
			if other, taken := s.within[less]; taken && other != w {
				s.within[less] = ""
				continue
			}
			s.within[less] = w
		}
	}
	return s
}()

// fewestLetters is how long a word must be for a dropped or a wrong letter in it to be
// put right: short words have too many neighbours. Letters that changed places are put
// right from four on.
const (
	fewestLetters = 6
	fewestSwapped = 4
	mostLetters   = 16
)

// right returns the word that w, in lower case, was meant to be, "" when it may be right
// as it is.
func (s *spelling) right(w []byte) string {
	if len(w) < fewestSwapped || len(w) > mostLetters || s.words[string(w)] != "" {
		return ""
	}
	var buf [mostLetters]byte
	b := buf[:len(w)]
	copy(b, w)
	for i := 0; i+1 < len(b); i++ {
		if b[i] == b[i+1] {
			continue
		}
		b[i], b[i+1] = b[i+1], b[i]
		if m := s.words[string(b)]; m != "" {
			return m
		}
		b[i], b[i+1] = b[i+1], b[i]
	}
	if len(w) < fewestLetters-1 {
		return ""
	}
	// A letter was dropped, or one too many or a wrong one stands in it.
	if m := s.longer(w, b); m != "" {
		return m
	}
	for i := 1; i+2 < len(w); i++ {
		less := append(append(buf[:0], w[:i]...), w[i+1:]...)
		if m := s.words[string(less)]; m != "" && sameEnd(m, less) && len(m) >= fewestLetters {
			return m
		}
		if m := s.longer(w, less); m != "" && len(m) == len(w) {
			return m
		}
	}
	return ""
}

// longer returns the word that less is with a letter dropped, if it begins and ends as w
// does: endings are left alone, because they are grammar.
func (s *spelling) longer(w, less []byte) string {
	if m := s.within[string(less)]; m != "" && m[0] == w[0] && len(m) >= fewestLetters && sameEnd(m, w) {
		return m
	}
	return ""
}

func sameEnd(m string, w []byte) bool {
	return m[len(m)-1] == w[len(w)-1] && m[len(m)-2] == w[len(w)-2]
}

// leet is how readings are called in which digits were read as letters.
const leet = "leet"

// ells puts right the words of a leet reading in which a 1 was an l and not an i. The text
// keeps its length.
func (s *spelling) ells(t string) string {
	var out []byte
	var low [mostLetters]byte
	for j := 0; j < len(t); {
		k := j
		for k < len(t) && isLetter(t[k]) {
			k++
		}
		if k-j >= 3 && k-j <= mostLetters {
			if n := s.ell(lower(&low, t[j:k])); n >= 0 {
				if out == nil {
					out = []byte(t)
				}
				out[j+n] = 'l'
			}
		}
		j = max(k, j+1)
	}
	if out == nil {
		return t
	}
	return string(out)
}

// ell returns where an l must stand for an i to make a word of w, in lower case, -1 if it is
// a word as it is or there is none.
func (s *spelling) ell(w []byte) int {
	if s.words[string(w)] != "" {
		return -1
	}
	for n := range w {
		if w[n] != 'i' {
			continue
		}
		w[n] = 'l'
		if s.words[string(w)] != "" {
			return n
		}
		w[n] = 'i'
	}
	return -1
}

// lower writes ASCII letters in lower case to a buffer.
func lower(buf *[mostLetters]byte, w string) []byte {
	for n := range len(w) {
		buf[n] = w[n] | 0x20
	}
	return buf[:len(w)]
}

// Bounds on reading a text as it was meant to be spelt.
const (
	maxSpelt     = 8 << 10
	fewestErrors = 2
)

// respell adds a reading of a text with its misspelt words put right, when there are
// several of them.
func (e *Engine) respell(s *scratch, p *llm.Passage, i, own int) {
	t := s.views[own].Text
	// A model does not misspell to get past what reads its answer.
	if len(t) > maxSpelt || p.Origin == llm.OriginModel {
		return
	}
	var low [mostLetters]byte
	var out strings.Builder
	at, errors := 0, 0
	for j := 0; j < len(t); {
		if !isLetter(t[j]) {
			j++
			continue
		}
		k := j + 1
		for k < len(t) && isLetter(t[k]) {
			k++
		}
		if k-j >= fewestSwapped && k-j <= mostLetters && (k == len(t) || t[k] < 0x80) && (j == 0 || t[j-1] < 0x80) {
			if m := spell.right(lower(&low, t[j:k])); m != "" {
				out.WriteString(t[at:j])
				out.WriteString(m)
				at = k
				errors++
			}
		}
		j = k
	}
	if errors < fewestErrors {
		return
	}
	out.WriteString(t[at:])
	from, to := s.views[own].Original(0, len(t))
	v := text.Reading(out.String(), from, to, Misspelt)
	v.Veiled = errors
	e.view(s, p, i, v)
}

// Misspelt is how a reading is called in which words were put right.
const Misspelt = "spelling"

func isLetter(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }
