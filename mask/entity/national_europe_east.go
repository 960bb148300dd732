package entity

import "bytes"

// europeEast lists the numbers of central and eastern Europe.
func europeEast() []rule {
	const k = "national_id"
	return []rule{
		{kind: k, name: "Poland, PESEL", shape: "d{11}=.4", check: pesel,
			words: "pesel*|nr pesel*|numer pesel*|peselu", also: idWord, alone: .95},
		{kind: k, name: "Poland, NIP", shape: "ddd-ddd-dd-dd=.93;ddd-dd-dd-ddd=.93;d{10}=.1;ddd ddd dd dd=.6", check: nip,
			words: "nip|nip:|nip-u|numer nip|vat pl", also: taxWord, alone: .95},
		{kind: k, name: "Poland, identity card", shape: "VVVdddddd=.4;VVV dddddd=.45;AAAdddddd=.2;AAA dddddd=.2", check: dowod,
			words: "dowód osobisty|dowodu osobistego|dowodu|dowód|nr dowodu|seria i numer|dowod os*", also: idWord, alone: .93},
		{kind: k, name: "Czechia and Slovakia, birth number", shape: "dddddd/dddd=.97;d{10}=.2;dddddd/ddd=.4;dddddd dddd=.3", check: rodneCislo,
			words: "rodné číslo*|rodne cislo*|rodného čísla|r.č.|rč|r. č.|r.č|rodné č*|birth number*|rodným číslem", also: idWord, alone: .97},
		{kind: k, name: "Hungary, personal number", shape: "d-dddddd-dddd=.93;d dddddd dddd=.8;d{11}=0", check: szemelyi,
			words: "személyi szám*|személyi azonosító*|személyazonosító*|szem. szám", also: idWord, alone: .95},
		{kind: k, name: "Hungary, tax number", shape: "8d{9}=.2;8ddd-ddd-ddd=.5;8ddd ddd ddd=.5", check: adoazonosito,
			words: "adóazonosító*|adószám*|adóazonosító jel*|adó az*", also: taxWord, alone: .95},
		{kind: k, name: "Romania, CNP", shape: "d{13}=.9;d dddddd dddddd=.93;d dd dd dd dd ddd d=.93", check: cnp,
			words: "cnp|cnp:|c.n.p.|cod numeric personal*|codul numeric personal*", also: idWord, alone: .98},
		{kind: k, name: "Bulgaria, EGN", shape: "d{10}=.35;dddddd dddd=.35", check: egn,
			words: "егн|егн:|egn|egn:|единен граждански номер|лнч", also: idWord, alone: .96},
		{kind: k, name: "Greece, AFM", shape: "d{9}=0;ddd ddd ddd=.2", check: afm,
			words: "αφμ|α.φ.μ*|afm|afm:|a.f.m.|αριθμός φορολογικού*", also: taxWord, alone: .95},
		{kind: k, name: "Greece, AMKA", shape: "d{11}=.35;dddddd ddddd=.4;dddddd-ddddd=.5", check: amka,
			words: "αμκα|α.μ.κ.α*|amka|amka:", also: idWord, alone: .96},
		{kind: k, name: "Greece, identity card", shape: "AA-dddddd=0;AA dddddd=0;AAdddddd=0",
			words: "αδτ|α.δ.τ*|adt|adt:|αριθμός ταυτότητας|ταυτότητα*|δελτίο ταυτότητας"},
		{kind: k, name: "Croatia, OIB", shape: "d{11}=.2", check: iso7064,
			words: "oib|oib:|oib-a|osobni identifikacijski*|osobni id*", also: idWord, alone: .95},
		{kind: k, name: "Slovenia, Serbia and neighbours, JMBG", shape: "d{13}=.88;dddddddddd ddd=.5", check: jmbg,
			words: "jmbg*|jмбг|јмбг|emšo*|emso*|матични број*|matični broj*|эмбг|ембг|embg|единствен матичен*", also: idWord, alone: .98},
		{kind: k, name: "Ukraine, taxpayer number", shape: "d{10}=.1", check: rnokpp,
			words: "рнокпп*|іпн|іпн:|ідентифікаційний код*|ідентифікаційний номер*|податковий номер*|rnokpp|ipn:|код платника|инн", also: taxWord, alone: .93},
		{kind: k, name: "Russia, SNILS", shape: "ddd-ddd-ddd dd=.98;ddd-ddd-ddd-dd=.96;ddd ddd ddd dd=.85;d{11}=.3;dddddddddd-d=0", check: snils,
			words: "снилс*|snils*|страховой номер*|страхового номера|пенсионн*", also: idWord, alone: .97},
		{kind: k, name: "Russia, INN of a person", shape: "d{12}=.4;dddd dddddd dd=.5", check: inn,
			words: "инн|инн:|inn|inn:|налогоплательщик*|идентификационный номер налог*", also: taxWord, alone: .97},
		{kind: k, name: "Russia, INN of a firm", shape: "d{10}=0", check: innFirm,
			words: "инн|инн:|inn:|инн/кпп"},
		{kind: k, name: "Kazakhstan, IIN", shape: "d{12}=.45", check: iin,
			words: "иин|иин:|жсн|iin|iin:|индивидуальный идентификационный*", also: idWord, alone: .97},
		{kind: k, name: "Moldova, IDNP", shape: "d{13}=0", check: idnp,
			words: "idnp*|cod personal*|codul personal*", also: idWord, alone: .9},
		{kind: k, name: "Turkey, T.C. kimlik", shape: "d{11}=.48;ddd ddd ddd dd=.7;ddd ddd dd ddd=.7", check: kimlik,
			words: "kimlik*|t.c. kimlik*|tc kimlik*|t.c. no*|tc no*|tckn*|tckno*|t.c.|tc|tcno*|tc kimlik*|turkish id*", also: idWord, alone: .98},
		{kind: k, name: "Turkey, tax number", shape: "d{10}=0;ddd ddd dddd=0", check: vkn,
			words: "vergi no*|vergi kimlik*|vergi num*|vkn*|v.k.n", also: taxWord, alone: .9},
		{kind: k, name: "Albania, NID", shape: "AdddddddddA=.3", check: albania,
			words: "nid|nid:|numri personal*|letërnjoftim*|nipt", also: idWord, alone: .9},
	}
}

