package entity

import (
	"strings"
	"sync"
)

// callingCodes lists every country code that the ITU gave out with the least and
// the most digits that follow it, and, where one is fixed, what they begin with.
const callingCodes = " 1:10-10 20:8-10 27:9-9 30:10-10 31:9-9 32:8-9 33:9-9 34:9-9 36:8-9 39:6-11 40:9-9 41:9-9 43:5-13 44:9-10 45:8-8 46:7-10 47:8-8 48:9-9 49:5-12" +
	" 51:8-9 52:10-11 53:6-8 54:10-11 55:10-11 56:8-9 57:8-10 58:10-10 60:8-10 61:9-9 62:7-12 63:8-10 64:8-10 65:8-8 66:8-9 7:10-10 81:9-10 82:7-11 84:9-10 86:9-11" +
	" 90:10-10 91:10-10 92:9-10 93:9-9 94:9-9 95:7-10 98:10-10 211:9-9 212:9-9 213:8-9 216:8-8 218:8-9 220:7-7 221:9-9 222:8-8 223:8-8 224:8-9 225:8-10 226:8-8 227:8-8 228:8-8" +
	" 229:8-10 230:7-8 231:7-9 232:8-8 233:9-9 234:8-10 235:8-8 236:8-8 237:8-9 238:7-7 239:7-7 240:9-9 241:7-8 242:9-9 243:9-9 244:9-9 245:7-9 246:7-7 247:4-5 248:7-7 249:9-9" +
	" 250:9-9 251:9-9 252:7-9 253:8-8 254:9-10 255:9-9 256:9-9 257:8-8 258:8-9 260:9-9 261:9-9 262:9-9 263:8-10 264:8-10 265:7-9 266:8-8 267:7-8 268:8-8 269:7-7 290:4-5 291:7-7" +
	" 297:7-7 298:6-6 299:6-6 350:8-8 351:9-9 352:4-11 353:7-9 354:7-9 355:8-9 356:8-8 357:8-8 358:5-12 359:7-9 370:8-8 371:8-8 372:7-8 373:8-8 374:8-8 375:9-9 376:6-9 377:8-9" +
	" 378:6-10 380:9-9 381:8-9 382:8-8 383:8-8 385:8-9 386:8-8 387:8-8 389:8-8 420:9-9 421:9-9 423:7-9 500:5-5 501:7-7 502:8-8 503:7-8 504:8-8 505:8-8 506:8-8 507:7-8 508:6-6" +
	" 509:8-8 590:9-9 591:8-8 592:7-7 593:8-9 594:9-9 595:9-9 596:9-9 597:6-7 598:8-8 599:7-8 670:7-8 672:6-6 673:7-7 674:7-7 675:7-8 676:5-7 677:5-7 678:5-7 679:7-7 680:7-7 681:6-6" +
	" 682:5-5 683:4-7 685:5-7 686:5-8 687:6-6 688:5-6 689:6-8 690:4-7 691:7-7 692:7-7 800:8-8 808:8-8 850:8-10 852:8-8 853:8-8 855:8-9 856:8-10 870:9-9 878:10-10 880:8-10 881:8-9" +
	" 882:7-12 883:7-12 886:8-9 888:11-11 960:7-7 961:7-8 962:8-9 963:8-9 964:8-10 965:8-8 966:8-9 967:7-9 968:8-8 970:8-9 971:8-9 972:8-9 973:8-8 974:7-8 975:8-8 976:8-8 977:8-10" +
	" 979:9-9 992:9-9 993:8-8 994:9-9 995:9-9 996:9-9 998:9-9 "

// abroad returns how many groups make an international number, the most that have
// a length which the country knows, and the digits of its code. Without a plus the
// first group holds the whole code: what is written otherwise is no number to dial.
func (d *dialling) abroad(plus bool) (groups, code int) {
	number := 0
	for code = 1; code <= 3 && code <= d.n && d.digits[0] != '0'; code++ {
		number = number*10 + digit(d.digits[code-1])
		least, most := codes()[number][0], codes()[number][1]
		if most == 0 {
			continue
		}
		for k := d.groups; k > 0; k-- {
			n := d.count[k-1] - code
			if n > least && d.digits[code] == '0' && most < n && !d.trunk {
				n-- // the zero that is dialled at home only
			}
			if (plus || d.count[0] >= code) && least <= n && n <= most && !allSame(d.digits[:d.count[k-1]]) && !d.madeUp(code) {
				return k, code
			}
		}
		return 0, 0
	}
	return 0, 0
}

// madeUp reports whether the digits after the code cannot be dialled: in North
// America area and exchange begin with 2 to 9.
func (d *dialling) madeUp(code int) bool {
	return code == 1 && d.digits[0] == '1' && d.n >= 11 && (d.digits[1] < '2')
}

// codes gives lengths by code; no code is the beginning of another one.
var codes = sync.OnceValue(func() *[1000][2]int {
	var out [1000][2]int
	for f := range strings.FieldsSeq(callingCodes) {
		code, rest := leadingNumber(f)
		least, rest := leadingNumber(rest[1:])
		most, _ := leadingNumber(rest[1:])
		out[code] = [2]int{least, most}
	}
	return &out
})

// leadingNumber reads the digits that a text begins with.
func leadingNumber(s string) (n int, rest string) {
	for s != "" && isDigit(s[0]) {
		n = n*10 + digit(s[0])
		s = s[1:]
	}
	return n, s
}
