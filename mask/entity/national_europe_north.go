package entity

// europeNorth lists the numbers of the Nordic and Baltic countries. Most hold a
// date of birth, which with the check digit makes a stranger unlikely.
func europeNorth() []rule {
	const k = "national_id"
	return []rule{
		{kind: k, name: "Sweden, personnummer", shape: "dddddd-dddd=.93;dddddd+dddd=.93;d{8}-dddd=.96;d{8}+dddd=.96;d{12}=.85;d{10}=0;dddddd dddd=.3", check: personnummer,
			words: "personnummer*|personnr*|pers.nr*|pnr|pnr:|samordningsnummer*|swedish personal*|swedish id*|p.nr*|person-nr*", also: idWord, alone: .95},
		{kind: k, name: "Sweden, samordningsnummer", shape: "dddddd-dddd=.3;d{8}-dddd=.8;d{12}=0;d{10}=0", check: samordning,
			words: "samordningsnummer*|personnummer*|personnr*", also: idWord, alone: .95},
		{kind: k, name: "Norway, fødselsnummer", shape: "d{11}=.6;dddddd ddddd=.93;dddddd-ddddd=.9", check: foedselsnummer,
			words: "fødselsnummer*|fødselsnr*|fodselsnummer*|personnummer*|fnr|fnr:|f.nr*|d-nummer*|norwegian id*|norwegian national*", also: idWord, alone: .97},
		// Denmark gave its check digit up in 2007: only the date holds.
		{kind: k, name: "Denmark, CPR", shape: "dddddd-dddd=.75;d{10}=0;dddddd dddd=0", check: cpr,
			words: "cpr*|cpr-nr*|cpr nr*|personnummer*|personnr*|danish personal*|danish id*", also: idWord, alone: .9},
		{kind: k, name: "Finland, henkilötunnus", shape: "dddddd-dddX=.95;dddddd+dddX=.95;ddddddAdddX=.93", check: hetu,
			words: "henkilötunnus*|henkilötunn*|hetu|hetu:|hetunumero*|sotu|sosiaaliturvatunnus*|personbeteckning*|finnish personal*|finnish id*", also: idWord, alone: .98},
		{kind: k, name: "Iceland, kennitala", shape: "dddddd-dddd=.92;d{10}=.2;dddddd dddd=.3", check: kennitala,
			words: "kennitala*|kennitölu*|kt.|kt:|icelandic id*", also: idWord, alone: .95},
		{kind: k, name: "Estonia and Lithuania, personal code", shape: "d{11}=.4", check: isikukood,
			words: "isikukood*|isiku kood*|asmens kod*|a.k.|a/k|estonian id*|estonian personal*|lithuanian id*|lithuanian personal*", also: idWord, alone: .97},
		{kind: k, name: "Latvia, personas kods", shape: "dddddd-ddddd=.85;d{11}=0", check: personasKods,
			words: "personas kod*|pers. kods|p.k.|latvian id*|latvian personal*", also: idWord, alone: .93},
	}
}

func personnummer(v []byte) bool {
	if len(v) == 12 {
		if c := two(v, 0); c < 18 || c > 20 {
			return false
		}
		v = v[2:]
	}
	return monthDay(two(v, 2), two(v, 4)) && luhnText(v)
}

// samordning takes the numbers of people who are not in the register: 60 is added to
// the day.
func samordning(v []byte) bool {
	v = v[len(v)-10:]
	return two(v, 4) > 60 && monthDay(two(v, 2), two(v, 4)-60) && luhnText(v)
}

func foedselsnummer(v []byte) bool {
	d, m := two(v, 0), two(v, 2)
	if d > 40 {
		d -= 40
	}
	if m > 80 {
		m -= 80
	} else if m > 40 {
		m -= 40
	}
	return monthDay(m, d) && dot(v, "3761894521")%11 == 0 && dot(v, "54327654321")%11 == 0
}

func cpr(v []byte) bool { return dmy(v, 0) && !allSame(v[6:]) }

func hetu(v []byte) bool {
	mark := 0
	if len(v) == 11 {
		mark = 1
		if c := v[6]; !('A' <= c && c <= 'F' || 'U' <= c && c <= 'Y') {
			return false
		}
	}
	serial := v[6+mark : 9+mark]
	if !digitsOnly(serial) || !dmy(v, 0) || value(serial) < 2 {
		return false
	}
	return "0123456789ABCDEFHJKLMNPRSTUVWXY"[(value(v[:6])*1000+value(serial))%31] == v[9+mark]
}

func kennitala(v []byte) bool {
	d := two(v, 0)
	if d > 40 { // a firm
		d -= 40
	}
	return monthDay(two(v, 2), d) && (v[9] == '9' || v[9] == '0' || v[9] == '8') && dot(v, "327654321")%11 == 0
}

// isikukood counts with two rows of weights: the second is for remainders of ten.
func isikukood(v []byte) bool {
	if v[0] < '1' || v[0] > '8' || !ymd(v, 1) {
		return false
	}
	c := dot(v, "1234567891") % 11
	if c == 10 {
		c = dot(v, "3456789123") % 11 % 10
	}
	return c == digit(v[10])
}

// personasKods takes old numbers, which begin with a date, and new ones, which
// begin with 32 and mean nothing.
func personasKods(v []byte) bool {
	if v[0] == '3' && v[1] >= '2' {
		return true
	}
	return dmy(v, 0) && v[6] <= '2' && (1+dot(v, "A584216379"))%11%10 == digit(v[10])
}
