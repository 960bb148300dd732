package entity

// africaOceania lists the numbers of Africa and Oceania.
func africaOceania() []rule {
	const k = "national_id"
	return []rule{
		{kind: k, name: "South Africa, id", shape: "d{13}=.85;d{6} dddd ddd=.93;d{6} dddd d d d=.95;d{6} dddd dd d=.9;d{6} d{7}=.7", check: southAfrican,
			words: "south african id*|sa id*|rsa id*|id number*|id no*|identity number*", also: idWord, alone: .98},
		{kind: k, name: "Nigeria, NIN and BVN", shape: "d{11}=0;dddd ddd dddd=0;ddd-dddd-dddd=0",
			words: "nin|nin:|nimc|national identification num*|bvn|bvn:|bank verification*"},
		{kind: k, name: "Kenya, id", shape: "d{8}=0;d{7}=0",
			words: "kenya id*|kenyan id*|huduma*|kitambulisho*|national id*|id number*|id no*"},
		{kind: k, name: "Kenya, PIN", shape: "Ad{9}A=.5", check: kra, words: "kra|kra pin*|pin:", also: taxWord, alone: .95},
		{kind: k, name: "Ghana, card", shape: "GHA-d{9}-d=.97", words: "ghana card*|ghanacard*"},
		{kind: k, name: "Egypt, national id", shape: "d{14}=.85;d dd dd dd dd ddddd=.9;d d{6} d{7}=.8", check: egyptian,
			words: "الرقم القومي*|رقم قومي*|الرقم القومى*|egyptian id*|egypt id*|بطاقة الرقم القومي", also: idWord, alone: .97},
		{kind: k, name: "Morocco, CIN", shape: "Ad{5}=0;Ad{6}=0;AAd{5}=0;AAd{6}=0",
			words: "cin|cin:|cnie|carte nationale*|البطاقة الوطنية*|رقم البطاقة*"},
		{kind: k, name: "Tunisia, CIN", shape: "d{8}=0", words: "cin|cin:|بطاقة التعريف*"},
		{kind: k, name: "Algeria, NIN", shape: "d{18}=0", words: "nin|nin:|رقم التعريف الوطني"},
		{kind: k, name: "Ethiopia, Fayda", shape: "dddd dddd dddd dddd=0;d{12}=0;dddd dddd dddd=0", words: "fayda*|fan|fcn|ፋይዳ"},
		{kind: k, name: "Tanzania and Uganda", shape: "d{8}-d{5}-d{5}-dd=.97;d{20}=0;VVd{5}XXXXXXX=0", words: "nida*|nin|nin:|ndaga*"},
		{kind: k, name: "Australia, TFN", shape: "d{9}=0;ddd ddd ddd=.25;ddd-ddd-ddd=.25;d{8}=0;dd ddd ddd=0", check: tfn,
			words: "tfn|tfn:|tax file*", also: taxWord, alone: .93},
		{kind: k, name: "Australia, ABN", shape: "dd ddd ddd ddd=.6;d{11}=0", check: abn, words: "abn|abn:|australian business*", also: taxWord, alone: .93},
		{kind: k, name: "New Zealand, IRD", shape: "dd-ddd-ddd=.4;ddd-ddd-ddd=.3;d{8}=0;d{9}=0;dd ddd ddd=.2;ddd ddd ddd=.2", check: ird,
			words: "ird|ird:|ird no*|ird num*|inland revenue*", also: taxWord, alone: .93},
	}
}

// identity takes what the words call an identity number though its country is
// unknown.
func identity() []rule {
	const k = "national_id"
	return []rule{
		{kind: k, name: "any identity number", shape: "d{6}=0;d{7}=0;d{8}=0;d{9}=0;d{10}=0;d{11}=0;d{12}=0;d{13}=0;d{14}=0;d{15}=0;d{16}=0;Ad{6}=0;Ad{7}=0;Ad{8}=0;Ad{9}=0;AAd{6}=0;AAd{7}=0;AAd{8}=0;AAAd{5}=0;AAAd{6}=0;AAAd{7}=0;d{8}A=0;d{7}A=0;d{9}A=0;dd.ddd.ddd=0;d.ddd.ddd=0;d.ddd.ddd.ddd=0;ddd ddd ddd=0;ddd-ddd-ddd=0;dddd dddd dddd=0;dd-dddddd-d=0;Ad{6}A=0;Ad{7}A=0;VV d{6}=0;VVV d{6}=0;A d{7}=0;dddd-d{5}-d=0;dd-d{7}-A-dd=0;d{6}/dd/d=0", also: idWord, alone: .75},
		{kind: k, name: "any tax number", shape: "d{8}=0;d{9}=0;d{10}=0;d{11}=0;d{12}=0;d{13}=0;dd-d{7}=0;Ad{8}=0;Ad{9}=0;d{9}A=0;ddd-ddd-ddd=0;ddd-ddd-ddd-ddd=0;ddd ddd ddd=0;VVd{9}=0;VVd{8}=0;VVd{10}=0", also: taxWord, alone: .7},
	}
}

// southAfrican holds a date and whether one is a citizen.
func southAfrican(v []byte) bool {
	return ymd(v, 0) && v[10] <= '2' && luhnText(v)
}

func kra(v []byte) bool { return v[0] == 'A' || v[0] == 'P' }

// egyptian begins with the century and the date, then the governorate.
func egyptian(v []byte) bool {
	g := two(v, 7)
	return (v[0] == '2' || v[0] == '3') && ymd(v, 1) && (1 <= g && g <= 35 || g == 88)
}

func tfn(v []byte) bool {
	weights := "14375869A"
	if len(v) == 8 {
		weights = "A7846351"
	}
	return dot(v, weights)%11 == 0 && !allSame(v)
}

// abn is a remainder of 89 once one is taken from the first digit.
func abn(v []byte) bool {
	return v[0] != '0' && (digit(v[0])-1)*10+dot(v[1:], "13579BDFHJ") > 0 && ((digit(v[0])-1)*10+dot(v[1:], "13579BDFHJ"))%89 == 0
}

// ird tries a second row of weights when the first leaves ten.
func ird(v []byte) bool {
	var n [9]byte
	copy(n[copy(n[:], "000000000"[:9-len(v)]):], v)
	if v := value(n[:]); v < 10000000 || v > 150000000 {
		return false
	}
	c := (11 - dot(n[:], "32765432")%11) % 11
	if c == 10 {
		c = (11 - dot(n[:], "74325276")%11) % 11
	}
	return c == digit(n[8])
}
