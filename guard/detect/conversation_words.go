package detect

import "strings"

// sort of word in a conversation.
type talk uint8

const (
	harmful  talk = iota // what nobody should be helped to make or do
	making               // asks for the way to do it, in detail
	unseen               // wants not to be caught
	guarding             // the same words in the mouth of those who protect
	refusing             // an assistant does not help
	willing              // an assistant does
	pretext              // the same request, dressed up
	joining              // puts pieces together
	keeping              // says that something is one of them
	talks                // how many sorts there are
)

// talkWords lists the words of each sort, as views write them: without accents.
var talkWords = [talks]string{
	harmful:  `bomb; bombs; pipe bomb; explosive; explosives; detonator; molotov; grenade; thermite; nerve agent; sarin; ricin; anthrax; nerve gas; meth; methamphetamine; fentanyl; heroin; ghost gun; silencer; malware; ransomware; keylogger; botnet; rootkit; phishing; ddos; trojan; spyware; poison; counterfeit; counterfeit money; launder; money laundering; hotwire; pick a lock; steal a car; stolen credit; fake passport; fake id; stalk; dox; hitman; kidnap; hack into; break into; shoplift; bombe; sprengstoff; schadsoftware; erpressungssoftware; gift mischen; falschgeld; explosif; explosifs; logiciel malveillant; poison mortel; fausse monnaie; explosivo; explosivos; programa malicioso; veneno; dinero falso; esplosivo; esplosivi; veleno; dinheiro falso; bomba; взрывчат*; бомб*; вредонос*; яд для; 炸弹; 炸药; 恶意软件; 毒药; 爆弾; 爆薬; マルウェア; 폭탄; 악성코드`,
	making:   `how to make; how do i make; how do you make; how would you make; how would one make; how did they make; how could one make; how to build; how do i build; how would one build; how could one build; how to produce; how to mix; how to write; how to get; how exactly; step by step; step-by-step; exact steps; exact amounts; exact quantities; in what order; what ratio; ingredients; recipe; quantities; materials needed; full instructions; detailed instructions; complete code; working code; actual code; be more specific; more specific; in practice; practical details; wie baut man; wie stellt man; wie mischt man; schritt fur schritt; genaue mengen; zutaten; comment fabriquer; comment faire; etape par etape; quantites exactes; como fabricar; como se hace; como hacer; paso a paso; cantidades exactas; come costruire; come si fa; passo dopo passo; como fazer; passo a passo; как сделать; как собрать; пошагов*; 怎么制作; 如何制作; 一步一步; 配方; 作り方; 手順; 만드는 방법`,
	unseen:   `without being caught; without getting caught; not get caught; avoid getting caught; undetected; undetectable; untraceable; avoid detection; evade detection; leave no trace; without leaving traces; get away with; without anyone noticing; without anyone knowing; without a license; bypass the alarm; past security; evade antivirus; ohne erwischt; unentdeckt; ohne spuren; sans se faire prendre; sans laisser de traces; sin ser descubierto; sin dejar rastro; senza essere scoperti; sem ser pego; незамет*; без следов; 不被发现; 不留痕迹; ばれずに; 들키지 않고`,
	guarding: `protect; protection; prevent; preventing; prevention; defend; defence; defense; detect; awareness; simulation; train our staff; training for our; patch; mitigate; remove it; clean up; report it; recognise; recognize; antidote; first aid; history of; museum; exam; schutzen; vorbeugen; erkennen; proteger; prevenir; detectar; proteggere; rilevare; защит*; 防止; 防护; 預防; 防ぐ`,
	refusing: `i can't help with; i cannot help with; i can't assist; i cannot assist; i can't provide; i cannot provide; i can't do that; i won't; i will not; i'm not able to help; i am not able to help; i'm unable to; i am unable to; can't help you with; i must decline; i have to decline; not something i can; against my guidelines; against our policy; ich kann dabei nicht; ich kann dir dabei nicht; ich kann ihnen dabei nicht; dabei kann ich nicht; darf ich nicht; je ne peux pas; je ne suis pas en mesure; no puedo ayudar; no puedo proporcionar; no puedo hacer; non posso aiutar; non posso fornire; nao posso ajudar; nao posso fornecer; ik kan je daar niet; nie moge pomoc; не могу помочь; не могу предостав*; 我不能; 我无法; 无法提供; お手伝いできません; できません; 提供できません; 도와드릴 수 없; 제공할 수 없`,
	willing:  `sure; of course; certainly; absolutely; here is; here's; here are; happy to; no problem; gladly; with pleasure; step 1; first,; naturlich; gerne; klar; bien sur; voici; claro; por supuesto; aqui tienes; certo; certamente; ecco; конечно; вот; 当然; 好的; もちろん; 물론`,
	pretext:  `hypothetically; hypothetical; theoretically; in theory; purely academic; for research; for a novel; for my novel; for a story; for a book; for a movie; screenplay; fiction; fictional; character; roleplay; role play; pretend; imagine; my grandmother; my grandma; educational; for school; for a class; i am a researcher; i'm a researcher; i am a doctor; i'm a doctor; i am a police; security professional; i have permission; i am allowed; just this once; a friend of mine; asking for a friend; someone else; in another world; as a poem; in code; only the first; just the first; rein hypothetisch; hypothetisch; fur einen roman; stell dir vor; meine oma; hypothetiquement; pour un roman; imagine que; ma grand-mere; hipoteticamente; para una novela; imagina; mi abuela; ipoteticamente; per un romanzo; immagina; гипотетически; для романа; представь; 假设; 小说; 想象; 仮に; 小説; 想像して; 가정; 소설`,
	keeping:  `part; piece; chunk; fragment; segment; half; remember; memorize; memorise; store; save; keep; teil; merke dir; partie; parte; retiens; recuerda; ricorda; lembre; часть; запомни; 记住; 覚えて; 기억`,
	joining:  `decode; decoded; dekodiere; decodifica; concatenate; combine; combined; join; joined together; put together; put them together; put the parts; put the pieces; together they; assemble; append; merge the; verkette; verbinde; fuge; setze zusammen; zusammengesetzt; concatene; assemble les; combina; concatena; junta; unisci; соедини; объедини; 拼接; 组合; 连接; 結合; つなげ; 합쳐; 이어 붙여`,
}

// spoken is a word with its sort.
type spoken struct {
	text string
	talk talk
	stem bool // written with a star: it may go on
}

var spokenWords = func() []spoken {
	var out []spoken
	for sort, words := range talkWords {
		for _, w := range strings.Split(words, ";") {
			w, stem := strings.CutSuffix(strings.TrimSpace(w), "*")
			out = append(out, spoken{w, talk(sort), stem})
		}
	}
	return out
}()

// Labels that begin the lines of a conversation that is written down.
var (
	asks    = map[string]bool{"user": true, "human": true, "q": true, "question": true, "me": true, "person": true, "student": true, "prompt": true, "nutzer": true, "frage": true, "utilisateur": true, "usuario": true, "utente": true, "пользователь": true, "用户": true, "ユーザー": true}
	answers = map[string]bool{"assistant": true, "ai": true, "a": true, "answer": true, "bot": true, "model": true, "chatbot": true, "gpt": true, "response": true, "antwort": true, "assistent": true, "asistente": true, "assistente": true, "ассистент": true, "助手": true, "アシスタント": true}
)
