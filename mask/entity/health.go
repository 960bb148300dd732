package entity

// findHealth finds statements about a person's health. Numbers are rules.
//
// Catches: numbers of health services and insurers with their check digits (British
// NHS, German, Australian, New Zealand, American and Canadian ones), patient and
// record numbers behind a word for them, American prescribers' and providers'
// numbers; ICD-10 codes behind a word for diagnosis; sentences that tie one person
// to a diagnosis or a medicine in twelve languages.
// Does not catch: medical prose in general, questions about an illness, history,
// statements about groups, and what is only implied.
// Example: "She was diagnosed with type 2 diabetes".
func findHealth(p *page, emit emitter) {
	p.codes(emit)
	p.statements(emit)
}

// healthNumbers lists the numbers.
func healthNumbers() []rule {
	const k = "health"
	return []rule{
		{kind: k, name: "Britain, NHS", shape: "ddd ddd dddd=.48;d{10}=.05;ddd-ddd-dddd=.4;ddd.ddd.dddd=.2", check: nhs,
			words: "nhs|nhs no*|nhs num*|nhs:|nhs#|nhs-nummer*|chi number*|chi no*|h&c*", also: healthWord, alone: .95},
		{kind: k, name: "Germany, insured person", shape: "Ad{9}=.3;A ddd ddd ddd=.9;Ad{9}-d=.4", check: kvnr,
			words: "krankenvers*|vers.-nr*|vers-nr*|versnr*|krankenkasse*|kvnr*|kv-nr*|kv-nummer*|versichertennummer*|versicherten-nr*|versichertennr*|versicherten nr*|gesundheitskarte*|egk|egk-nr*", also: healthWord, alone: .97},
		{kind: k, name: "Australia, Medicare", shape: "dddd ddddd d=.93;d{10}=.1;dddd-ddddd-d=.93;dddd ddddd d-d=.93;dddd ddddd d/d=.93;d{11}=.05", check: medicare,
			words: "medicare*|irn|medicare card*|medicare no*", also: healthWord, alone: .95},
		{kind: k, name: "New Zealand, NHI", shape: "AAAdddd=.3;AAAddAd=.3", check: nhi, words: "nhi|nhi:|nhi no*|nhi num*|national health index", also: healthWord, alone: .97},
		{kind: k, name: "US, Medicare beneficiary", shape: "dAXdAXdAAdd=.9;dAXd-AXd-AAdd=.97", check: mbi, words: "mbi|mbi:|medicare*|medicare beneficiary*|hicn", also: healthWord, alone: .98},
		{kind: k, name: "US, DEA", shape: "AAd{7}=.3;AXd{7}=.1", check: dea, words: "dea|dea no*|dea num*|dea#|dea #|dea:|dea reg*", also: healthWord, alone: .95},
		{kind: k, name: "US, NPI", shape: "d{10}=.1", check: npi, words: "npi|npi:|npi#|npi no*|npi num*|national provider*", also: healthWord, alone: .9},
		{kind: k, name: "Canada", shape: "dddd ddd ddd=.3;dddd-ddd-ddd=.35;dddd-ddd-ddd-VV=.95;dddd ddd ddd VV=.9;ddddd-dddd=.1;d{10}VV=.4;d{10}=0;d{9}=0;d{12}=0",
			words: "ohip*|health card*|msp|phn|phn:|ramq*|ahcip|ahs|health insurance card*|carte santé*|carte d'assurance maladie*|nam|numéro d'assurance maladie*|care card*|carecard*", also: healthWord, alone: .9},
		{kind: k, name: "Quebec", shape: "VVVV dddd dddd=.8;VVVVdddddddd=.4;AAAA dddd dddd=0;VVVV-dddd-dddd=.9", check: quebec,
			words: "ramq*|health insurance card*|carte d'assurance maladie*|carte soleil*|nam|numéro d'assurance maladie*|health card*", also: healthWord, alone: .95},
		{kind: k, name: "Hungary, TAJ", shape: "ddd ddd ddd=.3;d{9}=.05;ddd-ddd-ddd=.35", check: taj, words: "taj|taj-szám*|taj szám*|tajszám*|társadalombiztosítás*", also: healthWord, alone: .95},
		{kind: k, name: "Spain, Portugal, Brazil", shape: "d{12}=0;AAAAd{10}=0;d{9}=0;ddd ddd ddd=0;ddd dddd dddd dddd=.4;d{15}=0;dd dddddddd dd=.4;AAAA d{10}=0;dd/d{8}/dd=.5",
			words: "tarjeta sanitaria*|cip|cip:|nuss|seguridad social*|nº ss|número de utente*|nº de utente*|utente*|número de afiliado*|afiliación*|cns|cns:|cartão sus*|cartão nacional de saúde*|nº sns|sns"},
		{kind: k, name: "Russia, OMS", shape: "d{16}=0;dddd dddd dddd dddd=0", words: "полис*|полис омс*|омс|номер полиса*|енп"},
		{kind: k, name: "Korea, Taiwan, China, Japan", shape: "d{8}=0;d{12}=0;dddd dddd dddd=0;d{11}=0;d-dddddddddd=0;d{7}=0;d{6}=0;d{10}=0;d{9}=0",
			words: "医保卡*|医保号*|社保号*|社会保障号*|病历号*|病歷號*|住院号*|门诊号*|健保卡*|保険証*|被保険者番号*|保険者番号*|診察券*|患者番号*|患者id*|カルテ番号*|건강보험증*|건강보험 번호|환자번호*|환자 번호*|등록번호*|차트번호*"},
		// Hospitals number their patients as they like: only the word tells.
		{kind: k, name: "record number", shape: "d{5}=0;d{6}=0;d{7}=0;d{8}=0;d{9}=0;d{10}=0;d{11}=0;d{12}=0;Ad{5}=0;Ad{6}=0;Ad{7}=0;Ad{8}=0;Ad{9}=0;AAd{5}=0;AAd{6}=0;AAd{7}=0;AAd{8}=0;AAAd{5}=0;AAAd{6}=0;AAAd{7}=0;AAAd{8}=0;AAAd{9}=0;AA-d{5}=0;AA-d{6}=0;AAA-d{5}=0;AAA-d{6}=0;AAA-d{7}=0;AAA-d{8}=0;A-d{5}=0;A-d{6}=0;A-d{7}=0;A-d{8}=0;AAA-dddd-dddd=0;AAA-dddd-ddddd=0;AAA-dddd-dddddd=0;dd-dd-dd=0;ddd-ddd-ddd=0;ddd-dd-dddd=0;dddd-dddd=0;d{6}-d=0;AAA-dddd=0;A-dddd=0;AAAd{4}=0;Addd-ddd-ddd=0;ddd ddd ddd=0;AAA d{9}=0;d{9}A=0;AAAd{10}=0;AAd{9}=0;dddd-ddd-dddd=0;dd/dddddd=0;dddd/dddd=0;dddddd/dd=0;A{4}d{5}=0;A{4}d{6}=0;A{4}d{8}=0",
			check: notADate, words: "mrn|mrn:|mrn#|mrn no*|medical record*|medical rec*|patient id*|patient no*|patient num*|patientid*|patient_id*|patient identif*|patient's id|patient #|chart no*|chart num*|chart #|hospital no*|hospital num*|health id*|health plan*|health insurance num*|health insurance no*|health insurance id*|insurance member*|member id:|member id #|memberid*|member_id*|subscriber id*|medicaid*|beneficiary id*|policy holder id*|patientennummer*|patienten-nr*|patienten-id*|patientennr*|patienten nr*|fallnummer*|numéro de patient*|n° de patient*|n° patient*|identifiant patient*|ipp:|numéro de dossier médical*|dossier médical n*|número de paciente*|nº de paciente*|id de paciente*|id del paciente*|historia clínica*|nº historia*|número de historia*|nhc|nhc:|número do paciente*|id do paciente*|prontuário*|numero paziente*|id paziente*|cartella clinica*|tessera sanitaria*|patiëntnummer*|patientnummer*|patiënt-id*|patientnr*|patiëntnr*|numer pacjenta*|id pacjenta*|nr pacjenta*|karta pacjenta*|číslo pacienta*|id pacienta*|číslo pojištěnce*|beteg azonosító*|betegazonosító*|törzsszám*|cod pacient*|id pacient*|номер пациента*|id пациента*|медкарт*|номер карты пациента|медицинская карта*|номер пацієнта*|αριθμός ασθενούς*|κωδικός ασθενή*|hasta no*|hasta num*|hasta kimlik*|protokol no*|dosya no*|potilasnumero*|potilastunnus*|journalnummer*|journalnr*|pasient-id*|pasientnummer*|mã bệnh nhân*|số hồ sơ*|mã số bhyt*|bhyt|bảo hiểm y tế*|nomor rekam medis*|no. rm|no rm*|bpjs|nombor pesakit*|رقم المريض*|رقم الملف الطبي*|الملف الطبي*|رقم التأمين الصحي*|شماره بیمار*|شماره پرونده*|מספר מטופל*|תיק רפואי*|मरीज़ आईडी*|मरीज आईडी*|रोगी आईडी*|रोगी संख्या*|เลขผู้ป่วย*|เลขประจำตัวผู้ป่วย*|hn:|病患編號*"},
	}
}

