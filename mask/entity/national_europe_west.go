package entity

import "bytes"

// europeWest lists the numbers of western and southern Europe.
func europeWest() []rule {
	const k = "national_id"
	return []rule{
		{kind: k, name: "UK, National Insurance", shape: "VV dd dd dd V=.95;VVddddddV=.8;VV-dd-dd-dd-V=.95;VV dddddd V=.9;VVdddddd=0;AA dd dd dd A=.6;AAddddddA=.3", check: nino,
			words: "nino|nino:|ni no*|ni number*|ni num*|national insurance*|ni:|n.i.|nat ins*|ni #", also: idWord, alone: .95},
		// Prefixes that were never given out are typed all the same.
		{kind: k, name: "UK, National Insurance, any prefix", shape: "AA dd dd dd A=0;AAddddddA=0;AA-dd-dd-dd-A=0;AA dddddd A=0", words: "nino|national insurance*|ni no*|ni number*|ni num*"},
		{kind: k, name: "UK, tax reference", shape: "d{10}=0;ddddd ddddd=0;ddddd-ddddd=0",
			words: "utr|utr:|unique tax*|self assessment*|tax reference*|hmrc*"},
		{kind: k, name: "Ireland, PPS", shape: "d{7}AA=.4;d{7}A=.35", check: pps,
			words: "pps|ppsn*|pps no*|pps num*|personal public service*|uimhir psp|psp", also: idWord, alone: .95},
		{kind: k, name: "Germany, tax identification", shape: "d{11}=.3;dd ddd ddd ddd=.9;dd ddd ddd dd d=.7;dd-ddd-ddd-ddd=.85;dd/ddd/ddd/ddd=.8;ddd dddd dddd=.3", check: steuerID,
			words: "steuer-id*|steuerid*|steuer id*|steuer-ident*|steueridentifikation*|steuerliche identifik*|identifikationsnummer*|idnr|idnr.|id-nr.|idnr:|tin|german tax*|steuernummer*|persönliche id*", also: taxWord, alone: .97},
		{kind: k, name: "Germany, tax identification, check digit only", shape: "d{11}=0;dd ddd ddd ddd=0", check: iso7064,
			words: "steuer-id*|steuerid*|steuer id*|steuer-ident*|steueridentifikation*|steuerliche identifik*|idnr|idnr."},
		{kind: k, name: "Germany, tax number", shape: "dd/ddd/ddddd=.6;ddd/ddd/ddddd=.6;ddd/dddd/dddd=.6;d{13}=0;d{10}=0;d{11}=0;dd ddd ddddd=0",
			words: "steuernummer*|steuer-nr*|steuernr*|st.-nr.|st-nr*|stnr*|st.nr*", also: taxWord, alone: .7},
		{kind: k, name: "Germany, pension insurance", shape: "dd dddddd A ddd=.9;ddddddddAddd=.7;dd dddddd Addd=.9", check: rentenversicherung,
			words: "rentenversicherung*|rentenvers*|sozialversicherung*|sv-nummer*|svnr*|sv-nr*|rvnr*|versicherungsnummer*", also: idWord, alone: .95},
		{kind: k, name: "Germany, identity card", shape: "XXXXXXXXXX=.2;XXXXXXXXX=0;XXXXXXXXX d=.2", check: personalausweis,
			words: "personalausweis*|ausweisnummer*|ausweis-nr*|ausweisnr*|ausweis nr*|perso|perso-nr*|personalausweisnr*|ausweis*|german id*|identity card*|id card*", also: idWord, alone: .85},
		{kind: k, name: "Austria, social insurance", shape: "dddd dddddd=.8;d{10}=.2;dddd-dddddd=.8;dddd/dddddd=.8;dddd dd dd dd=.8;dddd dd.dd.dd=.8", check: svnr,
			words: "svnr*|sv-nr*|sv nr*|sozialversicherung*|sv-nummer*|versicherungsnummer*|vsnr*|sv nummer*|e-card*", also: idWord, alone: .95},
		{kind: k, name: "Switzerland, AHV", shape: "756.dddd.dddd.dd=.99;756d{10}=.85;756 dddd dddd dd=.98;756-dddd-dddd-dd=.98", check: ean13,
			words: "ahv*|avs|avs:|no avs|numéro avs|n° avs|ahv-nr*|oasi|sozialversicherung*|navs*", also: idWord, alone: .98},
		{kind: k, name: "France, NIR", shape: "d{5}XXd{8}=.96;d{5}XXd{6}=0;d dd dd XX ddd ddd dd=.98;d dd dd XX ddd ddd=.8;d.dd.dd.XX.ddd.ddd.dd=.98;d-dd-dd-XX-ddd-ddd-dd=.98;d{5}XXd{6} dd=.97;d dd dd XX ddd ddd/dd=.97;d dd dd XX ddd ddd - dd=.97", check: nir,
			words: "nir|nir:|insee*|sécurité sociale|securite sociale|sécu|n° sécu*|numéro de sécu*|numéro ss|n° ss|numéro insee|n°ss|secu|num ss", also: idWord, alone: .97},
		{kind: k, name: "France, tax number", shape: "dd dd ddd ddd ddd=.6;d{13}=0", check: spi,
			words: "numéro fiscal*|n° fiscal*|identifiant fiscal*|spi|spi:|numéro spi|référence fiscale|num fiscal*|french tax*", also: taxWord, alone: .95},
		{kind: k, name: "Spain, DNI", shape: "d{8}A=.85;d{8}-A=.93;d{8} A=.6;dd.ddd.ddd-A=.97;dd.ddd.dddA=.95;dd.ddd.ddd A=.9;d{7}-A=.5", check: dni,
			words: "dni|dni:|d.n.i.|nif|nif:|n.i.f.|documento nacional*|nº dni|núm. dni|spanish id*|dni/nif|dni-nif|dnis", also: idWord, alone: .97},
		{kind: k, name: "Spain, NIE", shape: "Ad{7}A=.93;A-d{7}-A=.97;A d{7} A=.9;A-d{7}A=.95", check: nie,
			words: "nie|nie:|n.i.e.|extranjer*|tarjeta de residencia*|spanish nie", also: idWord, alone: .97},
		{kind: k, name: "Portugal, NIF", shape: "d{9}=0;ddd ddd ddd=.3;ddd.ddd.ddd=.4", check: nif,
			words: "nif|nif:|n.i.f.|contribuinte*|nº de contribuinte|número de contribuinte|identificação fiscal|nipc", also: taxWord, alone: .95},
		{kind: k, name: "Portugal, citizen card", shape: "d{8} d VVd=.93;d{8}dVVd=.85;d{8}-d-VVd=.93;d{8} dVVd=.93", check: cartaoCidadao,
			words: "cartão de cidadão|cartão cidadão|cartao de cidadao|cartao cidadao|nº cc|cc:|citizen card*", also: idWord, alone: .97},
		{kind: k, name: "Italy, codice fiscale", shape: "A{6}XXAXXAXXXA=.97;AAA AAA XXAXX AXXXA=.97", check: codiceFiscale,
			words: "codice fiscale*|cod. fisc*|cod fisc*|c.f.|c.f.:|cf:|fiscal code*|codicefiscale*", also: taxWord, alone: .98},
		{kind: k, name: "Italy, partita IVA", shape: "d{11}=0", check: luhnText,
			words: "partita iva*|p.iva*|p. iva*|piva*|p.i.|p iva*", also: taxWord, alone: .9},
		{kind: k, name: "Netherlands, BSN", shape: "d{9}=.2;dddd.dd.ddd=.9;ddd ddd ddd=.25;dddd dd ddd=.6;ddd.ddd.ddd=.3;ddd-ddd-ddd=.2;d{8}=0", check: bsn,
			words: "bsn*|bsn-nummer*|burgerservice*|burger service*|sofi*|sofinummer*|persoonsnummer*|dutch bsn", also: idWord, alone: .95},
		{kind: k, name: "Belgium, national number", shape: "dd.dd.dd-ddd.dd=.99;d{11}=.6;dd.dd.dd-ddd-dd=.98;dddddd-ddd-dd=.97;dddddd-ddd.dd=.98;dd dd dd ddd dd=.9;dddddd ddd dd=.9;dd.dd.dd.ddd.dd=.95", check: rijksregister,
			words: "rijksregister*|registre national*|numéro national*|niss|insz*|nationalregister*|nn:|rrn|rrn:|national number*|numéro de registre*|nationaal nummer*", also: idWord, alone: .98},
		{kind: k, name: "Luxembourg, matricule", shape: "d{13}=.9;d{8} ddddd=.93;dddd dddd ddddd=.93;dddd dd dd ddddd=.93;dddd dd dd ddd dd=.93", check: matricule,
			words: "matricule*|numéro d'identification national*|cns|sozialversicherungsnummer*|sécurité sociale", also: idWord, alone: .98},
	}
}

