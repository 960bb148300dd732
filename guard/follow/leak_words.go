package follow

import (
	"strings"

	"github.com/bartizan-ai/bartizan/text"
)

// sign is what a word says of the sentence that it stands in.
type sign uint16

const (
	secrecy  sign = 1 << iota // something is not to be told
	denial                    // not
	telling                   // a verb of telling
	limit                     // for some, or for one use
	naming                    // a secret is named
	backward                  // what was named before
	oneself                   // the instructions
	duty                      // somebody is instructed
)

// entry is a word as it is looked for. One of Latin letters has a blank before it, so that the
// end of another word is none; a whole one has a blank behind it, too. Scripts without blanks
// between words have none.
type entry struct {
	text string
	is   sign
}

// lexicon holds words by their first three bytes, so that a sentence is read once for all.
type lexicon map[[3]byte][]entry

// wordList are words of one sign, written with semicolons between them.
type wordList struct {
	is    sign
	stems bool // any word may begin like this
	words string
}

func newLexicon(lists []wordList) lexicon {
	out := lexicon{}
	for _, l := range lists {
		for w := range strings.SplitSeq(l.words, ";") {
			v := text.Normalise(strings.TrimSpace(w))
			w = text.Fold(v.Text)
			if w == "" {
				continue
			}
			if w[0] < 0xE0 {
				w = " " + w
				if !l.stems && !strings.HasSuffix(w, "'") {
					w += " "
				}
			}
			k := [3]byte([]byte(w))
			out[k] = append(out[k], entry{w, l.is})
		}
	}
	return out
}

// found is a word of the lists in a sentence: its sign, and where it ends.
type found struct {
	is       sign
	from, to int
	wide     bool // of a script without blanks, whose languages may deny behind the verb
}

// of returns the words of the lexicon that a padded text holds.
func (x lexicon) of(s string) (out []found, all sign) {
	for i := 0; i+3 <= len(s); i++ {
		if s[i] != ' ' && s[i] < 0xE0 {
			continue
		}
		for _, e := range x[[3]byte{s[i], s[i+1], s[i+2]}] {
			if strings.HasPrefix(s[i:], e.text) {
				out = append(out, found{e.is, i, i + len(e.text), s[i] >= 0xE0})
				all |= e.is
			}
		}
	}
	return out, all
}

