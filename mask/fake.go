package mask

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fake returns another value of the same shape: for schemas that demand one, and for texts
// that should read as before. It is made of sum alone. "" says that the kind has no shape
// that could be kept, or that the value is in letters of which we have no names.
func fake(kind, text string, sum []byte) string {
	d := &dice{sum: sum}
	kind = strings.TrimPrefix(kind, "pii.")
	if (kind == "credit_card" || kind == "iban" || kind == "date_of_birth") && run(text) {
		return "" // what keeps a part of the shape would keep a part of what is said
	}
	switch kind {
	case "email":
		return tag(sum, 8) + "@masked.invalid"
	case "url":
		return "https://masked.invalid/" + tag(sum, 10)
	case "ip_address":
		return d.address(text)
	case "credit_card":
		return d.card(text)
	case "iban":
		return d.iban(text)
	case "date_of_birth":
		return d.date(text)
	case "person", "location", "organization", "address":
		return d.name(kind, text)
	case "phone", "national_id", "passport", "driver_license", "device_id", "vehicle_id", "bank_account", "crypto_wallet":
		return d.shaped(text)
	}
	return ""
}

// run reports whether a value is a run of base64, in which something of its kind lies.
func run(text string) bool {
	small, large := false, false
	for i := range len(text) {
		c := text[i]
		small, large = small || 'a' <= c && c <= 'z', large || 'A' <= c && c <= 'Z'
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_=\r\n", c) >= 0) {
			return false
		}
	}
	return small && large && len(text) >= 24
}

// isName reports whether values of a kind are words, and so fit wherever a text does.
func isName(kind string) bool {
	switch kind {
	case "pii.person", "pii.location", "pii.organization", "pii.address":
		return true
	}
	return false
}

// dice are numbers made of a sum: the same for the same value.
type dice struct {
	sum  []byte
	used int
}

func (d *dice) below(n int) int {
	at := d.used * 2 % (len(d.sum) - 1)
	d.used++
	return int(uint32(binary.LittleEndian.Uint16(d.sum[at:]))+uint32(d.used)*40503) >> 1 % n
}

func (d *dice) digit() byte { return '0' + byte(d.below(10)) }

// shaped replaces digits by digits and letters by letters. Digits that say where a number
// belongs stay: a plus or zero at the beginning and what follows it. Few letters and no digit
// could become a word.
func (d *dice) shaped(text string) string {
	if len(text) < 12 && !strings.ContainsAny(text, "0123456789") {
		return ""
	}
	b := []byte(text)
	kept := 0
	if strings.HasPrefix(text, "+") {
		kept = 2
	} else if strings.HasPrefix(text, "0") {
		kept = 1
	}
	for i, c := range b {
		switch {
		case c >= utf8.RuneSelf:
			return ""
		case '0' <= c && c <= '9':
			if kept--; kept < 0 {
				b[i] = d.digit()
				if i == 0 && b[i] == '0' && c != '0' {
					b[i] = '1' + byte(d.below(9)) // a number stays one
				}
			}
		case 'a' <= c && c <= 'z':
			b[i] = 'a' + byte(d.below(26))
		case 'A' <= c && c <= 'Z':
			b[i] = 'A' + byte(d.below(26))
		}
	}
	return string(b)
}

// address makes an address of the blocks kept for documentation (RFC 5737, RFC 3849).
func (d *dice) address(text string) string {
	if strings.Contains(text, ":") {
		return fmt.Sprintf("2001:db8::%x:%x:%x", 1+d.below(65535), 1+d.below(65535), 1+d.below(65535))
	}
	return fmt.Sprintf("%s.%d", []string{"192.0.2", "198.51.100", "203.0.113"}[d.below(3)], 1+d.below(254))
}

// card makes a number that passes the check, in the range that payment services keep for
// tests.
func (d *dice) card(text string) string {
	b := []byte(text)
	var at []int
	for i, c := range b {
		if '0' <= c && c <= '9' {
			at = append(at, i)
		}
	}
	if len(at) < 12 {
		return ""
	}
	for n, i := range at {
		if b[i] = d.digit(); n < 6 {
			b[i] = "400000"[n]
		}
	}
	sum := 0
	for n := range len(at) - 1 {
		v := int(b[at[len(at)-2-n]] - '0')
		if n%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	b[at[len(at)-1]] = '0' + byte((10-sum%10)%10)
	return string(b)
}

// iban makes a number of the same country and length that passes the check, at a bank that
// does not exist.
func (d *dice) iban(text string) string {
	b := []byte(text)
	var at []int
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return ""
		}
		if c != ' ' && c != '-' {
			at = append(at, i)
		}
	}
	if len(at) < 12 {
		return ""
	}
	for n, i := range at[4:] {
		switch {
		case unicode.IsLetter(rune(b[i])):
			b[i] = 'A' + byte(d.below(26))
		case n < 5:
			b[i] = '0'
		default:
			b[i] = d.digit()
		}
	}
	b[at[2]], b[at[3]] = '0', '0'
	rest := 0
	for n := range at {
		c := b[at[(n+4)%len(at)]]
		if c <= '9' {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c&^0x20-'A') + 10) % 97
		}
	}
	check := 98 - rest
	b[at[2]], b[at[3]] = '0'+byte(check/10), '0'+byte(check%10)
	return string(b)
}

