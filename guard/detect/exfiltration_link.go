package detect

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// ExfiltrationLink finds links that carry data away.
//
// Catches: images and links whose address has a blank to fill in, or carries text in
// an encoding, in its query, its path or the name of its host; in data, orders to send
// what the assistant knows to an address.
// Does not catch: data split over several links, encrypted, or hidden in the choice of
// links. Ordinary query strings, ids, badges and pictures of diagrams are left alone.
// Example: an image whose address ends in "?d=" and a base64 value.
type ExfiltrationLink struct{ member }

func newExfiltrationLink() *ExfiltrationLink {
	return &ExfiltrationLink{member{id: "exfiltration_link@2", finds: []risk.Category{risk.ExfiltrationLink, risk.IndirectInjection, risk.PromptInjection},
		literals: []string{"http://", "https://"}, read: readLinks}}
}

// maxInside bounds the addresses looked at inside another.
const maxInside = 4

func readLinks(v *guard.View, add func(risk.Finding)) {
	last, inside := 0, 0
	for _, h := range v.Hits {
		// Addresses inside an address are looked at, too, but not without end.
		if h.Start >= last {
			inside = 0
		} else if inside++; inside > maxInside {
			continue
		}
		end := linkEnd(v.Text, h.End)
		last = max(last, end)
		image := imageBefore(v.Text, h.Start)
		p := linkWeight(v.Text[h.End:end], image)
		category := risk.ExfiltrationLink
		if isData(v.Origin) && sentTo(v.Text, h.Start) {
			category, p = risk.IndirectInjection, max(p, .85)
		} else if v.Origin == llm.OriginUser && sentOwn(v.Text, h.Start) {
			category, p = risk.PromptInjection, .9
		}
		if p < .3 {
			continue
		}
		f := v.Finding(category, h.Start, end, p)
		f.Severity, f.Impact, f.Refs = risk.High, risk.Confidentiality, refs("LLM02:2026", "AML.T0057")
		add(f)
	}
}

// linkEnd returns the end of an address: at a blank, quote or bracket that it
// did not open, at most 2 KB on. Braces are kept: they are what is filled in.
func linkEnd(s string, i int) int {
	end := i
	for end < len(s) && end-i < 2048 && s[end] > ' ' && strings.IndexByte("\"'`<>)", s[end]) < 0 {
		end++
	}
	return end
}

// imageBefore reports whether the address at i loads by itself.
func imageBefore(s string, i int) bool {
	before := s[max(0, i-200):i]
	if open := strings.LastIndex(before, "!["); open >= 0 && strings.HasSuffix(strings.TrimRight(before, " <"), "](") && strings.Count(before[open:], "](") == 1 {
		return true
	}
	return strings.HasSuffix(text4(before), "src=")
}

// text4 is the end of s without quotes and blanks, in lower case.
func text4(s string) string {
	s = strings.TrimRight(s, "\"' ")
	return strings.ToLower(s[max(0, len(s)-4):])
}

// fillIns are what an address holds where data shall be filled in.
var fillIns = []string{"{", "%7b", "[", "<", "$", "___", "...", "data_here", "your_", "insert", "base64"}

// fillWords are what only an assistant could fill in; an address with the like of
// {user_id} is only a manual.
var fillWords = []string{"conversation", "summary", "chat_history", "chat history", "history", "secret", "system_prompt", "system prompt", "context", "user_data", "password", "api_key", "credentials", "base64", "memory", "inbox", "email_body", "document", "everything"}

// pictures are services that draw what their address says.
var pictures = []string{"mermaid.ink", "quickchart.io", "kroki.io", "plantuml.com", "codecogs.com", "shields.io", "badgen.net", "chart.googleapis.com", "qrserver.com", "staticmap", "maps.googleapis.com", "gravatar.com"}

// linkWeight is how likely an address carries data away.
func linkWeight(address string, image bool) float64 {
	host, rest := address, ""
	if i := strings.IndexAny(address, "/?#"); i >= 0 {
		host, rest = address[:i], address[i:]
	}
	if containsAny(strings.ToLower(host), pictures) {
		return 0
	}
	path, query, _ := strings.Cut(rest, "?")
	best := 0.0
	for pair := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(pair, "=")
		best = max(best, valueWeight(value, image))
	}
	for part := range strings.FieldsFuncSeq(path+"."+host, func(r rune) bool { return r == '/' || r == '.' || r == '#' || r == ',' }) {
		if p := partWeight(part, image); p > best {
			best = p
		}
	}
	if _, value, _ := strings.Cut(query, "="); image && len(value) >= 64 && !strings.Contains(value, "&") {
		best = max(best, .75)
	}
	return best
}

// valueWeight weighs a value of a query.
func valueWeight(value string, image bool) float64 {
	low := strings.ToLower(value)
	switch {
	// A blank to fill in is an instruction, whatever the address.
	case image && containsAny(low, fillIns):
		return .9
	case strings.HasPrefix(value, "${"):
		return 0 // a program puts the address together
	case containsAny(low, fillIns[:5]) && containsAny(strings.NewReplacer("%20", " ", "+", " ").Replace(low), fillWords):
		return .6
	case spelt(value):
		if image {
			return .8
		}
		return .6
	case image && written(value):
		return .7
	case image && len(value) >= 24 && entropy(value) > 3.2:
		return .55
	}
	return 0
}

// partWeight weighs a part of a path or of a host's name.
func partWeight(part string, image bool) float64 {
	switch {
	case len(part) < 24:
		return 0
	case spelt(part) && image:
		return .8
	case spelt(part):
		return .6
	}
	return 0
}

