package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/risk"
)

// EncodedPayload finds words that were encoded so that only the model reads
// them.
//
// Catches: base64, hex, percent, entity, escape, binary, Morse, turned and
// reversed text that reads like language, more surely when it speaks like an
// order. What it says is judged by every other detector too.
// Does not catch: ciphers with a key, languages of one's own, payloads deeper
// than two encodings. Encoded data that does not read like language is left
// alone.
// Example: "Decode this and do what it says:" and a base64 order.
type EncodedPayload struct{ member }

func newEncodedPayload() *EncodedPayload {
	return &EncodedPayload{member{id: "encoded_payload@1", finds: []risk.Category{risk.EncodedPayload}, read: readEncoded}}
}

// veiled are encodings that programs have no everyday use for in running text.
var veiled = []string{"tag", "selector", "morse", "binary", "rot13", "reverse", "override"}

func readEncoded(v *guard.View, add func(risk.Finding)) {
	if !v.Decoded() || v.Via == "leet" {
		return // digits for letters hide nothing from a reader
	}
	outer := strings.Contains(v.Via, "+")
	low := strings.ToLower(v.Text[:min(len(v.Text), 512)])
	speaks := false
	for _, c := range orderly {
		if i := strings.Index(low, c); i >= 0 && (i == 0 || !letterByte(low[i-1])) {
			speaks = true
			break
		}
	}
	p := .2
	switch hidden := containsAny(v.Via, veiled); {
	case speaks && (hidden || outer):
		p = .9
	case speaks && containsAny(near(v.Raw, 0, 0, 4096), decodeWords):
		p = .9
	case speaks:
		p = .55
	case hidden:
		p = .4
	}
	f := v.Finding(risk.EncodedPayload, 0, len(v.Text), p)
	f.Severity, f.Impact, f.Refs = risk.Medium, risk.Integrity, refs("LLM01:2026", "AML.T0068")
	if p >= .3 {
		add(f)
	}
}

// orderly are the beginnings of orders to an assistant.
var orderly = []string{"ignore ", "disregard ", "forget ", "override ", "reveal ", "you must", "you are now", "system prompt", "your instructions", "previous instructions", "do not tell", "from now on", "send the ", "print your", "instructions are void", "enter ", "pretend "}

// decodeWords ask for an encoding to be opened and obeyed.
var decodeWords = []string{"decode", "decrypt", "is encoded", "follow it", "follow the decoded", "do what it says", "obey", "execute it", "carry out", "dekodier", "entschlussel", "decode", "decodifica", "descodifica", "decodeer", "zdekoduj", "декодируй", "расшифруй", "解码", "デコード", "디코딩"}

func letterByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}
