package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// ForgedRole finds text that pretends to be a turn of the conversation: control
// tokens of chat templates, forged headers, delimiters that end the data.
//
// Catches: a template's token or a role header followed by words to an
// assistant; two such marks in one passage.
// Does not catch: a role told in plain prose, and tokens alone, as source code
// and templates hold them (those are only noticed).
// Example: a document that contains a line "### System:" and an order below it.
type ForgedRole struct{ member }

func newForgedRole() *ForgedRole {
	m := member{id: "injection/forged_role@1", finds: injections, read: readForged}
	for _, mark := range roleMarks {
		m.literals = append(m.literals, mark.text)
	}
	return &ForgedRole{m}
}

// roleMark is a mark of a turn; line says that it counts only where a line
// begins.
type roleMark struct {
	text  string
	line  bool
	token bool
	plain bool // a turn of any dialogue: no sign by itself
	data  bool // people structure their own prompts with it: a sign only in data
}

var roleMarks = []roleMark{
	{text: "<|im_start|>", token: true}, {text: "<|im_end|>", token: true}, {text: "<|system|>", token: true}, {text: "<|user|>", token: true}, {text: "<|assistant|>", token: true},
	{text: "<|start_header_id|>", token: true}, {text: "<|end_header_id|>", token: true}, {text: "<|eot_id|>", token: true}, {text: "<|endoftext|>", token: true}, {text: "<|begin_of_text|>", token: true},
	{text: "<start_of_turn>", token: true}, {text: "<end_of_turn>", token: true}, {text: "[inst]", token: true}, {text: "[/inst]", token: true}, {text: "<<sys>>", token: true}, {text: "<</sys>>", token: true},
	{text: "<system>", token: true}, {text: "</system>", token: true}, {text: "</user_input>", token: true}, {text: "</user>", token: true}, {text: "</document>", token: true}, {text: "</context>", token: true}, {text: "</tool_result>", token: true}, {text: "</data>", token: true}, {text: "</input>", token: true},
	{text: "<system_prompt>", token: true}, {text: "<system_message>", token: true}, {text: "<admin>", token: true}, {text: "<important>", token: true, data: true}, {text: "<instructions>", token: true, data: true}, {text: "<system-reminder>", token: true, data: true},
	{text: "system:", line: true}, {text: "system message:", line: true}, {text: "system prompt:", line: true}, {text: "system override:", line: true}, {text: "system note:", line: true}, {text: "[system]", line: true}, {text: "(system)", line: true}, {text: "[system message]", line: true}, {text: "[admin]", line: true},
	{text: "### system", line: true}, {text: "## system", line: true, plain: true}, {text: "# system", line: true, plain: true}, {text: "### instruction", line: true}, {text: "### new instruction", line: true}, {text: "### user", line: true, plain: true}, {text: "### assistant", line: true, plain: true}, {text: "### response", line: true, plain: true},
	{text: "assistant:", line: true, plain: true}, {text: "developer:", line: true, plain: true}, {text: "admin:", line: true}, {text: "new instructions:", line: true}, {text: "new instruction:", line: true}, {text: "new system prompt:", line: true}, {text: "updated instructions:", line: true},
	{text: "begin system prompt", line: true}, {text: "answer: task complete", line: true}, {text: "task complete.", line: true}, {text: "[assistant", line: true, data: true}, {text: "important message to", line: true, data: true}, {text: "end of user input", line: true}, {text: "end of document", line: true}, {text: "end of context", line: true}, {text: "end of data", line: true}, {text: "end of input", line: true}, {text: "end user input", line: true}, {text: "user input ends", line: true}, {text: "begin new instructions", line: true},
	{text: "[system override]", line: true}, {text: "{{system}}", token: true}, {text: `"role": "system"`}, {text: `"role":"system"`}, {text: "```system", line: true},
}

