package train

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/names"
)

// varier writes texts anew with other names, so that what is learnt is where names stand and
// how they are made, and not which ones the texts happened to have.
type varier struct {
	names map[string]lists
	rng   uint64
}

// chance is how often a name is replaced: those of the collection come from short lists.
func chance(t *Text) float64 {
	switch {
	case t.Source == own && inflected[t.Lang]:
		return .35
	case t.Source == own:
		return .6
	case strings.HasPrefix(t.Source, "own/"):
		return .9
	}
	return .5
}

// inflected are languages in which a name changes with its place in the sentence, and
// another cannot be put there without showing.
var inflected = map[string]bool{"pl": true, "ru": true, "cs": true, "uk": true, "fi": true, "hu": true, "tr": true, "el": true}

// vary returns the text with some names replaced, and now and then in other letters.
func (v *varier) vary(t *Text) *Text {
	if t.Source == numbers {
		return &Text{Text: v.bare(), Source: numbers, Label: "benign"}
	}
	out := &Text{ID: t.ID, Lang: t.Lang, Source: t.Source, Label: t.Label, Fold: t.Fold}
	var b strings.Builder
	at := 0
	for _, s := range t.Spans {
		if s.Start < at {
			continue
		}
		b.WriteString(t.Text[at:s.Start])
		name := t.Text[s.Start:s.End]
		if slices.Contains(names.Kinds, s.Kind) && v.float() < chance(t) {
			name = v.other(t.Lang, s.Kind, name)
		}
		out.Spans = append(out.Spans, Span{b.Len(), b.Len() + len(name), s.Kind})
		b.WriteString(name)
		at = s.End
	}
	b.WriteString(t.Text[at:])
	out.Text = b.String()
	v.letters(out)
	return out
}

// shapes are how numbers and codes look that mean nothing by themselves: d is a digit, X a
// capital, x a small letter.
var shapes = strings.Fields("d dd ddd dddd ddddd dddddd ddddddd dddddddd ddddddddd dddddddddd ddddddddddd dddddddddddd ddddddddddddddd ddddddddddddddddddd " +
	"d.d d.dd dd.dd d.d.d dd.d.ddd ddd,ddd d,ddd.dd dd% dd-dd-dd dddd-dd-dd dd/dd/dddd dd:dd dd:dd:dd ddddd-ddd ddd-dddd-dd dd-ddd-ddd ddd/ddd dXdX XdddX XX-dddd XXX-ddd-dd " +
	"Xddddd XXdddddd xdxdxdxd xxddxxdd XXXXXXXX XdXdXdXd ddxdd #dddd vd.d.d d/d dxd dd° (ddd) dd_ddd xxx-dddd XX/dd/dddd dddd.dddd.dddd")

// around are words that stand beside such numbers.
var around = strings.Split("|||||||item |ref |no. |order |invoice |total |page |# |id=|code: |row |qty | pcs| items| kg|step |v|build |ticket |size |batch |, |; |\n|Nr. |Art. |núm. |n° |№ |訂單|订单号|番号 |번호 |رقم |क्रमांक ", "|")

// bare writes numbers and codes.
func (v *varier) bare() string {
	var b strings.Builder
	for range 1 + v.below(4) {
		b.WriteString(v.pick(around))
		blanks := v.below(3)
		for range 1 + blanks {
			for _, c := range v.pick(shapes) {
				switch c {
				case 'd':
					b.WriteByte('0' + byte(v.below(10)))
				case 'X':
					b.WriteByte('A' + byte(v.below(26)))
				case 'x':
					b.WriteByte('a' + byte(v.below(26)))
				default:
					b.WriteRune(c)
				}
			}
			if blanks > 0 {
				b.WriteByte(' ')
			}
		}
	}
	return b.String()
}

// letters writes a text in small letters or in capitals, as people in a hurry and forms do.
func (v *varier) letters(t *Text) {
	change := unicode.ToLower
	switch p := v.float(); {
	case p > .12:
		return
	case p > .08:
		change = unicode.ToUpper
	}
	var b strings.Builder
	starts := make([]int, len(t.Text)+1)
	for i, r := range t.Text {
		starts[i] = b.Len()
		b.WriteRune(change(r))
	}
	starts[len(t.Text)] = b.Len()
	for i := range t.Spans {
		t.Spans[i].Start, t.Spans[i].End = starts[t.Spans[i].Start], starts[t.Spans[i].End]
	}
	t.Text = b.String()
}

