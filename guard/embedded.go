package guard

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// part is a stretch of what a person sent that they did not write for the model: a document, a
// mail, a page that they ask about.
type part struct{ start, end int }

// Bounds on the parts of one text.
const (
	maxParts  = 16
	maxTries  = 64 // that found no end, or too little
	leastPart = 40 // bytes: shorter ones are words that somebody quotes
	leastAsk  = 12 // bytes beside them: a text that is nothing else is the person's own
)

// material are names of elements that hold what is asked about. Elements with other names
// (instructions, task, example) are a person's way to write a request.
var material = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields("document doc context file page article email mail source content text data passage result quote quotation html body attachment transcript log review resume cv letter memory note excerpt snippet website webpage post comment ticket message thread report record chunk retrieved untrusted external pdf invoice readme") {
		out[w] = true
	}
	return out
}()

// parts finds what is embedded in a text: elements with a name for material, fences, blocks in
// three quotes, mails with their heads. They do not overlap, and are in order.
func parts(s string) (out []part) {
	if len(s) < leastPart+leastAsk || !strings.ContainsAny(s, "<`\"\n") {
		return nil
	}
	inside, tries := 0, 0
	for i := 0; i < len(s) && len(out) < maxParts && tries < maxTries; {
		p, ok := partAt(s, i)
		if !ok || p.end-p.start < leastPart {
			if p.start > i {
				tries++ // the whole rest was searched for an end
			}
			i++
			continue
		}
		out = append(out, p)
		inside += p.end - p.start
		i = p.end
	}
	if len(s)-inside < leastAsk {
		return nil
	}
	return out
}

// partAt returns the part whose mark stands at s[i].
func partAt(s string, i int) (part, bool) {
	switch {
	case s[i] == '<':
		return embeddedElement(s, i)
	case strings.HasPrefix(s[i:], "```") && lineBegins(s, i), strings.HasPrefix(s[i:], `"""`):
		end := strings.Index(s[i+3:], s[i:i+3])
		return part{i + 3, i + 3 + end}, end >= 0
	case (s[i] == 'F' || s[i] == 'f') && lineBegins(s, i) && mailHead(s[i:]):
		return part{i, len(s)}, true
	}
	return part{}, false
}

func lineBegins(s string, i int) bool { return i == 0 || s[i-1] == '\n' }

// maxTag bounds the tag that begins an element, in bytes.
const maxTag = 256

// embeddedElement returns what stands in an element for material.
func embeddedElement(s string, i int) (part, bool) {
	n := i + 1
	for n < len(s) && n-i < 40 && (isWord(s[n]) || s[n] == '_' || s[n] == '-') {
		n++
	}
	name := s[i+1 : n]
	if name == "" || !holdsMaterial(name) {
		return part{}, false
	}
	open := strings.IndexByte(s[n:min(len(s), n+maxTag)], '>')
	if open < 0 {
		return part{}, false
	}
	// The last end of that name: a document that closes its element early does not leave it.
	end := strings.LastIndex(s[n+open:], "</"+name+">")
	return part{n + open + 1, n + open + end}, end > 0
}

// holdsMaterial reports whether one of the words that a name is made of is one for material.
func holdsMaterial(name string) bool {
	for w := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' }) {
		if material[w] || material[strings.TrimSuffix(w, "s")] {
			return true
		}
	}
	return false
}

// mailHead reports whether a mail begins here: who sent it, and at least one more line that
// only mails have.
func mailHead(s string) bool {
	lines := strings.SplitN(s[:min(len(s), 600)], "\n", 6)
	heads := 0
	for _, l := range lines {
		key, value, ok := strings.Cut(l, ":")
		if !ok || strings.TrimSpace(value) == "" {
			break
		}
		switch strings.ToLower(key) {
		case "from", "to", "cc", "subject", "date", "sent", "reply-to":
			heads++
		}
	}
	return heads > 1
}

// withParts returns the passages with the parts of what people sent behind them, as what was
// retrieved, and for each of these where it stands. A model reads a document in a message as it
// reads any other, so it is measured as one.
func withParts(passages []llm.Passage) (all []llm.Passage, at []risk.Finding) {
	all = passages
	for i := range passages {
		p := &passages[i]
		if p.Origin != llm.OriginUser || p.Channel.Kind != llm.KindText || p.Seam > 0 || p.Path == llm.Headers {
			continue
		}
		for _, one := range parts(p.Text) {
			q := *p
			q.Origin, q.Text, q.Instead, q.Echoes = llm.OriginRetrieved, p.Text[one.start:one.end], nil, nil
			all = append(all[:len(all):len(all)], q)
			at = append(at, risk.Finding{Passage: i, Start: one.start})
		}
	}
	return all, at
}

// apart returns a request with the parts of what people sent as passages of their own, and not in
// theirs: what they said themselves is what is left.
func apart(request []llm.Passage) []llm.Passage {
	all, at := withParts(request)
	out := append([]llm.Passage(nil), all...)
	for i := len(at) - 1; i >= 0; i-- {
		host, n := &out[at[i].Passage], len(all[len(request)+i].Text)
		host.Text = host.Text[:at[i].Start] + host.Text[at[i].Start+n:]
	}
	return out
}

// back gives findings in parts their places in the passages. Only attacks count there: all else
// was found where it stands. A part of what a person sent is not cut out: the call is refused.
func back(found []risk.Finding, at []risk.Finding, n int) []risk.Finding {
	out := found[:0]
	for _, f := range found {
		if f.Passage >= n {
			if families[f.Category] != "attack" || f.Category == risk.HiddenText || f.Category == risk.EncodedPayload {
				continue
			}
			host := at[f.Passage-n]
			f.Passage, f.Start, f.End = host.Passage, f.Start+host.Start, f.End+host.Start
			if f.Decision == risk.Mask {
				f.Decision = risk.Block
			}
		}
		out = append(out, f)
	}
	return out
}