// readForged counts the marks and looks at what follows them.
func readForged(v *guard.View, add func(risk.Finding)) {
	first, last, marks, tokens, spoken := -1, 0, 0, 0, 0
	for _, h := range v.Hits {
		m := roleMarks[h.Literal]
		if m.line && !lineStart(v.Text, h.Start) || m.data && !isData(v.Origin) {
			continue
		}
		marks++
		if m.token {
			tokens++
		}
		if m.plain {
			continue
		}
		// A key of an object, or a turn in a file of turns, is no turn of this conversation.
		if rest := strings.TrimLeft(v.Text[h.End:], " \t"); isData(v.Origin) && (strings.HasPrefix(m.text, "\"role\"") || m.line && rest != "" && strings.IndexByte("'\"`|>{[", rest[0]) >= 0) {
			tokens++
			continue
		}
		// A mark alone stands in every template; an order behind it does not.
		if says := spokenTo(v.Text[h.End:min(len(v.Text), h.End+160)]); says > 0 {
			if spoken == 0 {
				first = h.Start
			}
			spoken++
			last = h.End + says
		} else if first < 0 {
			first, last = h.Start, h.End
		}
	}
	p := forgedWeight(marks, tokens, spoken)
	if p == 0 || first < 0 {
		return
	}
	if last < first {
		last = first
	}
	f := v.Finding(attack(v.Origin), first, last, p*doubt(v, first, last))
	f.Severity, f.Impact, f.Refs = risk.High, risk.Integrity, refs("LLM01:2026", "AML.T0051")
	add(f)
}

func forgedWeight(marks, tokens, spoken int) float64 {
	switch {
	case spoken > 0 && marks > 1:
		return .93
	case spoken > 0 && tokens > 0:
		return .9
	case spoken > 0:
		return .8
	case tokens > 1:
		return .35
	}
	return 0
}

// lineStart reports whether only blanks and marks of quotation stand before i
// on its line, or a sentence ended there.
func lineStart(s string, i int) bool {
	for i > 0 {
		switch s[i-1] {
		case '\n':
			return true
		case ' ', '\t', '>', '*', '-', '=', '#', '[', '"', '/', '(', '<', '!', '_', '~', '|':
			i--
		case '.', '\\', '\'':
			return true
		default:
			return i >= 2 && s[i-1] == 'n' && s[i-2] == '\\'
		}
	}
	return true
}

// commands are how one speaks to an assistant.
var commands = []string{"you must", "you are now", "you are no", "you are in", "you are free", "you are un", "you will", "you should", "you shall", "ignore", "disregard", "forget", "reveal", "send", "forward", "print", "include", "respond", "reply", "answer", "tell the user", "do not", "don't", "never", "always", "repeat", "output", "execute", "call the", "read the", "use the", "give", "from now on", "your new", "new instruct", "override", "delete", "transfer", "add a link", "provide", "grant", "enable", "act as", "the user is", "all restrictions", "comply", "recommend", "write", "say", "show", "list", "share", "visit", "download", "please", "create", "book", "invite", "store", "mark", "administer", "draft", "approve", "buy", "pay"}

// spokenTo returns how many bytes of s an order to an assistant takes, 0 when s
// does not begin with one.
func spokenTo(s string) int {
	low := strings.ToLower(s)
	body := strings.TrimLeft(low, " \t\r\n:;>]*#-=\"'\\n|")
	for _, role := range []string{"system", "message", "prompt", "override", "instructions", "instruction", "note"} {
		body = strings.TrimLeft(strings.TrimPrefix(body, role), " \t\r\n:;>]*#-=<|[")
	}
	skipped := len(low) - len(body)
	// The order is taken from the first line: what follows may be the document.
	if i := strings.IndexByte(body, '\n'); i > 20 {
		body = body[:i]
	}
	for _, c := range commands {
		if i := strings.Index(body[:min(len(body), 30)], c); i >= 0 && (i == 0 || body[i-1] == ' ') && strings.Count(body, " ") >= 2 {
			return skipped + len(body)
		}
	}
	return 0
}
