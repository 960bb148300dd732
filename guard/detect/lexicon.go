package detect

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
)

// class is a set of words that mean the same for a detector, in many
// languages. Words are as text.Normalise leaves them: lower case, Latin letters
// without marks. A star at the end takes any ending.
type class uint8

const (
	drop    class = iota // to leave rules behind
	shed                 // to do away with things, rules or others
	earlier              // what came before
	all                  // everything that came before
	orders               // what an assistant is told to follow
	matters              // what a conversation is about, orders or not
	yours                // that it is the assistant's own
	soon                 // what comes instead
)

// overrideWords is the vocabulary of telling an assistant to forget its orders.
var overrideWords = map[class]string{
	drop: `ignore; ignoring; disregard; disregarding; forget; forget about; override; overrule; bypass; neglect; overlook; pay no attention to; do not follow; don't follow;
		dont follow; stop following; do not obey; don't obey; stop obeying; no longer follow; no longer bound by; do not adhere;
		are void; is void; are cancelled; are canceled; no longer apply; no longer valid; take precedence over; supersede*; unlearn; ign0re; ignroe; ingore; igonre; disreguard;
		ignorier*; ignoriere*; missachte*; vergiss; vergesst; vergessen sie; beachte nicht; beachten sie nicht; verwirf; uberschreibe*; halte dich nicht; ausser acht; befolge nicht mehr; nicht mehr befolg*; hor auf; setze dich uber; keine beachtung;
		ignorez; ignorer; oublie; oubliez; oublier; ne tiens pas compte; ne tenez pas compte; ne tiens plus compte; ne tenez plus compte; ne suis plus; ne suis pas; ne suivez pas; ne suivez plus; fais abstraction; faites abstraction; neglige*; cesse de suivre; arrete de suivre; laisse tomber; passe outre;
		ignora; ignorad; ignoren; ignora todas; ignorar; olvida; olvide; olviden; olvidate; omite; omita; haz caso omiso; haga caso omiso; no sigas; no siga; no hagas caso; deja de seguir; deje de seguir; descarta; desobedece; pasa por alto; no tengas en cuenta;
		ignori; ignorate; ignorare; dimentica; dimenticate; dimenticati; trascura; non tenere conto; non tener conto; non seguire; smetti di seguire; tralascia; lascia perdere; non considerare; scarta;
		ignore as; ignore todas; desconsidere; desconsidera; esqueca; esquece; esqueça; nao siga; nao sigas; pare de seguir; descarte; deixa de lado; deixe de lado; nao leve em conta;
		negeer; vergeet; sla geen acht op; volg niet; stop met het volgen; houd geen rekening met; hou geen rekening met; houd je niet aan;
		zignoruj*; ignoruj*; zapomnij*; pomin; nie przestrzegaj; pomijaj; odrzuc; nie stosuj sie; przestan przestrzegac; nie zwracaj uwagi;
		игнорируй*; проигнорируй*; забудь*; пренебреги*; не следуй*; не обращай*; отбрось*; отмени*; не учитывай*; перестань следовать; перестань соблюдать; игнорировать; не соблюдай*;
		ігноруй*; проігноруй*; забудь; не дотримуйся; не зважай;
		忽略; 无视; 無視; 忘记; 忘記; 忘掉; 不要理会; 不要理會; 不要遵守; 不要遵循; 别管; 忽视; 忽視; 抛开; 拋開; 不再遵守; 不用管; 不必理会; 停止遵守; 停止遵循;
		無視し*; 無視して; 忘れて; 忘れろ; 忘れなさい; 従わない; 従わなく; 従うのをやめ; 破棄し; 気にしない; 守らない; 守らなく;
		무시하*; 무시해*; 무시하고; 잊어*; 잊으*; 잊고; 따르지 마*; 따르지 말*; 지키지 마*; 신경 쓰지 마*; 폐기하*;
		yok say*; gormezden gel*; unut; unutun; dikkate alma*; goz ardi et*; uyma; takip etme*;
		abaikan; lupakan; hiraukan; jangan ikuti; jangan hiraukan; kesampingkan; bo qua; quen di; khong tuan theo; dung lam theo; hay quen;
		glom; ignorera; strunta i; bry dig inte om; bortse fran; folj inte; sluta folja; glem; ignorer alle; se bort fra; folg ikke; slut med at folge; unohda; ala noudata; ala valita; jata huomiotta; ohita;
		ignoruj; zapomen; nedbaj na; prestan dodrzovat; neridz se; neridte se; ignora toate; uitati; nu tine cont; nu mai respecta; nu respecta; hagyd figyelmen kivul; felejtsd el; ne kovesd; αγνοησε; αγνόησε; ξέχνα; ξεχνα; ξέχασε; μην ακολουθείς; παράβλεψε;
		تجاهل; تجاهلي; تجاهلوا; انس ; انسى; انسَ; لا تتبع; لا تلتزم; توقف عن اتباع; نادیده بگیر*; فراموش کن*; نظرانداز کر*; بھول جا*; התעלם; התעלמי; תתעלם; שכח; תשכח; אל תציית;
		अनदेखा कर*; नज़रअंदाज़ कर*; नजरअंदाज कर*; भूल जा*; उपेक्षा कर*; पालन मत कर*; ध्यान मत द*; উপেক্ষা কর*; ভুলে যা*; மறந்து*; புறக்கணி*; เพิกเฉย; ละเว้น; ลืม; ไม่ต้องสนใจ; อย่าทำตาม; อย่าสนใจ; puuza; sahau; usifuate; achana na; no longer applies; no longer matter*; no longer in force; niet langer; nicht langer; n'appliquez plus; ya no aplican; non valgono piu; ja nao valem; jangan pedulikan; jangan perhatikan; jangan patuhi; dung de y; dung quan tam; mac ke; lo qua; لا تلتفت; لا تهتم; تجاوز; aldirma; umursama; bry dig ikke; bry dere ikke; ignoreeri; unusta; zanemari; zaboravi; ignoriraj; ne obaziri se; игнорирайте; забравете; нехай; kalimutan; huwag pansinin; huwag sundin; balewalain; ne vedd figyelembe; zlekcewaz; vynechej; viskaa; unohtakaa; 不用理; 不要管; 别理; 别再遵守; 取消; 抛弃; 忽略该; 無視する; 忘却; 従う必要はありません; 따를 필요; 무효; 취소하고; नहीं मान*; मत मान*; छोड़ दो; छोड़ दें; ध्यान न द*; মানবেন না; பின்பற்ற வேண்டாம்; ไม่ต้องปฏิบัติตาม; อย่าปฏิบัติตาม; มองข้าม; puuzia; usizingatie; ne respecte plus; ne respectez plus; ne respecte pas; berhenti mengikuti; berhenti mematuhi; khong tuan; nicht mehr; opzij; uniewaznij*; недействительн*; больше не следуй; больше не соблюдай; більше не; ألغ; ألغِ; الغ; الغي; लागू नहीं; अब मत; もう従わ; もはや; 더 이상 따르지; 더 이상; 不再; 作废; 失效; artik uyma`,
	shed: `abandon; discard; set aside; cast aside; let go of; delete; erase; drop; scrap; cancel; skip; void; replace; reset; clear; throw away; leave behind; lass alle; laat alle; schuif; lo di; uita; stop what you are doing; anula; anule; annule*; annulez; annulla; cancela; cancele; anuluj*; zrus; hoppa over; spring over; avbryt; batalkan; huy bo; iptal et*; gecersiz`,
	earlier: `previous; previously; prior; preceding; above; earlier; foregoing; before this; given before; so far; up to now; until now; original; initial; aforementioned; prevous; perevious; precedent; old-school;
		vorherig*; bisherig*; vorangegangen*; vorangehend*; obig*; fruher*; vorig*; zuvor; oben; ursprunglich*; bisher; davor; vorstehend*;
		precedent*; anterieur*; ci-dessus; plus haut; jusqu'ici; initial*; avant; d'avant; d'origine;
		anterior*; previa*; previo*; de arriba; hasta ahora; original*; inicial*; antes; precedent*;
		precedent*; sopra; finora; original*; inizial*; qui sopra; in precedenza; prima;
		acima; ate agora; ate aqui; inicia*; previa*;
		vorige; voorgaand*; eerder*; bovenstaand*; hierboven; tot nu toe; oorspronkelijk*; voorafgaand*;
		poprzedni*; wczesniejsz*; powyzsz*; dotychczasow*; pierwotn*; powyzej;
		предыдущ*; прежн*; ранее; выше; вышеуказанн*; вышестоящ*; до этого; прошл*; изначальн*; попередн*; раніше; вище;
		之前; 以上; 先前; 前面; 上面; 此前; 上述; 原来; 原先; 以前; 原有; 之前的; 前述; 目前为止;
		以前; これまで; 上記; 前の; 先ほど; さっき; 今まで; 上の; それまで; 元の; 以上の; 前述;
		이전; 앞의; 위의; 앞서; 지금까지; 기존; 위에; 앞선; 여태까지;
		onceki; yukaridaki; daha once; simdiye kadar; sebelumnya; di atas; terdahulu; tadi; truoc do; o tren; truoc day; ben tren; phia tren; truoc;
		tidigare; ovan; foregaende; hittills; tidligere; ovenfor; foregaende; forrige; ovenstaende; aiemm*; edellis*; ylla; aikaisem*;
		predchozi*; predesl*; vyse; dosavadn*; anterioar*; precedent*; de mai sus; de pana acum; korabbi; elozo; fenti; eddigi; προηγουμεν*; προηγούμεν*; παραπανω; παραπάνω; πριν;
		السابق*; سابق*; أعلاه; اعلاه; ما سبق; قبل; قبلی; پیشین; بالا; پچھل*; سابقہ; הקודמ*; הקודם; לעיל; למעלה; שלפני;
		पिछल*; पूर्व; उपरोक्त; ऊपर; पहले; আগের; পূর্ববর্তী; উপরের; முந்தைய; மேலே; ก่อนหน้า; ข้างต้น; ด้านบน; ที่ผ่านมา; yaliyotangulia; zilizotangulia; ya awali; za awali; hapo juu; yaliyopita; yote ya juu; you were given; you have been given; you received; given to you; that came before; dada anteriormente; gegeven; gegeben; donnee*; donnes; dadas; данн*; приведенн*; вышеприведенн*; 该; исходн*; обычн*; urspruenglich*; asal; ban dau`,
	all: `everything above; everything before; everything prior; everything else; everything you were told; everything you have been told; everything you've been told; everything you know; everything that came before; everything that was said;
		all of the above; all the above; all above; all prior; anything above; anything before; what you were told; what you have been told; what you've been told; whatever you were told; whatever was said; everything written above; everything up to; everything so far; all that came before; all that was said; all you know; the text above; previous text; all previous text;
		alles, was; alles was; alles oben; alles obige; alles vorherige; alles bisherige; alles davor; alles zuvor; tout ce qui; tout ce que; todo lo anterior; todo lo que; lo anterior; tutto cio che; tutto quello che; tudo o que; tudo acima; tudo que; alles wat; alles hierboven; alles wat hiervoor; wszystko, co; wszystko co; wszystko powyzej;
		все, что; всё, что; все что; всё что; все выше; всё выше; 以上所有; 以上内容; 上述内容; 之前的一切; 一切; 所有内容; すべて; 全て; 全部; 上記のすべて; 모든 것; 모두; 전부; yukaridaki her sey; her seyi; semua yang; semua di atas; tat ca nhung gi; moi thu; allt ovan; allt som; alt ovenfor; alt det; kaikki; vsechno, co; vse, co; tot ce; mindent; ολα οσα; كل ما; كل شيء; همه چیز; כל מה; सब कुछ; सब; ทุกอย่าง; ทั้งหมด`,
	orders: `developer message; system message; operator message; instruction*; instuction*; instrution*; intructions; insructions; rules; ruleset; guideline*; guidance; guardrail*; directive*; directions; prompt; prompts; constraints; restrictions; restriction; programming; safeguards; safety measures; safety settings; safety protocol*; safety training; system message; system messages; system prompt; content policy; your alignment;
		anweisung*; anleitung*; regeln; vorgaben; richtlinien; instruktion*; befehle; vorschriften; einschrankungen; systemprompt; beschrankungen; leitlinien; aufforderung*; weisung*;
		consigne*; regles; directives; ordres; invite systeme; restrictions; lignes directrices; contraintes; indications; programmation; limites;
		instruccion*; reglas; directrices; ordenes; indicaciones; restricciones; normas; pautas; limitaciones; mensaje del sistema; directivas; lineamientos;
		istruzion*; regole; direttive; linee guida; ordini; restrizioni; indicazioni; vincoli; prompt di sistema; limitazioni;
		instrucoes; instrucao; regras; diretrizes; orientacoes; restricoes; ordens; limitacoes; normas;
		instructies; regels; richtlijnen; aanwijzingen; beperkingen; bevelen; voorschriften; systeemprompt;
		instrukcj*; polecen*; regul*; zasad*; wytyczn*; ograniczen*; nakaz*; rozkaz*; dyrektyw*;
		инструкци*; указани*; правил*; приказ*; директив*; ограничени*; установк*; распоряжени*; промпт*; інструкці*; вказівк*; обмежен*;
		指令; 指示; 规则; 規則; 提示; 限制; 命令; 准则; 準則; 约束; 系统提示; 规定; 规范;
		命令; ルール; 規則; プロンプト; 制約; 制限; 指図; ガイドライン;
		지시; 명령; 규칙; 지침; 프롬프트; 제한; 가이드라인; 제약;
		talimat*; kural*; komut*; yonerge*; yonlendirme*; kisitlama*; instruksi; perintah; aturan; arahan; pedoman; petunjuk; batasan; huong dan; chi dan; quy tac; menh lenh; chi thi; quy dinh; yeu cau; lenh;
		instruktion*; regler*; riktlinjer*; anvisning*; begransning*; retningslinjer*; instruks*; begraensning*; ohje*; saannot; saantoja; maaray*; rajoitu*;
		instrukc*; pokyn*; pravidl*; prikaz*; omezeni; instructiun*; reguli*; directive*; comenzi*; utasitas*; szabaly*; parancs*; iranyelv*; οδηγιες; οδηγίες; κανονες; κανόνες; εντολες; εντολές; περιορισμ*;
		تعليمات; التعليمات; توجيهات; التوجيهات; القواعد; قواعد; الأوامر; اوامر; أوامر; إرشادات; الإرشادات; ارشادات; القيود; قيود; دستور*; قوانین; قوانين; ہدایات; قواعد; הוראות; ההוראות; הנחיות; ההנחיות; כללים; הכללים; פקודות;
		निर्देश*; नियम*; आदेश*; दिशानिर्देश*; दिशा-निर्देश*; प्रतिबंध*; निर्देशों; নির্দেশ*; নিয়ম*; வழிமுறை*; அறிவுறுத்தல்*; விதி*; கட்டளை*; คำสั่ง; คำแนะนำ; กฎ; ข้อกำหนด; ข้อจำกัด; maagizo; maelekezo; sheria; amri; kanuni; miongozo; developer message; pedoman*; instruksi*; aturan*; yonergelerine; nguyen tac; huong dan*; إعداداتك; اعداداتك; إعدادات; вказівок; правилам; указаниям; инструкциям; исходные инструкции`,
	matters: `commands; policies; policy; limitations; training; orders; context; configuration; task; tasks; assignment; conditions; moral; ethics; ethical; protocols; filters; statements; conversation; text; requests; request; question; questions; role; aufgabe; aufgaben; auftrag; eingaben; gesprach; frage; commandes; tache; taches; demande; question; tarea; tareas; pregunta; politicas; comandos; compito; comandi; domanda; comandos; tarefa; pergunta; politicas; opdrachten; opdracht; taak; vraag; zadanie; pytanie; команд*; задани*; вопрос*; запрос*; 要求; 说明; 設定; 设定; 任务; 任務; 问题; 問題; 政策; 内容; 对话; 設定; 質問; 説明; タスク; 안내; 설정; 질문; 요청; 작업; gorev*; soru*; tugas; pertanyaan; cau hoi; order; uppgift*; oppgav*; opgav*; tehtav*; ukol*; sarcin*; السؤال; প্রশ্ন*; swali; problemas; problema; probleme; problemen; problem; problems; fragen; fragestellung; enonce; enunciado; probleem; pytania; проблем*; задач*; 提问; 提問; 上述; 指示文; 問い; 문제; 과제; المشاكل; المشكلة; الأسئلة; समस्या*; প্রশ্ন; ปัญหา; คำถาม; cau lenh`,
	yours:   `developer message; system message; system prompt; developer prompt; developer instructions; system instructions; operator message; your; all your; any of your; you were given; you have been given; you were told; you received; given to you; programmed; by openai; by anthropic; by your developers; by your creators; by the developer; deine*; ihre*; eure*; tes; vos; tus; sus; tue; tuoi; suas; seus; teus; tuas; jouw; je; uw; twoj*; swoj*; твои*; ваши*; свои*; 你的; 您的; 你被; 你收到; あなたの; 君の; 당신의; 너의; 네; anda; kamu; cua ban; dina; dine; sinun; tvoje; sve; ale tale; az osszes; σου; الخاصة بك; لديك; שלך; अपने; अपनी; आपके; তোমার; உங்கள்; ของคุณ; yako; zako; artik; cua ban; своїх; своих; своим; твоим; الحالية; you have been told; you've been told; you know; was said; is said; verteld; gesagt; gesagt wurde; t'a dit; on t'a; te dijeron; te han dicho; se te ha dicho; dicho; detto; foi dito; dito; powiedziano; kazano; сказали; сказано; говорили; казали; said to you; told before; fatt hora; fått höra; blivit sagt; fortalt; sanottu; bylo receno; spus; mondtak; ειπωθει; ειπώθηκε; قيل; कहा गया; बताया; বলা হয়; 对你说; 告诉你; 言われ; 말한; 들은; soylenen; dikatakan; diberitahu; duoc bao; noi voi ban`,
	soon:    `instead; from now on; and instead; now you; you are now; new instructions; new task; new rules; and say; and answer; and reply; and respond; and write; and print; and output; and tell; and reveal; and show; and only; and send; and do; and follow; simply; just say; just output; stattdessen; ab jetzt; von nun an; und gib; und schreib; und sag; und antworte; a la place; desormais; a partir de maintenant; et dis; et ecris; et reponds; en su lugar; a partir de ahora; en cambio; y di; y escribe; y responde; invece; d'ora in poi; e scrivi; e rispondi; em vez disso; a partir de agora; e diga; e escreva; e responda; in plaats daarvan; vanaf nu; en zeg; en antwoord; zamiast tego; od teraz; i napisz; i odpowiedz; вместо этого; с этого момента; теперь ты; и напиши; и ответь; и скажи; 而是; 从现在开始; 現在; 现在你; 改为; 并输出; 并回答; 直接输出; 只输出; 代わりに; これから; 今から; 대신; 이제부터; 지금부터; directly output; output directly; directly; directement; affichez; directamente; direttamente; diretamente; direkt; wiederholen sie; rechtstreeks; bezposrednio; прямо; напрямую; повторите; выведите; 直接; 直接出力; そのまま出力; だけ出力; 직접; 바로; dogrudan; langsung; truc tiep; مباشرة; सीधे; সরাসরি; โดยตรง; moja kwa moja; emita; repita; repete; ripeti; imprima; and call; and list; then call; now list; now send; and act; and become; and translate; and explain; and provide; and generate; and repeat; und sende; und nenne; und liste; und zeig*; et envoie; et affiche; et donne; et montre*; y envia; y muestra; y lista; e invia; e mostra; e elenca; e envie; e mostre; e liste; en stuur; en toon; en geef; i wyslij; i pokaz; i podaj; и отправь; и покажи; и назови; 并发送; 并把; 并将; 然后; そして; ve gonder; ve yaz; dan kirim; dan tulis; va gui; va viet; och skicka; och skriv; og send; og skriv; ja laheta; ja kirjoita; a posli; a napis; si trimite; si scrie; es kuldd; es ird; και στειλε; και γραψε; και στείλε; και γράψε; وأرسل; واكتب; وقل; और भेज*; और लिख*; এবং পাঠা*; และส่ง; และเขียน; na utume; na uandike`,
}

