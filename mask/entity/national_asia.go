package entity

import "bytes"

// asia lists the numbers of Asia and the Middle East.
func asia() []rule {
	const k = "national_id"
	return []rule{
		{kind: k, name: "China, resident id", shape: "d{17}X=.99;d{6} d{8} dddX=.98;d{6}-d{8}-dddX=.97", check: chinese,
			words: "身份证*|身份證*|公民身份*|证件号*|居民身份*|身份号码|resident id*|chinese id*|shenfenzheng", also: idWord, alone: .99},
		{kind: k, name: "China, old resident id", shape: "d{15}=0", check: chineseOld,
			words: "身份证*|身份證*|公民身份*"},
		{kind: k, name: "Hong Kong, HKID", shape: "Ad{6}(X)=.95;AAd{6}(X)=.95;Ad{6}X=.2;A d{6} (X)=.93;Ad{6} (X)=.93;A d{6}(X)=.93;Ad{6}-X=.4", check: hkid,
			words: "hkid*|香港身份证*|香港身份證*|身份证*|身份證*|hong kong id*|hong kong identity*", also: idWord, alone: .95},
		{kind: k, name: "Taiwan, id", shape: "Ad{9}=.48", check: taiwanese,
			words: "身分證*|身份證*|统一编号|統一編號|國民身分*|居留證*|taiwan id*|taiwanese id*", also: idWord, alone: .97},
		{kind: k, name: "Macau, id", shape: "d{7}(d)=.5;d/d{6}/d=.5", words: "bir|澳門身份證*|身份證*"},
		{kind: k, name: "Japan, My Number", shape: "d{12}=.1;dddd dddd dddd=.4;dddd-dddd-dddd=.4", check: myNumber,
			words: "マイナンバー*|個人番号*|my number*|mynumber*|個人ナンバー|通知カード", also: idWord, alone: .93},
		// Numbers given since late 2020 have no check digit: date and century hold.
		{kind: k, name: "Korea, RRN", shape: "d{6}-d{7}=.93;d{13}=.2;d{6} d{7}=.5", check: rrn,
			words: "주민등록*|주민번호*|주민*|외국인등록*|rrn|rrn:|resident registration*|korean id*", also: idWord, alone: .97},
		{kind: k, name: "India, Aadhaar", shape: "dddd dddd dddd=.45;d{12}=.1;dddd-dddd-dddd=.45", check: aadhaar,
			words: "aadhaar*|aadhar*|adhaar*|adhar*|uidai*|uid:|आधार*|ఆధార్|ஆதார்|আধার|આધાર|ಆಧಾರ್|ആധാർ|ਆਧਾਰ|آدھار", also: idWord, alone: .93},
		{kind: k, name: "India, PAN", shape: "V{5}ddddV=.9;A{5}ddddA=.2", check: pan,
			words: "pan|pan:|pan no*|pan card*|pan num*|permanent account*|पैन*|पॅन*", also: taxWord, alone: .97},
		{kind: k, name: "India, voter card", shape: "VVVd{7}=.2", words: "voter*|epic|epic no*|मतदाता*|election card*"},
		{kind: k, name: "Pakistan, CNIC", shape: "d{5}-d{7}-d=.93;d{13}=0;d{5} d{7} d=.5", check: cnic,
			words: "cnic*|nic:|nicop*|شناختی کارڈ|شناختی|computerized national*", also: idWord, alone: .95},
		{kind: k, name: "Bangladesh, NID", shape: "d{10}=0;d{13}=0;d{17}=0;ddd ddd dddd=0",
			words: "nid|nid:|nid no*|জাতীয় পরিচয়*|এনআইডি|national id*"},
		{kind: k, name: "Sri Lanka, NIC", shape: "d{9}A=.85;d{12}=.1;d{9} A=.5", check: lankan,
			words: "nic|nic:|nic no*|ජාතික හැඳුනුම්*", also: idWord, alone: .95},
		{kind: k, name: "Nepal, citizenship", shape: "dd-dd-dd-ddddd=.5;dd-ddddd=0", words: "citizenship*|नागरिकता*"},
		{kind: k, name: "Singapore, NRIC", shape: "Ad{7}A=.95", check: nric,
			words: "nric*|fin|fin:|fin no*|nric/fin*|ic no*|ic:|singapore id*", also: idWord, alone: .98},
		{kind: k, name: "Malaysia, MyKad", shape: "d{6}-dd-dddd=.93;d{12}=.1;d{6} dd dddd=.7", check: mykad,
			words: "mykad*|kad pengenalan*|no. kp|no kp|nric*|ic no*|ic:|i/c|no. ic|no ic|kp:", also: idWord, alone: .95},
		{kind: k, name: "Thailand, id", shape: "d-dddd-ddddd-dd-d=.98;d dddd ddddd dd d=.95;d{13}=.25", check: thai,
			words: "บัตรประชาชน*|เลขประจำตัวประชาชน*|เลขบัตร*|thai id*|citizen id*", also: idWord, alone: .97},
		{kind: k, name: "Indonesia, NIK", shape: "d{16}=.6", check: nik,
			words: "nik|nik:|ktp*|e-ktp*|nomor induk kependudukan*|no. ktp*|no ktp*", also: idWord, alone: .97},
		{kind: k, name: "Indonesia, NPWP", shape: "dd.ddd.ddd.d-ddd.ddd=.95;d{15}=0", words: "npwp*|nomor pokok*", also: taxWord, alone: .95},
		{kind: k, name: "Vietnam, CCCD", shape: "0d{11}=0;d{9}=0", check: cccd,
			words: "cccd*|cmnd*|căn cước*|chứng minh*|số cmnd|số cccd|vietnamese id*", also: idWord, alone: .9},
		{kind: k, name: "Philippines", shape: "dd-d{7}-d=.3;ddd-ddd-ddd-ddd=.3;ddd-ddd-ddd=0;dddd-dddd-dddd-dddd=0;dddd-d{7}-d=.3;dddd-dddd-dddd=0;dd-d{9}-d=.3",
			words: "sss|sss no*|sss:|gsis*|tin|tin:|tin no*|philsys*|pcn|philhealth*|pag-ibig*|umid*|crn"},
		{kind: k, name: "Iran, national code", shape: "d{10}=.1;ddd-d{6}-d=.6", check: iranian,
			words: "کد ملی*|کدملی*|شماره ملی*|code melli*|melli*|iranian id*|شماره شناسنامه", also: idWord, alone: .95},
		{kind: k, name: "Israel, Teudat Zehut", shape: "d{9}=.1;d{8}-d=.4;d-d{7}-d=.6;d{8}=0", check: teudat,
			words: "תעודת זהות*|ת.ז*|ת\"ז*|ת״ז*|מספר זהות*|teudat zehut*|israeli id*|t.z.|tz:|ז.ת|מס' זהות|מספר ת", also: idWord, alone: .95},
		{kind: k, name: "Saudi Arabia, id", shape: "d{10}=.1", check: saudi,
			words: "iqama*|saudi id*|هوية*|الهوية*|رقم الهوية*|إقامة*|الإقامة*|اقامة*|السجل المدني|سجل مدني", also: idWord, alone: .95},
		{kind: k, name: "Emirates, id", shape: "784-dddd-d{7}-d=.98;784d{12}=.9;784 dddd d{7} d=.97", check: emirati,
			words: "emirates id*|eid|eid:|uae id*|الهوية الإماراتية|هوية*|بطاقة الهوية*|رقم الهوية*", also: idWord, alone: .98},
		{kind: k, name: "Kuwait, civil id", shape: "d{12}=.2", check: kuwaiti,
			words: "civil id*|الرقم المدني*|رقم مدني*|البطاقة المدنية*", also: idWord, alone: .95},
		{kind: k, name: "Qatar and Bahrain, id", shape: "d{11}=0;d{9}=0", words: "qid|qid:|qatar id*|cpr no*|cpr:|bahrain*|الرقم الشخصي*|رقم البطاقة الشخصية*"},
		{kind: k, name: "Jordan and Iraq, national number", shape: "d{10}=0;d{12}=0", words: "الرقم الوطني*|رقم وطني*|البطاقة الوطنية*|jordanian*"},
	}
}