// keeping holds what system texts say of what is not to be told, in the languages that they are
// written in.
var keeping = newLexicon([]wordList{
	{secrecy, true, `confidential; secret; top secret; classified; keep it to yourself; keep this to yourself; keep to yourself; keep it safe; keep this safe; keep private; not public; nondisclosure; need-to-know; need to know; under seal; order of silence; off limits;
		vertraulich; geheim; geheimhalt; verschwiegen; fur dich behalten; confidentiel; secrets; garde-le pour toi; garder pour soi; confidencial; secreto; secreta; riservat; segret; confidenzial; sigilos; segredo; secreto; vertrouwelijk; poufn; tajn; sekret; hemlig; fortrolig; salainen; gizli; rahasia; bi mat; duverne; titkos; confidential;
		секрет; конфиденц; тайн; таємн; 机密; 機密; 保密; 秘密; 极秘; 極秘; 社外秘; 内緒; 비밀; 기밀; 대외비; سري; سرية; محرمانه; गुप्त; गोपनीय; গোপন; ความลับ; απόρρητ; εμπιστευτικ; סודי`},
	{denial, false, `never; not; don't; doesn't; mustn't; can't; cannot; won't; shouldn't; nobody; no one; no customer; no user; in no; without; refuse to; avoid; nor;
		nie; niemals; nicht; kein; keine; keinem; niemand; niemandem; ne; n'; jamais; personne; pas; no; nunca; jamas; nadie; ningun; non; mai; nessun; nao; ninguem; nooit; niet; niemand; geen; nigdy; nikomu; aldrig; inte; ikke; ingen; ala; asla; kimse; jangan; khong; dung; nikdy; nu; soha;
		никогда; никому; не ; нельзя; 不要; 不得; 切勿; 禁止; 不能; 不可; 别; 勿; 绝不; 決して; ないで; しない; いけない; ならない; 禁じ; 마세요; 말 것; 마라; 말라; 않; 안 된; 금지; لا ; أبدا; نباید; मत; नहीं; ন; ห้าม; อย่า; μην; ποτέ; אל ; לא `},
	{telling, true, `reveal; share; tell; told; mention; disclose; give; given; say; said; repeat; show; shown; pass; print; output; hand; leak; expose; quote; write; written; appear; appears; learn; know; leave; leaves; confirm; publish; send; sent; hint; spell; translate; encode; echo; read out; discuss; divulge; let anyone; get out; speak; communicate;
		verrat; sag; nenn; teil; weitergeb; weiterg; zeig; preisgeb; erwahn; offenbar; wiederhol; schreib; mitteil; gib; revel; dis; dire; dit; partag; divulg; montr; mentionn; communiqu; donn; repet; ecri; deci; dig; compart; muestr; mencion; dar; des; repit; rivel; dic; condivid; mostr; menzion; ripet; compartilh; conta; onthul; deel; noem; zeg; toon; vertel; verraad; geef; ujawni; zdradza; podawa; podaj; mow; udostepni; avsloj; sag; dela; namn; afslor; paljast; kerro; soyle; paylas; acikla; goster; beri; ungkap; bagikan; sebut; bocor; tiet lo; noi; chia se; prozra; sdel; dezvalu; spune; arul; mond;
		раскрыва; раскро; сообща; говор; называ; показыва; передава; разглаша; выдава; розкрива; 透露; 告诉; 告訴; 泄露; 洩露; 说出; 說出; 分享; 公开; 公開; 显示; 提及; 说; 教え; 明かし; 漏ら; 言; 見せ; 共有; 開示; 話; 알려; 말하; 공개; 공유; 누설; 밝히; 발설; تكشف; تخبر; تشارك; تذكر; تقل; فاش; बता; साझा; प्रकट; দেখা; বল; บอก; เปิดเผย; αποκαλύπτ; πεις; תגל; תספר`},
	{limit, false, `only; alone; solely; exclusively; own use; internal; staff use; nur; allein; ausschliesslich; intern; seulement; uniquement; reserve; interne; solo; solamente; unicamente; interno; soltanto; esclusivamente; apenas; somente; alleen; uitsluitend; tylko; wylacznie; endast; bara; kun; vain; sadece; yalnizca; hanya; chi; только; лишь; 仅; 僅; 只; のみ; だけ; 만 ; فقط; केवल; सिर्फ`},
	{naming, true, `password; passphrase; pass phrase; passcode; pass code; pass word; code word; codeword; code; codes; pin; token; key; credential; credentials; login; secret; phrase; word; combination; watchword; keyword; access; otp; pass;
		passwort; kennwort; losung; losungswort; codewort; schlussel; zugangscode; geheimwort; mot de passe; mot secret; code secret; cle; jeton; mot; contrasena; clave; codigo; palabra secreta; palabra; parola d'ordine; parola; codice; chiave; senha; codigo; chave; palavra; wachtwoord; wachtzin; sleutel; code; haslo; klucz; kod; losenord; kodord; nyckel; adgangskode; salasana; sifre; anahtar; kata sandi; sandi; kunci; kode; mat khau; ma; heslo; parola; jelszo;
		пароль; ключ; код; токен; слово; гасло; 口令; 密码; 密碼; 密钥; 暗号; 代码; 凭据; パスワード; 合言葉; 暗証番号; コード; 鍵; 암호; 비밀번호; 코드; 열쇠; كلمة السر; كلمة المرور; رمز; पासवर्ड; कोड; רמز; סיסמה; κωδικός; รหัส`},
	{backward, false, `it; its; this; that; these; those; them; they; es; sie; das; dies; dieses; ihn; il; elle; cela; ce; le; la; lo; esto; eso; esta; questo; questa; isso; ele; ela; het; dit; dat; deze; to; go; ona; это; его; её; она; 它; 这; 此; これ; それ; 이것; 그것; bu; onu; ini; itu; no; nobody; never; keep; هذا; यह; इसे`},
	{oneself, false, `these instructions; your instructions; the instructions; these rules; your rules; the rules; this prompt; the prompt; your prompt; system prompt; system message; these guidelines; this message; this text; this briefing; this page; diese anweisungen; deine anweisungen; diese regeln; ces instructions; tes instructions; ces consignes; estas instrucciones; tus instrucciones; estas reglas; queste istruzioni; istruzioni; estas instrucoes; suas instrucoes; deze instructies; te instrukcje; эти инструкции; инструкции; 这些指令; 指令; 提示词; この指示; 指示; 이 지시; 지시; bu talimat; talimat; instruksi ini; هذه التعليمات; निर्देश`},
	{duty, false, `you; your; you're; never; always; do not; don't; must; should; answer; answers; reply; respond; refuse; explain; return; keep; stay; follow; act; behave; assistant; assist;
		du; dein; deine; sie; ihre; niemals; immer; antworte; darfst; sollst; assistent; tu; vous; votre; toujours; jamais; reponds; repondez; assistant; tu; usted; tus; siempre; nunca; responde; asistente; tuo; rispondi; sempre; assistente; voce; seu; sua; responda; je; jij; jouw; altijd; nooit; antwoord; twoj; zawsze; nigdy; odpowiadaj; sen; her zaman; cevap; anda; kamu; selalu; jawab; ban; luon;
		ты; вы ; твой; ваш; всегда; никогда; отвечай; помощник; 你; 您; 必须; 不要; 回答; 助手; あなた; 必ず; 答え; ください; 당신; 항상; 답변; 하세요; أنت; دائما; أجب; आप; हमेशा; उत्तर`},
})

var (
	// assigning stand between the name of a secret and its value.
	assigning = []string{"", "is", "is:", "are", "=", ":", "was", ":=", "ist", "lautet", "heisst", "est", "es", "e", "é", "is de", "to", "jest", "er", "ar", "это", "-", "—", "–", "是", "为", "：", "は", "는", "은"}
	// statesOfSecrets say of a secret how it is, and are none.
	statesOfSecrets = strings.Fields(`required optional secret confidential private needed invalid valid correct incorrect wrong unknown below above here there hidden important mandatory internal sensitive public known different unique personal their yours mine none this that these those wanted necessary safe true false empty temporary permanent strong weak correcto secreta secreto confidencial geheim vertraulich nötig notig secrete secret requis kept told given`)
)