// misspelt are the English words whose common slip, two letters changed over, is
// known too.
var misspelt = []string{"ignore", "disregard", "forget", "override", "previous", "earlier", "prior", "above", "instructions", "instruction", "guidelines", "directions", "rules", "prompt", "system prompt", "system message", "everything", "reveal", "repeat", "verbatim", "restrictions"}

// swaps returns w with each two neighbouring letters inside a word changed over.
func swaps(w string) []string {
	var out []string
	for i := 0; i+1 < len(w); i++ {
		if w[i] != w[i+1] && w[i] != ' ' && w[i+1] != ' ' {
			out = append(out, w[:i]+w[i+1:i+2]+w[i:i+1]+w[i+2:])
		}
	}
	return out
}

// word is one entry of a lexicon.
type word struct {
	text  string
	class class
	stem  bool // any ending
}

// lexicon lists the words of a table, each once, in the order of the classes.
func lexicon(table map[class]string) []word {
	var out []word
	type key struct {
		text string
		c    class
	}
	seen := map[key]int{} // place in out, from 1
	add := func(w string, c class, stem bool) {
		k := key{w, c}
		switch at := seen[k]; {
		case w == "":
		case at > 0:
			out[at-1].stem = out[at-1].stem || stem
		default:
			out = append(out, word{text: w, class: c, stem: stem})
			seen[k] = len(out)
		}
	}
	for c := range class(len(table)) {
		for _, w := range strings.Split(table[c], ";") {
			w = strings.Join(strings.Fields(w), " ")
			stem := strings.HasSuffix(w, "*")
			w = strings.TrimSuffix(w, "*")
			add(w, c, stem)
			// Only for the words that carry an order: slips of every word would double
			// the table for nothing.
			if slices.Contains(misspelt, w) {
				for _, slip := range swaps(w) {
					add(slip, c, stem)
				}
			}
		}
	}
	return out
}