// eastMonth takes off what is added to the month of those born in other centuries.
func eastMonth(m, step int) int {
	for m > step {
		m -= step
	}
	return m
}

func pesel(v []byte) bool {
	return monthDay(eastMonth(two(v, 2), 20), two(v, 4)) && dot(v, "13791379131")%10 == 0
}

func nip(v []byte) bool {
	return v[0] != '0' && dot(v, "657234567")%11 == digit(v[9]) && !allSame(v)
}

func dowod(v []byte) bool {
	sum := 0
	for i, c := range v {
		sum += letterValue(c) * digit("731073173"[i])
	}
	return sum%10 == digit(v[3])
}

// rodneCislo had nine digits and no check until 1953. The months of women are 50
// higher, and 20 when numbers ran out.
func rodneCislo(v []byte) bool {
	m := two(v, 2)
	if m > 50 {
		m -= 50
	}
	if m > 20 {
		m -= 20
	}
	if !monthDay(m, two(v, 4)) {
		return false
	}
	n := value(v)
	return len(v) == 9 && two(v, 0) < 54 || n%11 == 0 || value(v[:9])%11 == 10 && v[9] == '0'
}

func szemelyi(v []byte) bool {
	if v[0] < '1' || v[0] > '8' || !ymd(v, 1) {
		return false
	}
	c := digit(v[10])
	return dot(v, "123456789A")%11 == c || dot(v, "A987654321")%11 == c
}

func adoazonosito(v []byte) bool { return dot(v, "123456789")%11 == digit(v[9]) }

func cnp(v []byte) bool {
	if v[0] == '0' || !ymd(v, 1) || two(v, 7) < 1 || two(v, 7) > 52 && two(v, 7) != 70 {
		return false
	}
	c := dot(v, "279146358279") % 11
	if c == 10 {
		c = 1
	}
	return c == digit(v[12])
}

func egn(v []byte) bool {
	return monthDay(eastMonth(two(v, 2), 20), two(v, 4)) && dot(v, "2485A9736")%11%10 == digit(v[9])
}

func afm(v []byte) bool {
	sum := 0
	for i, c := range v[:8] {
		sum += digit(c) << (8 - i)
	}
	return sum%11%10 == digit(v[8]) && !allSame(v)
}

func amka(v []byte) bool { return dmy(v, 0) && luhnText(v) }

// jmbg holds the last three digits of the year of birth.
func jmbg(v []byte) bool {
	if y := value(v[4:7]); !monthDay(two(v, 2), two(v, 0)) || y > 35 && y < 900 {
		return false
	}
	return dot(v, "7654327654321")%11 == 0
}

func rnokpp(v []byte) bool {
	return v[0] != '0' && dot(v, "A57946A57")%11%10 == digit(v[9]) && !allSame(v)
}

func snils(v []byte) bool {
	c := dot(v, "987654321") % 101 % 100
	return c == two(v, 9) && !allSame(v)
}

func inn(v []byte) bool {
	return v[0]+v[1] != '0'+'0' && dot(v, "724A359468")%11%10 == digit(v[10]) && dot(v, "3724A359468")%11%10 == digit(v[11]) && !allSame(v)
}

func innFirm(v []byte) bool { return dot(v, "24A359468")%11%10 == digit(v[9]) && !allSame(v) }

func iin(v []byte) bool {
	if !ymd(v, 0) || v[6] > '6' {
		return false
	}
	c := dot(v, "123456789AB") % 11
	if c == 10 {
		c = dot(v, "3456789AB12") % 11
	}
	return c == digit(v[11])
}

func idnp(v []byte) bool { return v[0] == '2' || v[0] == '0' }

func kimlik(v []byte) bool {
	odd := digit(v[0]) + digit(v[2]) + digit(v[4]) + digit(v[6]) + digit(v[8])
	even := digit(v[1]) + digit(v[3]) + digit(v[5]) + digit(v[7])
	tenth := ((odd*7-even)%10 + 10) % 10
	return v[0] != '0' && tenth == digit(v[9]) && (odd+even+tenth)%10 == digit(v[10])
}

func vkn(v []byte) bool {
	sum := 0
	for i, c := range v[:9] {
		t := (digit(c) + 9 - i) % 10
		if t != 0 {
			t = t << (9 - i) % 9
			if t == 0 {
				t = 9
			}
		}
		sum += t
	}
	return (10-sum%10)%10 == digit(v[9])
}

func albania(v []byte) bool {
	m := eastMonth(two(v, 2), 50)
	return bytes.IndexByte([]byte("ABCDEFGHIJKLMNOPQRST"), v[0]) >= 0 && digitsOnly(v[1:9]) && m >= 1
}
