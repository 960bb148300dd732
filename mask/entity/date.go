package entity

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// monthNames lists the months of many languages, twelve by twelve; names that
// differ in case or ending stand beside each other with a slash. Abbreviations are
// taken where they have three letters or more.
const monthNames = "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct november/nov december/dec" +
	" januar/jän/jänner/jan februar/feb/feber märz/mär/mrz april/apr mai juni/jun juli/jul august/aug september/sep/sept oktober/okt november/nov dezember/dez" +
	" janvier/janv février/fevrier/févr/fév mars avril/avr mai juin juillet/juil août/aout septembre/sept octobre/oct novembre/nov décembre/decembre/déc" +
	" enero/ene febrero/feb marzo/mar abril/abr mayo/may junio/jun julio/jul agosto/ago septiembre/setiembre/sept octubre/oct noviembre/nov diciembre/dic" +
	" janeiro/jan fevereiro/fev março/marco/mar abril/abr maio/mai junho/jun julho/jul agosto/ago setembro/set outubro/out novembro/nov dezembro/dez" +
	" gennaio/gen febbraio/feb marzo/mar aprile/apr maggio/mag giugno/giu luglio/lug agosto/ago settembre/set/sett ottobre/ott novembre/nov dicembre/dic" +
	" januari/jan februari/feb maart/mrt april/apr mei juni/jun juli/jul augustus/aug september/sep oktober/okt november/nov december/dec" +
	" stycznia/styczeń/sty lutego/luty/lut marca/marzec/mar kwietnia/kwiecień/kwi maja/maj czerwca/czerwiec/cze lipca/lipiec/lip sierpnia/sierpień/sie września/wrzesień/wrz października/październik/paź listopada/listopad/lis grudnia/grudzień/gru" +
	" ledna/leden února/únor března/březen dubna/duben května/květen června/červen července/červenec srpna/srpen září října/říjen listopadu/listopad prosince/prosinec" +
	" januára/január februára/február marca/marec apríla/apríl mája/máj júna/jún júla/júl augusta/august septembra/september októbra/október novembra/november decembra/december" +
	" január/jan február/febr március/márc április/ápr május/máj június/jún július/júl augusztus/aug szeptember/szept október/okt november/nov december/dec" +
	" ianuarie/ian februarie/feb martie/mar aprilie/apr mai iunie/iun iulie/iul august/aug septembrie/sep octombrie/oct noiembrie/nov decembrie/dec" +
	" января/январь/янв февраля/февраль/фев марта/март/мар апреля/апрель/апр мая/май июня/июнь/июн июля/июль/июл августа/август/авг сентября/сентябрь/сен октября/октябрь/окт ноября/ноябрь/ноя декабря/декабрь/дек" +
	" січня/січень лютого/лютий березня/березень квітня/квітень травня/травень червня/червень липня/липень серпня/серпень вересня/вересень жовтня/жовтень листопада/листопад грудня/грудень" +
	" януари февруари март април май юни юли август септември октомври ноември декември" +
	" јануар/јануара фебруар/фебруара март/марта април/априла мај/маја јун/јуна јул/јула август/августа септембар/септембра октобар/октобра новембар/новембра децембар/децембра" +
	" januar/januara februar/februara mart/marta april/aprila maj/maja jun/juna jul/jula avgust/avgusta septembar/septembra oktobar/oktobra novembar/novembra decembar/decembra" +
	" siječnja/siječanj veljače/veljača ožujka/ožujak travnja/travanj svibnja/svibanj lipnja/lipanj srpnja/srpanj kolovoza/kolovoz rujna/rujan listopada/listopad studenoga/studeni/studenog prosinca/prosinac" +
	" ιανουαρίου/ιανουάριος/ιαν φεβρουαρίου/φεβρουάριος/φεβ μαρτίου/μάρτιος/μαρ απριλίου/απρίλιος/απρ μαΐου/μάιος/μαϊ ιουνίου/ιούνιος ιουλίου/ιούλιος αυγούστου/αύγουστος/αυγ σεπτεμβρίου/σεπτέμβριος/σεπ οκτωβρίου/οκτώβριος/οκτ νοεμβρίου/νοέμβριος/νοε δεκεμβρίου/δεκέμβριος/δεκ" +
	" ocak/oca şubat/şub mart nisan/nis mayıs/may haziran/haz temmuz/tem ağustos/ağu eylül/eyl ekim/eki kasım/kas aralık/ara" +
	" januari/jan februari/feb mars/mar april/apr maj juni/jun juli/jul augusti/aug september/sep oktober/okt november/nov december/dec" +
	" januar/jan februar/feb mars/marts april/apr mai/maj juni/jun juli/jul august/aug september/sep oktober/okt november/nov desember/des" +
	" tammikuuta/tammikuu helmikuuta/helmikuu maaliskuuta/maaliskuu huhtikuuta/huhtikuu toukokuuta/toukokuu kesäkuuta/kesäkuu heinäkuuta/heinäkuu elokuuta/elokuu syyskuuta/syyskuu lokakuuta/lokakuu marraskuuta/marraskuu joulukuuta/joulukuu" +
	" janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember" +
	" jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember" +
	" janvāris/janvārī februāris/februārī marts/martā aprīlis/aprīlī maijs/maijā jūnijs/jūnijā jūlijs/jūlijā augusts/augustā septembris/septembrī oktobris/oktobrī novembris/novembrī decembris/decembrī" +
	" sausio/sausis vasario/vasaris kovo/kovas balandžio/balandis gegužės/gegužė birželio/birželis liepos/liepa rugpjūčio/rugpjūtis rugsėjo/rugsėjis spalio/spalis lapkričio/lapkritis gruodžio/gruodis" +
	" januari/jan februari/feb maret/mar april/apr mei juni/jun juli/jul agustus/agu/agt september/sep oktober/okt november/nov desember/des" +
	" januari februari/feb mac/mar april/apr mei jun julai/jul ogos september/sep oktober/okt november/nov disember/dis" +
	" enero pebrero marso abril mayo hunyo hulyo agosto setyembre oktubre nobyembre disyembre" +
	" januari februari machi aprili mei juni julai agosti septemba oktoba novemba desemba" +
	" gener febrer març abril maig juny juliol agost setembre octubre novembre desembre" +
	" يناير/كانون_الثاني فبراير/شباط مارس/آذار/اذار أبريل/ابريل/إبريل/نيسان مايو/أيار/ايار يونيو/حزيران يوليو/تموز أغسطس/اغسطس/آب سبتمبر/أيلول/ايلول أكتوبر/اكتوبر/تشرين_الأول نوفمبر/تشرين_الثاني ديسمبر/كانون_الأول" +
	" فروردین اردیبهشت خرداد تیر مرداد شهریور مهر آبان آذر دی بهمن اسفند" +
	" ינואר/בינואר פברואר/בפברואר מרץ/במרץ/מרס/במרס אפריל/באפריל מאי/במאי יוני/ביוני יולי/ביולי אוגוסט/באוגוסט ספטמבר/בספטמבר אוקטובר/באוקטובר נובמבר/בנובמבר דצמבר/בדצמבר" +
	" जनवरी फरवरी/फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर/सितम्बर अक्टूबर/अक्तूबर नवंबर/नवम्बर दिसंबर/दिसम्बर" +
	" जानेवारी फेब्रुवारी मार्च एप्रिल मे जून जुलै ऑगस्ट सप्टेंबर ऑक्टोबर नोव्हेंबर डिसेंबर" +
	" জানুয়ারি/জানুয়ারী ফেব্রুয়ারি/ফেব্রুয়ারী মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর" +
	" ஜனவரி பிப்ரவரி மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்" +
	" జనవరి ఫిబ్రవరి మార్చి ఏప్రిల్ మే జూన్ జూలై ఆగస్టు సెప్టెంబర్ అక్టోబర్ నవంబర్ డిసెంబర్" +
	" มกราคม/ม.ค. กุมภาพันธ์/ก.พ. มีนาคม/มี.ค. เมษายน/เม.ย. พฤษภาคม/พ.ค. มิถุนายน/มิ.ย. กรกฎาคม/ก.ค. สิงหาคม/ส.ค. กันยายน/ก.ย. ตุลาคม/ต.ค. พฤศจิกายน/พ.ย. ธันวาคม/ธ.ค." +
	" جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر"

