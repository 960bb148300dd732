package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/text"
)

// Bounds of where a document is looked at.
const (
	edge     = 4 << 10 // bytes of its beginning, and of its end
	rim      = 3       // lines at either end of which a bare word may be a marking
	maxLine  = 160     // bytes of a line that may be a marking
	maxParts = 6       // of a line that is made of parts
)

// Marking returns the highest label that a document gives itself: in the lines it begins and
// ends with, in banners, behind words such as "Classification:", in the head of YAML, in
// the properties that document systems write. What prose says of confidential things is no
// marking. It reads the first and the last 4 KB as they are written, and again as the guard
// reads texts, where they hold letters at full width, look-alikes or what nobody sees.
func (l *Labels) Marking(doc string) (Label, bool) {
	head, tail := windows(doc)
	s := sheet{labels: l}
	s.read(head, tail, len(doc) <= 2*edge)
	plainHead, plainTail := text.Normalise(head).Text, text.Normalise(tail).Text
	if plainHead != head || plainTail != tail {
		again := sheet{labels: l}
		again.read(plainHead, plainTail, len(doc) <= 2*edge)
		s.best, s.found = max(s.best, again.best), s.found || again.found
	}
	return s.best, s.found
}

// read looks at both ends of a document, or at all of a short one.
func (s *sheet) read(head, tail string, whole bool) {
	last := s.rimOf(tail)
	if whole {
		s.scan(head, true, last)
		return
	}
	s.scan(head, true, len(head))
	s.scan(tail, false, last)
}

// windows are the parts of a text that are looked at, cut at ends of lines; of a short one,
// the first is the whole, and so is the second.
func windows(text string) (head, tail string) {
	if len(text) <= 2*edge {
		return text, text
	}
	head, tail = text[:edge], text[len(text)-edge:]
	head = head[:strings.LastIndexAny(head, "\n,")+1]
	tail = tail[strings.IndexByte(tail, '\n')+1:]
	return head, tail
}

// sheet is a document that is looked at.
type sheet struct {
	labels *Labels
	best   Label
	found  bool
	lines  int // with something on them, from the beginning
	final  int // where the last of them begins
}

// rimOf returns where the last few lines with something on them begin.
func (s *sheet) rimOf(text string) int {
	at, end := len(text), len(text)
	for n := 0; n < rim && end > 0; {
		start := strings.LastIndexByte(text[:end], '\n') + 1
		if strings.TrimSpace(text[start:end]) != "" {
			if n++; n == 1 {
				s.final = start
			}
			at = start
		}
		end = start - 1
	}
	return at
}

// scan looks at the lines of a part of the document; those from last on are its end.
func (s *sheet) scan(text string, begins bool, last int) {
	front := begins && (strings.HasPrefix(text, "---\n") || strings.HasPrefix(text, "---\r\n"))
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		line := strings.TrimFunc(text[at:at+end], blank)
		if line != "" {
			outer := begins && s.lines < rim || at >= last
			sole := begins && s.lines == 0 && at == s.final && last <= at
			if front && s.lines > 0 && (line == "---" || line == "...") {
				front = false
			}
			s.line(line, outer, sole, front)
			s.lines++
		}
		at += end + 1
	}
}