// date makes another day, written in the same way: a year becomes a year of an adult, and
// two digits become what is a day as well as a month.
func (d *dice) date(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		n := i
		for n < len(text) && '0' <= text[n] && text[n] <= '9' {
			n++
		}
		switch n - i {
		case 0:
			b.WriteByte(text[i])
			n++
		case 1:
			fmt.Fprintf(&b, "%d", 1+d.below(9))
		case 2:
			fmt.Fprintf(&b, "%02d", 1+d.below(12))
		case 4:
			fmt.Fprintf(&b, "%d", 1935+d.below(65))
		case 8:
			fmt.Fprintf(&b, "%d%02d%02d", 1935+d.below(65), 1+d.below(12), 1+d.below(12))
		default:
			return ""
		}
		i = n
	}
	if b.String() == text {
		return ""
	}
	return b.String()
}

// name makes a name of the lists. One word of them could be a word of the model's own, which would
// be taken for the value; two of them in one are nobody's name and no place.
func (d *dice) name(kind, text string) string {
	for _, r := range text {
		if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			return ""
		}
	}
	given, family, town := fakeGiven[d.below(len(fakeGiven))], fakeFamily[d.below(len(fakeFamily))], fakeTowns[d.below(len(fakeTowns))]
	switch kind {
	case "location":
		return town + "-" + d.other(fakeTowns, town)
	case "organization":
		return family + " " + fakeForms[d.below(len(fakeForms))]
	case "address":
		return fmt.Sprintf("%d %s Road, %s", 1+d.below(980), family, town)
	}
	if !strings.Contains(strings.TrimSpace(text), " ") {
		return given + "-" + d.other(fakeGiven, given)
	}
	return given + " " + family
}

// other returns one of a list that is not a certain one.
func (d *dice) other(list []string, than string) string {
	i := d.below(len(list))
	if list[i] == than {
		i = (i + 1) % len(list)
	}
	return list[i]
}

// Names of nobody in particular, of the same kind as most texts have.
var (
	fakeGiven = strings.Fields("Adela Alba Alwin Amara Anouk Anselm Ariane Arvid Aurel Beata Benno Berit Bruna Caius Celia Corin Dalia Davor Edda Edwin Elina " +
		"Emeric Enid Falk Fenna Flavia Gerda Gideon Hanno Hedda Ilka Imre Irma Isolde Jorik Juno Kaspar Kira Lambert Leonie Linus Livia Lorin Maren Merle Milo " +
		"Nadja Nestor Odile Oriel Petra Quentin Ramona Rasmus Selma Silvan Tamsin Tobin Ulla Valentin Vesna Wanda Wendel Xenia Yorick Zelda")
	fakeFamily = strings.Fields("Abernal Aldermoor Bachmeier Bellrose Birkhain Brandow Calloway Castrell Corvane Dannhoff Deverell Dornfeld Elsworth Everhill " +
		"Fairlock Fennimore Galbrait Gerlinger Hallgren Harrowell Hollmann Ingersen Jarnefeld Kestrel Kronsund Lachmund Lindemoor Lockhurst Marrowby Merriden " +
		"Norrling Oakhaven Ostrand Pellwick Penrow Quilling Radmoor Ravensby Rosendal Sallinger Selbourn Stormvik Tarnwell Thornley Ulverdal Vandermeet Velden " +
		"Wadlow Wellmark Wintersol Yarborn Zellwig")
	fakeTowns = strings.Fields("Alderfield Ashbrook Birkendal Bramwick Cliffmere Dunhollow Eastmarch Elmstead Fernhaven Glenmoor Greyford Hartwell Hazelmoor " +
		"Kingsholm Lakemere Larkspur Maplewick Northmere Oakridge Pinewater Quarrydale Redmoor Rookhaven Silverton Southmere Stonebrook Thornby Underhill " +
		"Valebridge Westmarch Willowby Woodmere")
	fakeForms = []string{"Ltd", "GmbH", "Group", "Trading", "Services", "Partners", "Works", "& Co"}
)