// months gives a month by its name.
var months = sync.OnceValue(func() map[string]int {
	out := map[string]int{}
	i := 0
	for names := range strings.FieldsSeq(monthNames) {
		for n := range strings.SplitSeq(names, "/") {
			out[strings.ReplaceAll(n, "_", " ")] = i%12 + 1
		}
		i++
	}
	return out
})

// dateAt reads a whole date at i: day, month and year in any order that is in use.
// It returns the end, 0 when there is none.
func (p *page) dateAt(i int) int {
	if _, end := numericDate(p.t, i); end > 0 {
		return end
	}
	if end := p.markedDate(i); end > 0 {
		return end
	}
	return p.namedDate(i)
}

// numericDate reads 31.12.1999, 1999-12-31, 12/31/99 and 19991231. It returns the
// year, and 0 for the end when there is none.
func numericDate(t string, i int) (year, end int) {
	a, j := digitsAt(t, i)
	if j-i == 8 && !(j < len(t) && isDigit(t[j])) {
		if plausibleYear(a/10000) && monthDay(a/100%100, a%100) {
			return a / 10000, j
		}
		if plausibleYear(a%10000) && (monthDay(a/10000%100, a/1000000) || monthDay(a/1000000, a/10000%100)) {
			return a % 10000, j
		}
		return 0, 0
	}
	sep, k := dateMark(t, j)
	b, l := digitsAt(t, k)
	sep2, m := dateMark(t, l)
	c, n := digitsAt(t, m)
	if k == j || l == k || l-k > 2 || sep != sep2 || n == m || n < len(t) && isDigit(t[n]) {
		return 0, 0
	}
	switch {
	case j-i == 4 && n-m <= 2 && plausibleYear(a) && monthDay(b, c):
		return a, n
	case j-i <= 2 && j > i && (n-m == 4 && plausibleYear(c) || n-m == 2) && (monthDay(b, a) || monthDay(a, b)):
		return c, n
	case j-i == 2 && n-m == 2 && monthDay(b, c): // the year first, with two digits
		return a, n
	}
	return 0, 0
}

