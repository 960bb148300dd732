package entity

import "bytes"

// americas lists the numbers of the Americas.
func americas() []rule {
	const k = "national_id"
	return []rule{
		// A Social Security number has no check digit: its dashes make it one.
		{kind: k, name: "US, SSN", shape: "ddd-dd-dddd=.9;ddd dd dddd=.45;d{9}=0;ddd.dd.dddd=.6", check: ssn,
			words: "ssn*|ssn#|social security*|social sec*|soc sec*|social_security*|socialsecurity*|social insurance*|ss#|ss #|ss number|ss no|itin*|taxpayer identification*|seguro social|w-2|social:|social is|my social|last name ssn", also: taxWord, alone: .9},
		{kind: k, name: "US, employer", shape: "dd-ddddddd=0",
			words: "ein|ein:|employer identification*|fein|federal tax id*"},
		{kind: k, name: "Canada, SIN", shape: "ddd-ddd-ddd=.4;ddd ddd ddd=.3;d{9}=.1", check: sin,
			words: "sin|sin:|sin#|social insurance*|s.i.n.|numéro d'assurance sociale|assurance sociale|nas|nas:|sin number*", also: idWord, alone: .9},
		{kind: k, name: "Mexico, CURP", shape: "A{4}d{6}A{6}Xd=.98", check: curp,
			words: "curp*|clave única*|clave unica*", also: idWord, alone: .98},
		{kind: k, name: "Mexico, RFC", shape: "A{4}d{6}XXX=.8;A{3}d{6}XXX=.6;A{4}-d{6}-XXX=.9;V{4} d{6} XXX=.7", check: rfc,
			words: "rfc|rfc:|r.f.c*|registro federal*", also: taxWord, alone: .95},
		{kind: k, name: "Brazil, CPF", shape: "ddd.ddd.ddd-dd=.98;d{11}=.4;d{9}-dd=.9;ddd ddd ddd dd=.6;ddd.ddd.ddd/dd=.9;ddd ddd ddd-dd=.9", check: cpf,
			words: "cpf*|c.p.f*|cpf/mf|cadastro de pessoa*", also: idWord, alone: .97},
		{kind: k, name: "Brazil, CNPJ", shape: "dd.ddd.ddd/dddd-dd=.95;d{14}=.4;d{8}/dddd-dd=.93", check: cnpj,
			words: "cnpj*|c.n.p.j*", also: taxWord, alone: .95},
		{kind: k, name: "Brazil, RG", shape: "dd.ddd.ddd-X=.4;d{8}X=0;d{7}=0;d{8}=0;d{9}=0;d.ddd.ddd=0;dd.ddd.ddd=0",
			words: "rg|rg:|r.g.|registro geral*|carteira de identidade*"},
		{kind: k, name: "Argentina, CUIT", shape: "dd-d{8}-d=.95;d{11}=.3;dd.d{8}.d=.8;dd d{8} d=.7", check: cuit,
			words: "cuit*|cuil*|c.u.i.t*|c.u.i.l*", also: taxWord, alone: .97},
		{kind: k, name: "Argentina, Peru, DNI", shape: "dd.ddd.ddd=.1;d{8}=0;d.ddd.ddd=0;d{7}=0",
			words: "dni|dni:|d.n.i.|documento nacional*|documento|doc.", also: idWord, alone: .85},
		{kind: k, name: "Chile, RUT", shape: "dd.ddd.ddd-X=.96;d.ddd.ddd-X=.93;d{8}-X=.5;d{7}-X=.4;d{9}=0;d{8}X=0", check: rut,
			words: "rut|rut:|r.u.t*|run|run:|rol único*|cédula de identidad*", also: idWord, alone: .97},
		{kind: k, name: "Colombia, cédula", shape: "d.ddd.ddd.ddd=.2;dd.ddd.ddd=0;d{10}=0;d{8}=0;d{7}=0;d{6}=0;ddd.ddd=0",
			words: "cédula*|cedula*|c.c.|cc no*|cc:|número de cédula*|documento de identidad*|tarjeta de identidad*|nuip"},
		{kind: k, name: "Colombia, NIT", shape: "d{9}-d=.2;ddd.ddd.ddd-d=.5",
			words: "nit|nit:|nit."},
		{kind: k, name: "Ecuador, cédula", shape: "d{10}=.1;d{9}-d=.3", check: ecuador,
			words: "cédula*|cedula*|c.i.|ci:|número de cédula*|ruc", also: idWord, alone: .93},
		{kind: k, name: "Uruguay, cédula", shape: "d.ddd.ddd-d=.7;d{7}-d=.2;d{8}=0", check: uruguay,
			words: "cédula*|cedula*|c.i.|ci:|documento*", also: idWord, alone: .95},
		{kind: k, name: "Venezuela, cédula", shape: "A-dd.ddd.ddd=.6;A-d{8}=.3;A-d{7}=0;Ad{8}=0", check: venezuela,
			words: "cédula*|cedula*|c.i.|ci:|rif|rif:", also: idWord, alone: .9},
		{kind: k, name: "Peru, RUC", shape: "d{11}=0",
			words: "ruc|ruc:|r.u.c*"},
		{kind: k, name: "Dominican Republic, cédula", shape: "ddd-d{7}-d=.9;d{11}=0", check: luhnText,
			words: "cédula*|cedula*", also: idWord, alone: .95},
		{kind: k, name: "Costa Rica, cédula", shape: "d-dddd-dddd=0;d{9}=0",
			words: "cédula*|cedula*|cédula de identidad*"},
		{kind: k, name: "Guatemala, CUI", shape: "dddd ddddd dddd=.3;d{13}=0",
			words: "cui|cui:|dpi|dpi:|documento personal*"},
	}
}

