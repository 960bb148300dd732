package entity

import "strings"

// findDevices finds hardware addresses.
//
// Catches: MAC addresses in their three forms; IMEI, SIM and subscriber numbers and
// serial numbers behind a word for them; UUIDs behind a word for an advertising or
// device identifier.
// Does not catch: UUIDs and hashes that no word calls the id of a device; the
// broadcast and the empty address.
// Example: six pairs of hexadecimal digits with colons.
func findDevices(p *page, emit emitter) {
	for i := 0; i < len(p.t); i++ {
		c := p.t[i]
		if c != ':' && c != '-' && c != '.' {
			continue
		}
		i = p.hardware(i, emit)
	}
	for _, c := range p.cues {
		if c.topic == adWord {
			p.advertising(int(c.end), emit)
		}
	}
}

// hardware reads a MAC address whose first mark is at i, and returns how far it
// read.
func (p *page) hardware(i int, emit emitter) int {
	t, size, groups := p.t, 2, 6
	if t[i] == '.' {
		size, groups = 4, 3
	}
	start := i - size
	if size == 4 && start > 0 && strings.IndexByte("*.", t[start-1]) >= 0 {
		return i
	}
	if start < 0 || start > 0 && (isAlnum(t[start-1]) || t[start-1] == '_' || t[start-1] == t[i] && hexGroup(t, start-1, size)) {
		return i
	}
	end := start + groups*(size+1) - 1
	if end > len(t) || end < len(t) && (isAlnum(t[end]) || t[end] == '_' || t[end] == t[i] && end+1 < len(t) && isHex(t[end+1])) {
		return i
	}
	letters, same := 0, true
	for k := start; k < end; k++ {
		if mark := (k-start)%(size+1) == size; mark && t[k] != t[i] || !mark && !isHex(t[k]) {
			return i
		} else if !mark {
			same = same && t[k]|0x20 == t[start]|0x20
			if !isDigit(t[k]) {
				letters++
			}
		}
	}
	if same {
		return end - 1
	}
	emit(start, end, p.hardwareWeight(start, end, letters))
	return end - 1
}

// hexGroup reports whether at most so many hexadecimal digits, and nothing else
// of a word, end at i.
func hexGroup(t string, i, size int) bool {
	n := 0
	for i-n > 0 && isHex(t[i-n-1]) {
		n++
	}
	return n <= size && (i-n == 0 || !isAlnum(t[i-n-1]))
}

// hardwareWeight is lower for digits alone, which may be a clock or a sort code.
func (p *page) hardwareWeight(start, end, letters int) float64 {
	if letters > 0 || p.t[start+2] == ':' {
		return .97
	}
	if n := p.around(start, end); n.says(deviceWord) {
		return .95
	}
	return .4
}

// advertising finds a UUID behind a word.
func (p *page) advertising(i int, emit emitter) {
	for k := i; k < len(p.t) && k-i < 24 && (p.t[k] != '\n' || k-i < 4); k++ {
		if isHex(p.t[k]) && !isAlnum(p.t[k-1]) {
			if end := uuidEnd(p.t, k); end > 0 {
				emit(k, end, .9)
				return
			}
		}
	}
}

// uuidEnd returns the end of a UUID at i, 0 when there is none.
func uuidEnd(t string, i int) int {
	end := i + 36
	if end > len(t) || end < len(t) && (isAlnum(t[end]) || t[end] == '-') {
		return 0
	}
	for k := i; k < end; k++ {
		switch k - i {
		case 8, 13, 18, 23:
			if t[k] != '-' {
				return 0
			}
		default:
			if !isHex(t[k]) {
				return 0
			}
		}
	}
	return end
}

// devices lists the numbers that a word makes those of a device.
func devices() []rule {
	const k = "device_id"
	return []rule{
		{kind: k, name: "IMEI", shape: "d{15}=.2;dd-dddddd-dddddd-d=.85;dd dddddd dddddd d=.85;dddddd-dd-dddddd-d=.85;dddddd dd dddddd d=.8;ddd ddd ddd ddd ddd=.3;d{14}/d=.5", check: luhnText,
			words: "imei*|handset*|device imei|imei1|imei2|imei:|串号*|手机串号", also: deviceWord, alone: .95},
		{kind: k, name: "IMEI with software version", shape: "d{16}=0;dd-d{6}-d{6}-dd=.6", words: "imeisv*|imei-sv*"},
		{kind: k, name: "IMSI", shape: "d{15}=0;d{14}=0;ddd dd d{10}=0;ddd-dd-d{10}=0", words: "imsi*|subscriber identity*"},
		{kind: k, name: "ICCID", shape: "89d{17}=.3;89d{18}=.4;89d{17}A=.4;dddd dddd dddd dddd dddd=.1;dddd dddd dddd dddd ddd=.1", words: "iccid*|sim card*|sim no*|sim num*|sim:|simkaart*|sim-karte*|carte sim*|tarjeta sim*|карт* sim|сим-карт*|sim卡*"},
		{kind: k, name: "MEID", shape: "AXXXXXXXXXXXXX=0;d{18}=0;XXXXXXXXXXXXXX=0", words: "meid*|esn|esn:"},
		{kind: k, name: "serial number", check: serialLike, shape: "X{8}=0;X{9}=0;X{10}=0;X{11}=0;X{12}=0;X{13}=0;X{14}=0;X{15}=0;X{16}=0;X{17}=0;X{20}=0;AA-d{6}=0;AAA-d{6}=0;AAd{6}=0;X{4}-X{4}-X{4}=0;X{4}-X{4}-X{4}-X{4}=0;X{3}-X{4}-X{4}=0;A-d{7}=0;AA-dddd-dddddd=0;AA-d{7}=0;AA-d{8}=0;X{5}-X{5}=0;X{3}-X{5}-X{5}=0;AAA-d{8}=0;AAA-d{7}=0",
			words: "serial|serial:|serial no*|serial num*|serial #|serialno*|serialnumber*|serial_number*|s/n|s/n:|seriennummer*|serien-nr*|seriennr*|gerätenummer*|numéro de série*|n° de série*|n° série*|número de serie*|nº de serie*|nº serie*|número de série*|nº de série*|numero di serie*|numero seriale*|matricola*|serienummer*|numer seryjny*|nr seryjny*|sériové číslo*|výrobní číslo*|sorozatszám*|gyári szám*|număr de serie*|număr serie*|serie:|серийный номер*|серийный*|серійний номер*|σειριακός αριθμός*|seri no*|seri num*|sarjanumero*|device serial*|device id*|deviceid*|device_id*|udid*|hardware id*|android id*|android_id*|序列号*|序號*|序列號*|设备号*|设备编号*|シリアル番号*|シリアルナンバー*|シリアル*|製造番号*|일련번호*|시리얼*|기기번호*|الرقم التسلسلي*|رقم الجهاز*|מספר סידורי*|सीरियल*|क्रम संख्या*|หมายเลขเครื่อง*|số seri*|số sê-ri*|nomor seri*|nombor siri*"},
	}
}

// serialLike asks for digits, and for letters where there are few of them.
func serialLike(v []byte) bool {
	digits := 0
	for _, c := range v {
		if isDigit(c) {
			digits++
		}
	}
	return digits >= 3 && !allSame(v) && (v[0] != '0' || v[1] != 'X') && !(len(v) == 8 && digits == 8 && yyyymmdd(v, 0))
}