// plausibleYear takes the years of people who live, of the calendars of the West,
// of Buddhism and of Iran.
func plausibleYear(y int) bool {
	return 1900 <= y && y <= 2035 || 2440 <= y && y <= 2578 || 1290 <= y && y <= 1415
}

// digitsAt reads up to eight digits.
func digitsAt(t string, i int) (n, end int) {
	end = i
	for end < len(t) && end-i < 8 && isDigit(t[end]) {
		n = n*10 + digit(t[end])
		end++
	}
	return n, end
}

// dateMark reads what stands between the parts of a date, with blanks around.
func dateMark(t string, i int) (mark byte, end int) {
	end = trimRightBlank(t, min(i, len(t)))
	if end-i > 1 || end >= len(t) {
		return 0, i
	}
	if c := t[end]; c == '.' || c == '/' || c == '-' {
		j := trimRightBlank(t, end+1)
		if j-end > 2 {
			return 0, i
		}
		return c, j
	}
	if end > i && isDigit(t[end]) {
		return ' ', end
	}
	return 0, i
}

// markedDate reads dates whose parts are named: 1990年5月3日, 1990년 5월 3일, and
// years of an era.
func (p *page) markedDate(i int) int {
	t, j := p.t, i
	era := false
	for _, name := range []string{"昭和", "平成", "令和", "大正", "民國", "民国", "西元", "公元", "西暦", "서기"} {
		if strings.HasPrefix(t[j:], name) {
			era, j = true, trimRightBlank(t, j+len(name))
			break
		}
	}
	y, k := digitsAt(t, j)
	if strings.HasPrefix(t[j:], "元年") {
		y, k = 1, j+len("元")
	}
	if k == j || !era && !plausibleYear(y) {
		return 0
	}
	k, ok := after(t, k, "年", "년", "năm")
	m, l := digitsAt(t, k)
	l, ok2 := after(t, l, "月", "월")
	d, n := digitsAt(t, l)
	if !ok || !ok2 || !monthDay(m, d) || n == l {
		return 0
	}
	end, _ := afterTight(t, n, "日", "일", "號", "号")
	return end
}

