package entity

import "strings"

// statements finds sentences that tie one person to an illness or a medicine.
func (p *page) statements(emit emitter) {
	last := 0
	for _, c := range p.cues {
		start, end, w := int(c.start), 0, 0.0
		switch c.topic {
		case sickWord:
			end, w = p.illness(c)
		case doseWord:
			end, w = p.dose(c)
		}
		if end > 0 && start >= last {
			emit(start, end, w)
			last = end
		}
	}
}

// illness returns the end of a statement and how sure it is. A known illness and a
// person are both asked for; where the phrase itself names the illness, the person
// is enough.
func (p *page) illness(c cue) (int, float64) {
	from, to := p.sentence(int(c.start), int(c.end))
	if p.asks(to) || !p.person(from, int(c.start)) {
		return 0, 0
	}
	end := p.termEnd(int(c.end), to)
	if strings.ContainsAny(p.low[c.end:end], "${}[]<>") { // a template
		return 0, 0
	}
	before := p.low[max(from, int(c.start)-24):c.start]
	phrase := p.low[c.start:c.end]
	switch {
	case named(p.low[c.end:end]) || named(phrase):
		return end, .8
	case phrase[0] >= 0xD6 && named(before):
		return int(c.end), .8
	case strings.HasPrefix(phrase, "diagnosed with") || strings.Contains(phrase, "llerg"):
		if end > int(c.end)+3 {
			return end, .6
		}
	}
	return 0, 0
}

// dose returns the end of "takes 20 mg of …".
func (p *page) dose(c cue) (int, float64) {
	from, to := p.sentence(int(c.start), int(c.end))
	k := nextDigit(p.low[:to], int(c.end), 40)
	if k < 0 || p.asks(to) || !p.person(from, int(c.end)) {
		return 0, 0
	}
	for k < to && (isDigit(p.low[k]) || p.low[k] == '.' || p.low[k] == ',') {
		k++
	}
	k = trimRightBlank(p.low[:to], k)
	for _, unit := range []string{"mg", "mcg", "µg", "μg", "ml", "iu", "мг", "мкг", "毫克", "ミリグラム", "밀리그램", "ملغ", "मिलीग्राम", "मि.ग्रा"} {
		if strings.HasPrefix(p.low[k:to], unit) && wordEnd(p.low, k+len(unit)) {
			return p.termEnd(k+len(unit), to), .75
		}
	}
	return 0, 0
}

// sentence returns the bounds of the sentence around a phrase, within reach.
func (p *page) sentence(start, end int) (from, to int) {
	from, to = start, end
	for from > 0 && start-from < 90 && !p.stops(from-1) {
		from--
	}
	for to < len(p.low) && to-end < 120 && !p.stops(to) {
		to++
	}
	return from, to
}

// stops reports whether a sentence ends at i.
func (p *page) stops(i int) bool {
	switch c := p.low[i]; c {
	case '!', '?', '\n':
		return true
	case '.':
		// A title and an initial do not end a sentence.
		return i+1 >= len(p.low) || (p.low[i+1] == ' ' || p.low[i+1] == '\n' || p.low[i+1] == '"') && i > 3 && p.low[i-2] != ' ' && p.low[i-3] != ' '
	case 0xE3:
		return strings.HasPrefix(p.low[i:], "。")
	case 0xD8:
		return strings.HasPrefix(p.low[i:], "؟")
	case 0xE0:
		return strings.HasPrefix(p.low[i:], "।")
	}
	return false
}

// asks reports whether the sentence that ends at i is a question.
func (p *page) asks(i int) bool {
	return i < len(p.low) && (p.low[i] == '?' || strings.HasPrefix(p.low[i:], "؟"))
}

// termEnd returns the end of what an illness or a medicine is called: at most six
// words, up to the next mark or the next clause.
func (p *page) termEnd(i, to int) int {
	words, end := 0, i
	for end < to && words < 7 && end-i < 72 {
		c := p.low[end]
		if c == ',' || c == ';' || c == ':' && end > i || c == '(' || c == '"' || c == '.' && end > i {
			break
		}
		if c == ' ' {
			if words++; clause(p.low[end:to]) {
				break
			}
		}
		end++
	}
	for end > i && p.low[end-1] == ' ' {
		end--
	}
	return runeEnd(p.low, end)
}

