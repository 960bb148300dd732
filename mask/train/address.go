package train

import "strings"

// forms are how addresses are written, by language. {street} {city} {place} come from the
// lists; # is a digit that may lead, @ a capital letter.
var forms = map[string][]string{
	"en": {"{n} {street}, {city}, {state} {5}", "{n} {street}, Apt {m}, {city}, {state} {5}", "{n} {street}, {city} {post}", "Flat {m}, {n} {street}, {city} {post}",
		"P.O. Box {4}, {city}, {state} {5}", "{n} {street}", "Unit {m}/{n} {street}, {city} NSW {4}", "{n} {street}\n{city}, {state} {5}", "{n} {street}\n{city}\n{post}",
		"{n} {street}, {city}", "{n} {street}, Suite {m}, {city}, {state} {5}", "{street}, {city}, {post}", "{n} {street} {city} {5}"},
	"de": {"{street} {n}, {5} {city}", "{street} {n}\n{5} {city}", "{street} {n}", "Postfach {4}, {5} {city}", "{street} {n}a, {4} {city}", "{street} {n}, D-{5} {city}"},
	"fr": {"{n} {street}, {5} {city}", "{n} bis, {street}, {5} {city}", "{n}, {street}\n{5} {city}", "{n} {street}", "BP {m}, {5} {city}", "{street} {n}, {4} {city}"},
	"es": {"{street} {n}, {5} {city}", "{street}, {n}, {m}º B, {5} {city}", "{street} {n}\n{5} {city}", "{street} #{n}, Col. {place}, {city}", "{street} {n}"},
	"it": {"{street} {n}, {5} {city}", "{street}, {n} - {5} {city}", "{street} {n}\n{5} {city}", "{street} {n}"},
	"pt": {"{street}, {n} - {city}, {5}-{3}", "{street} {n}, {4}-{3} {city}", "{street}, {n}, Apto {m}, {city} - SP", "{street} n.º {n}, {m}º Dto, {4}-{3} {city}", "{street}, {n}"},
	"nl": {"{street} {n}, {4} {@@} {city}", "{street} {n}-{m}, {4}{@@} {city}", "{street} {n}\n{4} {@@} {city}", "{street} {n}", "Postbus {4}, {4} {@@} {city}"},
	"pl": {"{street} {n}, {2}-{3} {city}", "{street} {n}/{m}, {2}-{3} {city}", "{street} {n} m. {m}\n{2}-{3} {city}", "{street} {n}"},
	"tr": {"{street} No:{n}, {place}/{city}", "{street} No: {n} Daire: {m}, {5} {city}", "{street} {n}, {city}"},
	"ru": {"{6}, г. {city}, {street}, д. {n}, кв. {m}", "г. {city}, {street}, {n}", "{street}, д. {n}, кв. {m}", "{city}, {street}, {n}-{m}"},
	"uk": {"{street}, {n}, кв. {m}, м. {city}, {5}", "м. {city}, {street}, буд. {n}"},
	"ar": {"{n} {street}، {city}", "{street}، {city} {5}", "{street}، مبنى {n}، {city}"},
	"hi": {"{n}, {street}, {city} {6}", "{street}, {city} - {6}", "मकान नं. {n}, {street}, {city}"},
	"zh": {"{city}{street}{n}号", "{city}{street}{n}号{m}室", "{street}{n}号"},
	"ja": {"〒{3}-{4} {city}{street}{m}-{m}-{m}", "{city}{street}{m}丁目{m}-{m}", "{city}{street}{m}-{m}"},
	"ko": {"{city} {street} {n}", "{city} {street} {n}, {m}동 {3}호", "{street} {n}"},
	"sv": {"{street} {n}, {3} {2} {city}", "{street} {n} lgh {4}, {3} {2} {city}", "{street} {n}"},
	"da": {"{street} {n}, {4} {city}", "{street} {n}, {m}. tv., {4} {city}", "{street} {n}"},
	"fi": {"{street} {n} A {m}, {5} {city}", "{street} {n}, {5} {city}", "{street} {n}"},
	"cs": {"{street} {n}/{m}, {3} {2} {city}", "{street} {n}, {3} {2} {city}", "{street} {n}"},
	"hu": {"{4} {city}, {street} {n}.", "{city}, {street} {n}."},
	"ro": {"{street} nr. {n}, ap. {m}, {city}", "{street} nr. {n}, {6} {city}"},
	"el": {"{street} {n}, {3} {2} {city}", "{street} {n}, {city}"},
	"vi": {"{n} {street}, {place}, {city}", "Số {n}, {street}, {city}"},
	"id": {"{street} No. {n}, {city} {5}", "{street} {n}, {city}"},
}

var states = strings.Fields("AL AZ CA CO CT FL GA IL IN KS KY LA MA MD ME MI MN MO NC NE NH NJ NM NV NY OH OK OR PA SC TN TX UT VA VT WA WI WY")

// address makes a postal address in one of the forms of the language.
func (v *varier) address(lang string, l lists, old string) string {
	f := forms[lang]
	if latin(old) && (f == nil || v.float() < .15) {
		f = forms["en"]
	}
	if len(f) == 0 || len(l["street"]) == 0 || len(l["city"]) == 0 {
		return ""
	}
	var b strings.Builder
	rest := v.pick(f)
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		name, after, _ := strings.Cut(after, "}")
		if !found {
			return b.String()
		}
		b.WriteString(v.fill(name, l))
		rest = after
	}
}

// fill writes one part of an address.
func (v *varier) fill(name string, l lists) string {
	switch name {
	case "street", "city", "place":
		return v.pick(l[name])
	case "n":
		return v.number(1 + v.below(3))
	case "m":
		return v.number(1 + v.below(2))
	case "state":
		return v.pick(states)
	case "post":
		return v.capitals(1+v.below(2)) + v.number(1+v.below(2)) + " " + v.number(1) + v.capitals(2)
	case "@@":
		return v.capitals(2)
	}
	return v.number(int(name[0] - '0'))
}

// number writes n digits, the first not 0.
func (v *varier) number(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(v.below(10))
	}
	if b[0] == '0' {
		b[0] = '1' + byte(v.below(9))
	}
	return string(b)
}

func (v *varier) capitals(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(v.below(26))
	}
	return string(b)
}