func nino(v []byte) bool {
	const never = "DFIQUV"
	if bytes.IndexByte([]byte(never), v[0]) >= 0 || bytes.IndexByte([]byte(never+"O"), v[1]) >= 0 || !digitsOnly(v[2:8]) {
		return false
	}
	switch string(v[:2]) {
	case "BG", "GB", "NK", "KN", "TN", "NT":
		return false
	}
	return len(v) == 8 || v[8] <= 'D'
}

// pps counts the second letter, where there is one, as the ninth digit.
func pps(v []byte) bool {
	sum := dot(v, "8765432")
	if len(v) == 9 && v[8] != 'W' {
		if v[8] > 'I' {
			return false
		}
		sum += int(v[8]-'A'+1) * 9
	}
	return "WABCDEFGHIJKLMNOPQRSTUV"[sum%23] == v[7]
}

// steuerID asks besides the check digit that one of the first ten digits stands
// there twice or three times and the others at most once.
func steuerID(v []byte) bool {
	var seen [10]int
	for _, c := range v[:10] {
		seen[digit(c)]++
	}
	again := 0
	for _, n := range seen {
		if n > 3 {
			return false
		}
		if n > 1 {
			again++
		}
	}
	return v[0] != '0' && again == 1 && iso7064(v)
}

// rentenversicherung counts the digits of its products, the letter as two digits.
func rentenversicherung(v []byte) bool {
	if d := two(v, 2) % 50; !monthDay(two(v, 4), d) || !digitsOnly(v[9:]) {
		return false
	}
	letter := v[8] - 'A' + 1
	all := append(append(append(make([]byte, 0, 12), v[:8]...), '0'+letter/10, '0'+letter%10), v[9:11]...)
	sum := 0
	for i, c := range all {
		n := digit(c) * digit("212571212121"[i])
		sum += n/10 + n%10
	}
	return sum%10 == digit(v[11])
}