// runeEnd moves an end that lies inside a character to its end.
func runeEnd(s string, i int) int {
	for i < len(s) && s[i] >= 0x80 && s[i] < 0xC0 {
		i++
	}
	return i
}

// clause reports whether another clause begins.
func clause(s string) bool {
	for _, w := range []string{" and ", " but ", " in ", " at ", " when ", " last ", " since ", " after ", " und ", " seit ", " et ", " depuis ", " y ", " el ", " desde ", " e ", " da ", " en ", " sinds ", " i ", " od ", " и ", " с ", " who ", " so ", " because ", " on "} {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// person reports whether the words before a phrase speak of one person, and of no
// group.
func (p *page) person(from, to int) bool {
	low := p.low[from:to]
	if holdsWord(low, "patients|people|persons|children|adults|those|anyone|anybody|someone|somebody|everyone|who|if|when|men|women|individuals|many|most|users|dogs|cats|they|americans|cases|individual|could|might|may|whether|patienten|menschen|wer|wenn|kinder|falls|gens|enfants|personnes|qui|si|ceux|personas|quienes|quien|niños|cuando|pacientes|pessoas|quem|crianças|quando|persone|chi|se|pazienti|mensen|wie|als|kinderen|osoby|kto|jeśli|ludzie|люди|кто|если|ли|дети|пациенты|character|novel|film|movie|example|imagine|suppose|fictional") {
		return false
	}
	if holdsWord(low, "i|i'm|i've|he|she|he's|she's|my|his|her|our|client|employee|mr|mrs|ms|miss|colleague|tenant|applicant|ich|mir|bei|er|sie|mein|meine|meiner|meinem|patientin|herr|frau|kollege|kollegin|mitarbeiterin|je|j'ai|il|elle|mon|ma|m|mme|patiente|monsieur|madame|yo|él|ella|mi|me|le|mis|paciente|señora|señor|sra|sr|fui|fue|soy|es|eu|ele|ela|meu|minha|lui|lei|io|mia|mio|paziente|signora|signor|sono|è|ik|hij|zij|ze|mijn|mevrouw|meneer|jestem|on|ona|moja|mój|pan|pani|u|pacjent|pacjentka|jag|han|hon|min|mitt|patienten|ben|bana|benim|annem|babam|hasta|bayan|я|мне|меня|он|она|ему|ей|мой|моя|пациент|пациентка|у") {
		return true
	}
	for _, w := range []string{"the patient", "this patient", "pt. ", "我", "他", "她", "患者", "先生", "女士", "妈", "爸", "私", "彼", "さん", "母", "父", "저는", "나는", "그는", "그녀", "환자", "씨", "어머니", "아버지", "أنا", "هو ", "هي ", "المريض", "والد", "السيد", "زوج", "मैं", "मुझे", "वह", "उसे", "मेर", "मरीज", "रोगी", "श्री"} {
		if strings.Contains(low, w) {
			return true
		}
	}
	if strings.HasPrefix(strings.TrimSpace(low), "patient ") {
		return true // a note begins so
	}
	return p.properName(from, to) || to > from && strings.TrimSpace(low) == "" && p.low[to-1] >= 0xD6
}

// holdsWord reports whether one of the words, parted by bars, is in a text.
func holdsWord(s, words string) bool {
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < 0x80 && r != '\'' && !isAlnum(byte(r)) || r == '，' || r == '’' }) {
		if i := strings.Index(words, w); i >= 0 && inList(words, w) {
			return true
		}
	}
	return false
}

// inList reports whether a word is one of a list parted by bars.
func inList(list, w string) bool {
	for at := 0; ; {
		i := strings.Index(list[at:], w)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(w)
		if (i == 0 || list[i-1] == '|') && (end == len(list) || list[end] == '|') {
			return true
		}
		at = end
	}
}

// properName reports whether two words with capitals stand side by side.
func (p *page) properName(from, to int) bool {
	capitals := 0
	for w := range strings.FieldsSeq(p.t[from:to]) {
		if c := w[0]; ('A' <= c && c <= 'Z' || c >= 0xC3 && c <= 0xD1 && p.low[from] != p.t[from]) && len(w) > 1 && !isUpperWord(w) {
			if capitals++; capitals == 2 {
				return true
			}
			continue
		}
		capitals = 0
	}
	return false
}

func isUpperWord(w string) bool { return w[1] >= 'A' && w[1] <= 'Z' }