func nhs(v []byte) bool {
	c := (11 - dot(v, "A98765432")%11) % 11
	return c == digit(v[9]) && !allSame(v)
}

// kvnr counts the letter as two digits, and the digits of products.
func kvnr(v []byte) bool {
	n := int(v[0]-'A') + 1
	sum := n/10 + crossed(n%10*2)
	for i, c := range v[1:9] {
		sum += crossed(digit(c) * (1 + i%2))
	}
	return sum%10 == digit(v[9])
}

// crossed adds the digits of a number below 20.
func crossed(n int) int { return n/10 + n%10 }

func medicare(v []byte) bool {
	return '2' <= v[0] && v[0] <= '6' && dot(v, "13791379")%10 == digit(v[8])
}

// quebec holds the date of birth; the months of women are 50 higher.
func quebec(v []byte) bool {
	m := two(v, 6)
	if m > 50 {
		m -= 50
	}
	return monthDay(m, two(v, 8))
}

// nhi has no I and no O, and a check of 11 in its old and of 23 in its new form.
func nhi(v []byte) bool {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	sum := 0
	for i, c := range v[:6] {
		n := digit(c)
		if !isDigit(c) {
			if n = indexByte(letters, c) + 1; n == 0 {
				return false
			}
		}
		sum += n * (7 - i)
	}
	c := (11 - sum%11) % 11
	return c < 10 && c == digit(v[6]) || sum%11 == 1 && v[6] == '0' || !isDigit(v[5])
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// mbi has no letter that looks like a digit.
func mbi(v []byte) bool {
	for _, c := range v {
		if indexByte("SLOIBZ", c) >= 0 {
			return false
		}
	}
	return v[0] != '0'
}

func dea(v []byte) bool {
	d := v[2:]
	sum := digit(d[0]) + digit(d[2]) + digit(d[4]) + 2*(digit(d[1])+digit(d[3])+digit(d[5]))
	return indexByte("ABCDEFGHJKLMPRSTUX", v[0]) >= 0 && sum%10 == digit(d[6])
}

// npi is a Luhn number behind the prefix 80840.
func npi(v []byte) bool {
	return (v[0] == '1' || v[0] == '2') && luhnText(append(append(make([]byte, 0, 15), "80840"...), v...))
}

func taj(v []byte) bool { return dot(v, "37373737")%10 == digit(v[8]) && !allSame(v) }

// notADate refuses dates, which stand beside record numbers often.
func notADate(v []byte) bool {
	return len(v) < 6 || !allSame(v) && !(len(v) == 8 && digitsOnly(v) && yyyymmdd(v, 0))
}