// personalausweis takes card numbers with their check digit and, as people copy
// them, without.
func personalausweis(v []byte) bool {
	if bytes.IndexByte([]byte("CFGHJKLMNPRTVWXYZ"), v[0]) < 0 {
		return false
	}
	digits := 0
	for _, c := range v[:9] {
		if isDigit(c) {
			digits++
		} else if bytes.IndexByte([]byte("CFGHJKLMNPRTVWXYZ"), c) < 0 {
			return false
		}
	}
	return digits >= 3 && (len(v) == 9 || isDigit(v[9]) && weighted731(v[:9]) == digit(v[9]))
}

func svnr(v []byte) bool {
	return v[0] != '0' && monthDay(min(two(v, 6), 12), two(v, 4)) && two(v, 6) <= 15 && dot(v, "3790584216")%11 == digit(v[3])
}

func ean13(v []byte) bool { return (dot(v, "1313131313131"))%10 == 0 && !allSame(v[3:]) }

// nir reads Corsica's departments as 19 and 18.
func nir(v []byte) bool {
	if len(v) < 13 || v[0] != '1' && v[0] != '2' && v[0] != '7' && v[0] != '8' || !digitsOnly(v[:5]) || !digitsOnly(v[7:]) {
		return false
	}
	var n [15]byte
	copy(n[:], v)
	if v[5] == '2' && (v[6] == 'A' || v[6] == 'B') {
		n[5], n[6] = '1', '9'-(v[6]-'A')
	}
	if !digitsOnly(n[5:7]) {
		return false
	}
	// Months above 12 stand for unknown ones.
	if m := two(n[:], 3); m == 0 || m > 12 && m < 20 || m > 42 && m < 50 {
		return false
	}
	return len(v) == 13 || len(v) == 15 && 97-mod97Of(n[:13]) == two(n[:], 13)
}