// illnesses are stems of illnesses and conditions; many are one in many languages.
const illnesses = "diabet|cancer|krebs|cáncer|câncer|cancro|tumor|tumeur|tumore|rak |raka|hiv|vih |sida|aids|asthma|asma|asthme|astma|астм|depress|dépress|depresi|депресс|hepatit|hépatit|epatit|гепатит|epileps|épileps|epilept|эпилепс|schizo|esquizo|шизофр|bipolar|биполяр|autis|аутизм|alzheimer|альцгеймер|parkinson|паркинсон|leukemi|leukaem|leucém|leucem|leukäm|лейкем|lymphom|linfoma|lymphome|melanom|sclerosis|sklerose|sclérose|esclerosis|esclerose|sclerosi|stwardnienie|склероз|arthrit|artrit|артрит|hypertens|hipertens|ipertens|гипертон|stroke|schlaganfall|infarct|infarkt|infarto|инфаркт|heart|cardiac|cardia|kidney|niere|rénal|renal|liver|anorex|bulimi|anxiety|angst|ansiedad|ansiedade|ansia|ptsd|ptbs|adhd|adhs|tdah|ocd|dementi|demenz|démence|demencia|demenza|деменц|crohn|colitis|celiac|coeliac|lupus|lúpus|thyroid|schilddrüs|tiroid|hypothyr|psoria|eczema|ekzem|tubercul|tuberkul|туберкул|pneumon|copd|covid|malaria|syphilis|gonorrh|herpes|chlamyd|hpv|std|penicillin|pénicill|penicilin|penicyl|пеницил|peanut|nüsse|arachid|cacahu|amendoim|aspirin|latex|sulfa|shellfish|ibuprofen|amoxicil|amoxicill|migraine|migräne|migraña|endometrios|pcos|infertil|miscarr|pregnan|schwanger|enceinte|embaraz|grávida|incinta|anemi|anämi|anémi|sepsis|hernia|ulcer|fibrom|cirrhos|zirrhose|cirrosis|addict|alcohol|alkohol|opioid|disorder|syndrom|syndrome|disease|chest pain|chronic|chemo|糖尿病|癌|抑郁|高血压|艾滋|哮喘|肝炎|癫痫|白血病|肿瘤|青霉素|うつ病|喘息|がん|高血圧|てんかん|統合失調|당뇨|암 |암을|우울증|고혈압|천식|간염|백혈병|페니실린|땅콩|السكري|سرطان|السرطان|الاكتئاب|الربو|ضغط الدم|الصرع|البنسلين|मधुमेह|कैंसर|अस्थमा|अवसाद|पेनिसिलिन|şeker|kanser|depresyon|astım|epilepsi|cukrzyc|nadciśnien|padaczk|białaczk|вич|диабет|рак |рака|онколог"

// named reports whether a text names an illness.
func named(s string) bool {
	for at := 0; at < len(illnesses); {
		end := strings.IndexByte(illnesses[at:], '|')
		if end < 0 {
			end = len(illnesses) - at
		}
		if strings.Contains(s, illnesses[at:at+end]) {
			return true
		}
		at += end + 1
	}
	return false
}

// codes finds ICD-10 codes behind a word for diagnosis.
func (p *page) codes(emit emitter) {
	last := 0
	for _, c := range p.cues {
		if c.topic != icdWord || int(c.start) < last {
			continue
		}
		for i := int(c.end); i < len(p.t) && i-int(c.end) < 40 && p.t[i] != '\n' && p.t[i] != '?'; i++ {
			if end := icdEnd(p.t, i); end > 0 {
				emit(i, end, .85)
				last = end
				break
			}
		}
	}
}

// icdEnd returns the end of a letter, two digits and up to four more behind a
// point, 0 when there are none. Without a point there must be nothing behind.
func icdEnd(t string, i int) int {
	if i+3 > len(t) || t[i] < 'A' || t[i] > 'Z' || i > 0 && isAlnum(t[i-1]) || !isDigit(t[i+1]) || !isDigit(t[i+2]) {
		return 0
	}
	end := i + 3
	if end+1 < len(t) && t[end] == '.' && isAlnum(t[end+1]) {
		for end++; end < len(t) && isAlnum(t[end]); end++ {
		}
		if end-i > 8 {
			return 0
		}
	}
	if end < len(t) && (isAlnum(t[end]) || t[end] == '-' || t[end] == '_') {
		return 0
	}
	return end
}