// ssn takes social security numbers and those that the tax office gives to others.
func ssn(v []byte) bool {
	area, group := value(v[:3]), two(v, 3)
	if area == 0 || area == 666 || group == 0 || four(v, 5) == 0 || allSame(v) {
		return false
	}
	return area < 900 || 50 <= group && group <= 65 || 70 <= group && group <= 88 || 90 <= group && group != 93
}

func sin(v []byte) bool { return v[0] != '0' && v[0] != '8' && luhnText(v) }

// curp holds a date, the sex, a state and a check digit over letters.
func curp(v []byte) bool {
	if !ymd(v, 4) || bytes.IndexByte([]byte("HMX"), v[10]) < 0 || !mexicanState(v[11:13]) {
		return false
	}
	sum := 0
	for i, c := range v[:17] {
		n := letterValue(c)
		if c > 'N' { // Ñ comes between
			n++
		}
		sum += n * (18 - i)
	}
	return (10-sum%10)%10 == digit(v[17])
}

func mexicanState(s []byte) bool {
	const states = "AS BC BS CC CL CM CS CH DF DG GT GR HG JC MC MN MS NT NL OC PL QT QR SP SL SR TC TS TL VZ YN ZS NE"
	return bytes.Contains([]byte(states), s)
}

func rfc(v []byte) bool { return ymd(v, len(v)-9) }

// cpf has two check digits.
func cpf(v []byte) bool {
	a := dot(v, "A98765432") * 10 % 11 % 10
	b := dot(v, "BA98765432") * 10 % 11 % 10
	return a == digit(v[9]) && b == digit(v[10]) && !allSame(v)
}

func cnpj(v []byte) bool {
	check := func(weights string) int {
		if r := dot(v, weights) % 11; r > 1 {
			return 11 - r
		}
		return 0
	}
	return check("543298765432") == digit(v[12]) && check("6543298765432") == digit(v[13]) && !allSame(v)
}

func cuit(v []byte) bool {
	switch two(v, 0) {
	case 20, 23, 24, 25, 26, 27, 30, 33, 34:
		c := (11 - dot(v, "5432765432")%11) % 11
		return c%10 == digit(v[10]) && c < 10 || c == 10 && v[10] == '9'
	}
	return false
}

// rut ends with a remainder, which is K for ten.
func rut(v []byte) bool {
	n := len(v) - 1
	if !digitsOnly(v[:n]) || allSame(v[:n]) {
		return false
	}
	sum := 0
	for i := range n {
		sum += digit(v[n-1-i]) * (2 + i%6)
	}
	return "0K987654321"[sum%11] == v[n]
}

func ecuador(v []byte) bool {
	p := two(v, 0)
	return (1 <= p && p <= 24 || p == 30) && v[2] < '6' && luhnText(v)
}

func uruguay(v []byte) bool { return (dot(v, "2987634")+digit(v[7]))%10 == 0 && !allSame(v) }

func venezuela(v []byte) bool { return bytes.IndexByte([]byte("VEJPG"), v[0]) >= 0 }