func chinese(v []byte) bool {
	if !digitsOnly(v[:17]) || !yyyymmdd(v, 6) || v[0] == '0' || v[0] == '9' {
		return false
	}
	return "10X98765432"[dot(v, "79A58421637"+"9A5842")%11] == v[17]
}

func chineseOld(v []byte) bool { return v[0] != '0' && v[0] != '9' && ymd(v, 6) }

// hkid counts a missing first letter as a blank, which is worth 36.
func hkid(v []byte) bool {
	sum, last := 0, len(v)-1
	if last == 7 {
		sum = 36 * 9
	}
	for i, c := range v[:last] {
		sum += letterValue(c) * (last + 1 - i)
	}
	return v[last] == "0A987654321"[sum%11]
}

func taiwanese(v []byte) bool {
	const letters = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
	if v[1] != '1' && v[1] != '2' && v[1] != '8' && v[1] != '9' {
		return false
	}
	n := bytes.IndexByte([]byte(letters), v[0]) + 10
	return (n/10+n%10*9+dot(v[1:], "876543211"))%10 == 0
}

func myNumber(v []byte) bool {
	c := 11 - dot(v, "65432765432")%11
	if c > 9 {
		c = 0
	}
	return c == digit(v[11]) && !allSame(v)
}

func rrn(v []byte) bool { return ymd(v, 0) && v[6] != '9' && !allSame(v[6:]) }