// other makes another name of a kind, written as the old one is.
func (v *varier) other(lang, kind, old string) string {
	l := v.of(lang, old)
	name := ""
	switch kind {
	case "person":
		name = v.person(lang, l, old)
	case "address":
		name = v.address(lang, l, old)
	case "location":
		if name = v.pick(l["city"]); v.float() < .4 {
			name = v.pick(l["place"])
		}
	case "organization":
		name = v.org(l, old)
	}
	if name == "" {
		return old
	}
	return written(name, old)
}

// of chooses the lists: those of the text's language, or now and then of another that is
// written in the same letters, as people live everywhere.
func (v *varier) of(lang, old string) lists {
	l := v.names[lang]
	if latin(old) {
		p := v.float()
		switch {
		case p < .15:
			return v.names["world"]
		case p < .3 || l == nil || lang == "en" && p < .6:
			return v.names["common"]
		}
		if other := latins[v.below(len(latins))]; p < .42 && v.names[other] != nil {
			return v.names[other]
		}
	}
	return l
}

var latins = []string{"en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "sv", "cs", "ro", "vi", "id", "da", "fi", "hu"}

func latin(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) {
			return unicode.Is(unicode.Latin, r)
		}
	}
	return false
}

// person makes a name with as many parts as the old one.
func (v *varier) person(lang string, l lists, old string) string {
	given, surname := l["given"], l["surname"]
	if latin(old) && l["given-latin"] != nil {
		given, surname = l["given-latin"], l["surname-latin"]
	}
	g, s := v.pick(given), v.pick(surname)
	if g == "" || s == "" {
		return ""
	}
	parts := len(strings.Fields(old))
	switch {
	case !latin(old) && (lang == "zh" || lang == "ja" || lang == "ko"):
		return v.eastern(g, s, old, parts)
	case strings.Contains(old, ", "):
		return s + ", " + g
	case parts == 1 && v.float() < .65:
		return g
	case parts == 1:
		return s
	case strings.Contains(old, ". ") && parts > 1:
		r, _ := utf8.DecodeRuneInString(g)
		return string(r) + ". " + s
	case parts > 2 && v.float() < .5:
		return g + " " + v.pick(given) + " " + s
	case parts > 2:
		return g + " " + s + " " + v.pick(surname)
	}
	return g + " " + s
}

// eastern puts the family first, and no blank where none was.
func (v *varier) eastern(given, surname, old string, parts int) string {
	n := utf8.RuneCountInString(old)
	switch {
	case parts > 1:
		return surname + " " + given
	case n <= utf8.RuneCountInString(surname) && n < 3:
		return surname
	}
	return surname + given
}

func (v *varier) org(l lists, old string) string {
	name := v.pick(l["org"])
	// What a firm is called in passing is its name without the form.
	if !strings.Contains(old, " ") && latin(old) && v.float() < .7 {
		name, _, _ = strings.Cut(name, " ")
	}
	return name
}

// written gives a name the letters of another: small, or capitals.
func written(name, like string) string {
	small, large := 0, 0
	for _, r := range like {
		if unicode.IsLower(r) {
			small++
		} else if unicode.IsUpper(r) {
			large++
		}
	}
	switch {
	case large == 0 && small > 0:
		return strings.ToLower(name)
	case small == 0 && large > 3:
		return strings.ToUpper(name)
	}
	return name
}

func (v *varier) pick(from []string) string {
	if len(from) == 0 {
		return ""
	}
	return from[v.below(len(from))]
}

func (v *varier) next() uint64 {
	v.rng ^= v.rng << 13
	v.rng ^= v.rng >> 7
	v.rng ^= v.rng << 17
	return v.rng
}

func (v *varier) below(n int) int { return int(v.next() >> 33 % uint64(n)) }

func (v *varier) float() float64 { return float64(v.next()>>40) / (1 << 24) }