// after skips one of the names with the blanks around it.
func after(t string, i int, names ...string) (int, bool) {
	end, ok := afterTight(t, i, names...)
	return trimRightBlank(t, end), ok
}

func afterTight(t string, i int, names ...string) (int, bool) {
	j := trimRightBlank(t, i)
	for _, n := range names {
		if strings.HasPrefix(t[j:], n) {
			return j + len(n), true
		}
	}
	return i, false
}

// namedDate reads dates with the name of a month: 3 May 1990, May 3rd, 1990, 3. Mai
// 1990, 3 de mayo de 1990, 1990. május 3., 1990 m. gegužės 3 d.
func (p *page) namedDate(i int) int {
	var year, month, day bool
	end := i
	for part := range 3 {
		from := i
		if part > 0 {
			from = p.filler(end)
		}
		n, j := digitsAt(p.t, from)
		switch {
		case j-from == 4 && plausibleYear(n) && !year:
			year, end = true, j
		case j > from && j-from <= 2 && 1 <= n && n <= 31 && !day:
			day, end = true, p.ordinal(j)
		case j == from && !month:
			if j = p.monthAt(from); j == 0 {
				return 0
			}
			month, end = true, j
		default:
			return 0
		}
	}
	return end
}

// ordinal skips what makes a day an ordinal number: 1st, 1er, 1., 1º.
func (p *page) ordinal(i int) int {
	for _, s := range []string{"st", "nd", "rd", "th", "er", "º", "ª", "°", "e ", "ο", "η", "-го", "-е", "."} {
		if strings.HasPrefix(p.low[i:], s) {
			return i + len(strings.TrimSuffix(s, " "))
		}
	}
	return i
}

// filler skips what stands between the parts of a date.
func (p *page) filler(i int) int {
	for {
		j := i
		for j < len(p.low) && strings.IndexByte(" ,.-/", p.low[j]) >= 0 && j-i < 3 {
			j++
		}
		for _, w := range []string{"de ", "del ", "of ", "d'", "da ", "do ", "м. ", "m. ", "d. ", "tháng ", "năm ", "na ", "в ", "των ", "του ", "พ.ศ. ", "ค.ศ. ", "سنة ", "عام "} {
			if strings.HasPrefix(p.low[j:], w) {
				j += len(w)
				break
			}
		}
		if j == i {
			return i
		}
		i = j
	}
}

// monthAt returns the end of a month's name at i, 0 when there is none.
func (p *page) monthAt(i int) int {
	end := i
	for end < len(p.low) && end-i < 40 {
		r, n := utf8.DecodeRuneInString(p.low[end:])
		if r < 0x80 && !isAlnum(byte(r)) || r < 0x80 && isDigit(byte(r)) {
			break
		}
		end += n
	}
	if months()[p.low[i:end]] > 0 {
		return end
	}
	// Two words, or abbreviations with points inside.
	if sp := strings.IndexByte(p.low[min(end+1, len(p.low)):min(len(p.low), end+20)], ' '); sp > 0 && months()[p.low[i:end+1+sp]] > 0 {
		return end + 1 + sp
	}
	for n := 5; n <= 14; n++ {
		if i+n <= len(p.low) && p.low[i+n-1] == '.' && months()[p.low[i:i+n]] > 0 {
			return i + n
		}
	}
	return 0
}