func spi(v []byte) bool {
	return v[0] <= '3' && value(v[:10])%511 == value(v[10:])
}

// dni is a number and its remainder as a letter.
func dni(v []byte) bool {
	n := len(v) - 1
	return "TRWAGMYFPDXBNJZSQVHLCKE"[value(v[:n])%23] == v[n] && !allSame(v[:n])
}

// nie is a number whose first letter stands for a digit.
func nie(v []byte) bool {
	if v[0] < 'X' || v[0] > 'Z' {
		return false
	}
	n := int(v[0]-'X')*10000000 + value(v[1:8])
	return "TRWAGMYFPDXBNJZSQVHLCKE"[n%23] == v[8]
}

func nif(v []byte) bool {
	c := 11 - dot(v, "98765432")%11
	if c > 9 {
		c = 0
	}
	return bytes.IndexByte([]byte("1235689"), v[0]) >= 0 && c == digit(v[8]) && !allSame(v)
}

// cartaoCidadao is a Luhn number over letters.
func cartaoCidadao(v []byte) bool {
	sum := 0
	for i := range v {
		n := letterValue(v[i])
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// codiceFiscale counts odd places by a table of its own. Digits may be letters
// where two people would have had the same code.
func codiceFiscale(v []byte) bool {
	const odd = "\x01\x00\x05\x07\x09\x0d\x0f\x11\x13\x15\x02\x04\x12\x14\x0b\x03\x06\x08\x0c\x0e\x10\x0a\x16\x19\x18\x17"
	if bytes.IndexByte([]byte("ABCDEHLMPRST"), v[8]) < 0 {
		return false
	}
	sum := 0
	for i, c := range v[:15] {
		n := letterValue(c)
		if n >= 10 {
			n -= 10
		}
		if i%2 == 0 {
			n = int(odd[n])
		}
		sum += n
	}
	for _, i := range [...]int{6, 7, 9, 10, 12, 13, 14} {
		if !isDigit(v[i]) && bytes.IndexByte([]byte("LMNPQRSTUV"), v[i]) < 0 {
			return false
		}
	}
	return byte(sum%26)+'A' == v[15]
}

func bsn(v []byte) bool {
	if len(v) == 8 {
		return (dot(v, "8765432")-digit(v[7]))%11 == 0 && !allSame(v)
	}
	return (dot(v, "98765432")-digit(v[8]))%11 == 0 && !allSame(v)
}

// rijksregister puts a 2 before the numbers of people born since 2000.
func rijksregister(v []byte) bool {
	m, d := two(v, 2)%20, two(v, 4)
	if m > 12 || d > 31 || two(v, 2) > 52 {
		return false
	}
	n, c := value(v[:9]), two(v, 9)
	return 97-n%97 == c || 97-(n+2000000000)%97 == c
}

// matricule ends with two check digits, by Luhn's rule and by Verhoeff's.
func matricule(v []byte) bool {
	if !yyyymmdd(v, 0) || !luhnText(v[:12]) {
		return false
	}
	return verhoeff(append(append(make([]byte, 0, 12), v[:11]...), v[12]))
}