func aadhaar(v []byte) bool { return v[0] >= '2' && verhoeff(v) && !allSame(v) }

// pan says in its fourth letter whose it is; P is a person.
func pan(v []byte) bool { return bytes.IndexByte([]byte("PCHABGJLFT"), v[3]) >= 0 }

func cnic(v []byte) bool { return '1' <= v[0] && v[0] <= '8' && v[12] != '0' }

// lankan counts the days of women from 501.
func lankan(v []byte) bool {
	day := value(v[2:5])
	if len(v) == 12 {
		if y := four(v, 0); y < 1900 || y > 2030 {
			return false
		}
		day = value(v[4:7])
	} else if v[9] != 'V' && v[9] != 'X' {
		return false
	}
	if day > 500 {
		day -= 500
	}
	return 1 <= day && day <= 366
}

func nric(v []byte) bool {
	sum := dot(v[1:], "2765432")
	switch v[0] {
	case 'S':
		return "JZIHGFEDCBA"[sum%11] == v[8]
	case 'T':
		return "JZIHGFEDCBA"[(sum+4)%11] == v[8]
	case 'F':
		return "XWUTRQPNMLK"[sum%11] == v[8]
	case 'G':
		return "XWUTRQPNMLK"[(sum+4)%11] == v[8]
	case 'M':
		return "KLJNPQRTUWX"[(sum+3)%11] == v[8]
	}
	return false
}

// mykad holds a date and a place of birth.
func mykad(v []byte) bool {
	place := two(v, 6)
	return ymd(v, 0) && place != 0 && place != 17 && place != 18 && place != 19 && place != 20 && place < 94
}

func thai(v []byte) bool {
	return v[0] != '0' && v[0] != '9' && (11-dot(v, "DCBA98765432")%11)%10 == digit(v[12])
}

// nik holds a province and a date, to whose day 40 is added for women.
func nik(v []byte) bool {
	p, d := two(v, 0), two(v, 6)
	if d > 40 {
		d -= 40
	}
	return 11 <= p && p <= 94 && v[2] != '9' && monthDay(two(v, 8), d) && four(v, 12) > 0 && four(v, 12) < 1000
}

func cccd(v []byte) bool { return len(v) == 9 || value(v[:3]) <= 96 && v[3] < '4' }

func iranian(v []byte) bool {
	r := dot(v, "A98765432") % 11
	return !allSame(v) && (r < 2 && r == digit(v[9]) || r >= 2 && 11-r == digit(v[9]))
}

// teudat is Luhn's rule from the left; short numbers lost their zeros.
func teudat(v []byte) bool { return luhnText(v) }

func saudi(v []byte) bool { return (v[0] == '1' || v[0] == '2') && luhnText(v) }

func emirati(v []byte) bool {
	y := four(v, 3)
	return 1900 <= y && y <= 2035 && luhnText(v)
}

func kuwaiti(v []byte) bool {
	return (v[0] == '2' || v[0] == '3') && ymd(v, 1) && 11-dot(v, "216379A5842")%11 == digit(v[11])
}
