package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// ExfiltrationLink finds links that carry data away.
//
// Catches: images and links whose address has a blank to fill in, or a long
// encoded value; in data, orders to send what the assistant knows to an address.
// Does not catch: data split over several links, or hidden in the choice of
// links. Ordinary query strings are left alone.
// Example: an image whose address ends in "?d=" and a base64 value.
type ExfiltrationLink struct{ member }

func newExfiltrationLink() *ExfiltrationLink {
	return &ExfiltrationLink{member{id: "exfiltration_link@1", finds: []risk.Category{risk.ExfiltrationLink, risk.IndirectInjection, risk.PromptInjection},
		literals: []string{"http://", "https://"}, read: readLinks}}
}

func readLinks(v *guard.View, add func(risk.Finding)) {
	for _, h := range v.Hits {
		end := linkEnd(v.Text, h.End)
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
	if open := strings.LastIndex(before, "!["); open >= 0 && strings.HasSuffix(strings.TrimRight(before, " <"), "](") {
		return true
	}
	return strings.HasSuffix(text4(before), "src=")
}

// text4 is the end of s without quotes and blanks, in lower case.
func text4(s string) string {
	s = strings.TrimRight(s, "\"' ")
	return strings.ToLower(s[max(0, len(s)-4):])
}

// blanks are what an address holds where data shall be filled in.
var fillIns = []string{"{", "%7b", "[", "<", "$", "___", "...", "data_here", "your_", "insert", "base64"}

// linkWeight is how likely an address carries data away.
func linkWeight(address string, image bool) float64 {
	_, query, ok := strings.Cut(address, "?")
	if !ok {
		return 0
	}
	_, value, _ := strings.Cut(query, "=")
	low := strings.ToLower(value)
	switch {
	// A blank to fill in is an instruction, whatever the address.
	case image && containsAny(low, fillIns):
		return .9
	case image && len(value) >= 64 && !strings.Contains(value, "&"):
		return .75
	case image && len(value) >= 24 && entropy(value) > 3.2 && !strings.Contains(value, "&"):
		return .55
	}
	return 0
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