func blank(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' }

// take notes what a marking says.
func (s *sheet) take(m mark, ok bool) {
	if ok {
		s.best, s.found = max(s.best, m.label), true
	}
}

// line looks at one line. outer: it is one of those that a document begins or ends with;
// sole: there is no other; front: it is in the head of YAML.
func (s *sheet) line(line string, outer, sole, front bool) {
	line = untagged(line)
	if len(line) > maxLine || strings.HasPrefix(line, "{") || strings.HasPrefix(line, "[{") {
		s.data(line)
		return
	}
	if line == "" || s.keyed(line, front) {
		return
	}
	core, decorated := bare(line)
	if core == "" {
		return
	}
	if m, ok := s.labels.banner(core); ok {
		s.take(m, counts(m, core, decorated, outer, sole))
		return
	}
	if outer && !sole {
		s.parts(core)
	}
}

// counts says whether a word that stands on a line of its own labels the document. A word
// that is the whole text is an answer to a question, and words of every day are headings.
func counts(m mark, core string, decorated, outer, sole bool) bool {
	caps, capital := shouted(core)
	if m.weak {
		return decorated && caps || outer && !sole && caps || outer && decorated && capital
	}
	return decorated || caps && !sole || outer && !sole && capital
}

// parts looks at a line such as "Acme Ltd | Confidential | page 3 of 9".
func (s *sheet) parts(line string) {
	n := 0
	for _, cut := range []string{"|", "•", "·", "\t", "  "} {
		if !strings.Contains(line, cut) {
			continue
		}
		for part := range strings.SplitSeq(line, cut) {
			if n++; n > maxParts {
				return
			}
			core, _ := bare(strings.TrimSpace(part))
			m, ok := s.labels.banner(core)
			_, capital := shouted(core)
			s.take(m, ok && !m.weak && capital)
		}
		return
	}
}

// keyed looks at a line that names a property, and reports whether it names a label's.
func (s *sheet) keyed(line string, front bool) bool {
	if len(line) > 5 && strings.EqualFold(line[:5], "msip_") {
		s.properties(line)
		return true
	}
	at, wide := separator(line)
	if at < 0 {
		return false
	}
	key, value := line[:at], line[at+wide:]
	if line[at] == '|' { // a row of a table: | Classification | Confidential |
		cells := strings.SplitN(strings.Trim(line, "| "), "|", 3)
		if len(cells) != 2 {
			return false
		}
		key, value = cells[0], cells[1]
	}
	if !isKey(unquoted(key), front) {
		return false
	}
	s.take(s.labels.mark(unquoted(value)))
	if strings.EqualFold(unquoted(key), "tlp") { // the traffic light protocol
		s.take(s.labels.mark("tlp:" + unquoted(value)))
	}
	return true
}

// separator finds what stands between a key and its value, and how many bytes it has.
func separator(line string) (at, wide int) {
	const full = "：" // as Chinese and Japanese write it
	for i := range len(line) {
		switch c := line[i]; {
		case c == ':' || c == '=' || c == '|':
			return i, 1
		case c == full[0] && strings.HasPrefix(line[i:], full):
			return i, len(full)
		}
	}
	return -1, 0
}

// data looks at a line that holds data: JSON, or the properties of a mail.
func (s *sheet) data(line string) {
	if len(line) > 5 && strings.EqualFold(line[:5], "msip_") {
		s.properties(line)
		return
	}
	if line[0] != '{' && line[0] != '[' {
		return
	}
	for part := range strings.SplitSeq(line, ",") {
		if len(part) > maxLine {
			continue
		}
		part = strings.TrimRight(strings.TrimLeft(part, "{[ "), "}] ")
		if key, value, ok := strings.Cut(part, ":"); ok && isKey(unquoted(key), false) {
			s.take(s.labels.mark(unquoted(value)))
		}
	}
}

// properties looks at what Microsoft's document systems write into files and mail:
// MSIP_Label_<guid>_Name=Confidential, many of them in a row.
func (s *sheet) properties(line string) {
	_, rest, ok := strings.Cut(line, "abels:")
	if !ok {
		rest = line
	}
	for part := range strings.SplitSeq(rest, ";") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			key, value, ok = strings.Cut(part, ":")
		}
		key = strings.TrimSpace(key)
		if ok && len(key) > 16 && strings.EqualFold(key[:11], "msip_label_") && strings.EqualFold(key[len(key)-5:], "_name") {
			s.take(s.labels.mark(unquoted(value)))
		}
	}
}

// known keys, folded.
var (
	keySet   = setOf(keys)
	frontSet = setOf(frontKeys)
	keyHeads = headsOf(setOf(append(keys[:len(keys):len(keys)], frontKeys...)))
)

func setOf(names []string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[folded(n)] = true
	}
	return out
}