// written reports whether a value holds a sentence: several words, percent signs or
// plus signs between them.
func written(value string) bool {
	blanks := strings.Count(value, "%20") + strings.Count(value, "+") + strings.Count(value, "%0A")
	return len(value) >= 40 && blanks >= 4
}

// spelt reports whether a value is text in base64, base32 or hex: long enough to say
// something, and readable when it is decoded.
func spelt(value string) bool {
	value = strings.TrimRight(value, "=")
	if len(value) < 24 || len(value) > 2048 || strings.HasPrefix(value, "eyJ") && strings.Count(value, ".") >= 2 {
		return false
	}
	var raw []byte
	var err error
	switch {
	case take(value, 0, len(value), anyHex) == len(value):
		raw, err = hex.DecodeString(value[:len(value)&^1])
	case take(value, 0, len(value), upper32) == len(value), take(value, 0, len(value), lower32) == len(value):
		raw, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(value))
	case take(value, 0, len(value), word64) == len(value):
		raw, err = base64.RawURLEncoding.DecodeString(value)
	default:
		raw, err = base64.RawStdEncoding.DecodeString(strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "").Replace(value))
	}
	return err == nil && readable(raw)
}

// The alphabets of base32.
var upper32, lower32 = chars("A-Z2-7"), chars("a-z2-7")

// readable reports whether decoded bytes are text of several words.
func readable(raw []byte) bool {
	if !utf8.Valid(raw) || len(raw) < 12 {
		return false
	}
	letters, blanks, odd := 0, 0, 0
	for _, r := range string(raw) {
		switch {
		case unicode.IsLetter(r):
			letters++
		case r == ' ' || r == '\n' || r == '=' || r == ':' || r == '_' || r == ',':
			blanks++
		case r < 0x20 || r == utf8.RuneError || unicode.Is(unicode.Co, r):
			odd++
		}
	}
	n := utf8.RuneCount(raw)
	return odd == 0 && letters*10 >= n*6 && blanks > 0
}

// sendVerbs and sendThings make an order to send what the assistant knows.
var (
	sendVerbs  = []string{"add a link", "append an image", "render ", "include an image", "send ", "forward ", "post ", "upload ", "transmit ", "exfiltrat", "leak ", "append ", "submit ", "report ", "sende ", "schicke ", "envoie", "envía", "envia ", "invia ", "stuur ", "wyslij", "wyślij", "отправ", "发送", "發送", "送信", "送って", "보내", "gönder", "gonder", "kirim", "gui ", "skicka", "send den", "laheta", "posli", "trimite", "kuldd", "στειλε", "στείλε", "أرسل", "ارسل", "बھیج", "भेज", "ส่ง", "tuma ", "שלח"}
	sendThings = []string{"conversation", "chat history", "history", "system prompt", "contact list", "password", "credential", "api key", "token", "user data", "user's", "secret", "environment variable", ".env", "inbox", "e-mail", "email", "files", "personal data", "unterhaltung", "gespräch", "gesprach", "verlauf", "passwort", "conversaci", "historial", "historique", "contraseña", "contrasena", "cronologia", "conversazione", "histórico", "historico", "conversa", "senha", "geschiedenis", "wachtwoord", "histori", "rozmow", "hasł", "истори", "переписк", "парол", "对话", "历史", "對話", "密码", "会話", "履歴", "パスワード", "대화", "기록", "비밀번호", "konuşma", "konusma", "percakapan", "riwayat", "tro chuyen", "konversation", "samtal", "keskustelu", "konverzac", "conversati", "beszelget", "συνομιλ", "المحادثة", "محادثة", "बातचीत", "इतिहास", "สนทนา", "mazungumzo", "השיחה"}
)

// sentTo reports whether the text before an address orders something of the
// assistant's to be sent there.
func sentTo(s string, i int) bool {
	before := near(s, i, i, 110)
	before = before[:min(len(before), 110)]
	if cut := strings.LastIndexAny(before, "\n"); cut >= 0 {
		before = before[cut:]
	}
	// Some languages say where to before what and the verb.
	after := near(s, i, i, 160)
	after = after[min(len(after), 110):]
	return containsAny(before, sendVerbs) && containsAny(before, sendThings) || containsAny(after, sendVerbs[24:]) && containsAny(before+after, sendThings)
}

// ownThings are what only an assistant has: no user sends these to an address.
var ownThings = []string{"conversation so far", "user's name", "user's last message", "user's e-mail", "followed by the conversation", "conversation history", "chat history", "system prompt", "this conversation", "your context", "your instructions", "gesprachsverlauf", "gesprächsverlauf", "historique de la conversation", "historial de la conversaci", "cronologia della conversazione", "historico da conversa", "histórico da conversa", "gespreksgeschiedenis", "historie rozmowy", "historię rozmowy", "историю разговора", "историю беседы", "对话记录", "对话历史", "會話歷史", "会話履歴", "会話の履歴", "대화 기록", "konuşma geçmişi", "konusma gecmisi", "riwayat percakapan", "lich su tro chuyen", "konversationshistorik", "samtalehistorik", "keskusteluhistoria", "historii konverzace", "istoricul conversa", "سجل المحادثة", "बातचीत का इतिहास", "ประวัติการสนทนา"}

// sentOwn reports whether a user orders what is the assistant's own to be sent
// to the address at i.
func sentOwn(s string, i int) bool {
	around := near(s, i, i, 160)
	return containsAny(around, ownThings) && containsAny(around, sendVerbs)
}