func texts(words []word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.text
	}
	return out
}

// whole reports whether a hit is a word of its own and not part of a longer
// one. A sign ("@", "://") is whole wherever it stands.
func whole(s string, h guard.Hit, w word) bool {
	first, last := w.text[0], w.text[len(w.text)-1]
	return (!letterByte(first) || wordStart(s, h.Start)) && (w.stem || !letterByte(last) || wordEnd(s, h.End))
}

// around calls f for every whole word of the lexicon within [lo,hi) that does
// not overlap hit n.
func around(v *guard.View, words []word, n, lo, hi int, f func(word, guard.Hit)) {
	look := func(h guard.Hit) {
		if h.Start < lo || h.End > hi || h.Start < v.Hits[n].End && h.End > v.Hits[n].Start {
			return
		}
		if w := words[h.Literal]; whole(v.Text, h, w) {
			f(w, h)
		}
	}
	for i := n - 1; i >= 0 && v.Hits[i].End > lo; i-- {
		look(v.Hits[i])
	}
	for i := n + 1; i < len(v.Hits) && v.Hits[i].End <= hi; i++ {
		look(v.Hits[i])
	}
}

// sentence returns the sentence around [start,end), at most n bytes to each
// side.
func sentence(s string, start, end, n int) (int, int) {
	lo, hi := start, end
	for lo > 0 && start-lo < n && !stop(s, lo-1) {
		lo--
	}
	for hi < len(s) && hi-end < n && !stop(s, hi) {
		hi++
	}
	return lo, hi
}

// stop reports whether a sentence ends with the byte at i.
func stop(s string, i int) bool {
	switch s[i] {
	case '"':
		return i+1 < len(s) && (s[i+1] == ',' || s[i+1] == '}' || s[i+1] == ':')
	case '.', '!', '?', ';':
		return i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n'
	case '\n':
		// A line broken in mid-sentence goes on in lower case.
		for i++; i < len(s) && s[i] == ' '; i++ {
		}
		return i == len(s) || s[i] < 'a' || s[i] > 'z'
	case 0x82: // 。
		return i >= 2 && s[i-2:i+1] == "。"
	}
	return false
}

// tail returns the end of the word that ends at or after i: a stem is part of
// one.
func tail(s string, i int) int {
	for n := 0; i < len(s) && n < 24 && !wordEnd(s, i); n++ {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}