func isKey(name string, front bool) bool {
	if !begins(keyHeads, name) {
		return false
	}
	var buf [maxLabel]byte
	n := fold(&buf, name)
	return n > 0 && (keySet[string(buf[:n])] || front && frontSet[string(buf[:n])])
}

// banner looks up what stands alone on a line. Behind a dash stands what such lines say as
// well; more words than that are a sentence.
func (l *Labels) banner(core string) (mark, bool) {
	if !begins(l.heads, core) {
		return mark{}, false
	}
	if m, ok := l.look(core); ok {
		return m, true
	}
	for _, cut := range []string{`\`, "/", " - ", " – ", " — ", ":"} {
		above, below, ok := strings.Cut(core, cut)
		if !ok {
			continue
		}
		m, known := l.look(above)
		below = strings.Trim(below, `\/ `)
		if !known || below == "" {
			continue
		}
		_, also := l.look(below)
		below = strings.ToLower(strings.TrimRight(below, ".!"))
		if also || tails[below] || (cut == `\` || cut == "/") && strings.Count(below, " ") < 4 {
			return m, true
		}
	}
	return mark{}, false
}

// tails are what follows a marking on its line.
var tails = map[string]bool{"do not distribute": true, "do not copy": true, "do not forward": true, "do not share": true, "do not circulate": true, "not for distribution": true, "not for release": true,
	"all rights reserved": true, "draft": true, "nicht weitergeben": true, "nicht zur weitergabe bestimmt": true, "entwurf": true, "ne pas diffuser": true, "no distribuir": true, "no difundir": true,
	"non distribuire": true, "non divulgare": true, "niet verspreiden": true, "não distribuir": true, "må ikke videregives": true, "får ej spridas": true}

// bare takes decoration off a line: "*** CONFIDENTIAL ***", "[Confidential]". An item of a
// list is none, and nothing is left of it.
func bare(line string) (core string, decorated bool) {
	const fancy = "[](){}*=~_+-<>!"
	if line == "" {
		return "", false
	}
	if first, last := line[0]|0x20, line[len(line)-1]|0x20; first >= 'a' && first <= 'z' && (last >= 'a' && last <= 'z' || last == '.'|0x20) {
		return line, false // as most lines are
	}
	if len(line) > 1 && strings.IndexByte("-*+", line[0]) >= 0 && line[1] == ' ' && line[len(line)-1] != line[0] {
		return "", false
	}
	core = strings.TrimFunc(line, func(r rune) bool {
		return blank(r) || r == '#' || r == '|' || r == '"' || r == '\'' || r == '>' || r == '„' || r == '“' || r == '”'
	})
	inner := strings.Trim(core, fancy+" ")
	left, right := strings.Index(core, inner), len(core)-len(inner)
	decorated = left > 0 && right > left && inner != ""
	return inner, decorated
}

// untagged takes the tags of HTML and XML off both ends of a line.
func untagged(line string) string {
	for len(line) > 2 && line[0] == '<' && (line[1] == '/' || line[1]|0x20 >= 'a' && line[1]|0x20 <= 'z') {
		end := strings.IndexByte(line, '>')
		if end < 0 {
			break
		}
		line = strings.TrimSpace(line[end+1:])
	}
	for strings.HasSuffix(line, ">") {
		at := strings.LastIndex(line, "</")
		if at < 0 {
			break
		}
		line = strings.TrimSpace(line[:at])
	}
	return line
}

// unquoted takes off what data and mark-up put around a name.
func unquoted(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return blank(r) || strings.ContainsRune("\"'`,;*_[](){}|.", r)
	})
}

// shouted reports whether a text is all capitals, and whether it begins with one. Letters
// of a script without capitals count as such a beginning.
func shouted(s string) (caps, capital bool) {
	first, _ := utf8.DecodeRuneInString(s)
	capital = unicode.IsUpper(first) || unicode.IsLetter(first) && !unicode.IsLower(first)
	upper := 0
	for _, r := range s {
		if unicode.IsLower(r) {
			return false, capital
		}
		if unicode.IsUpper(r) {
			upper++
		}
	}
	return upper > 1, capital
}
