package train

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/ngram"
	"github.com/bartizan-ai/bartizan/risk"
)

// kindBits is the size of the tables that tell kinds apart: they are asked only when a
// text was found harmful.
const kindBits = 16

// kinds learns to tell the categories of harm apart, and jailbreaks from injections.
func (t *trainer) kinds(m *detect.Shipped) {
	var play []example
	byKind := make([][]example, len(detect.HarmCategories))
	for i, x := range t.texts {
		if x.Echo {
			continue
		}
		for k := range t.windows[i] {
			if w := &t.windows[i][k]; x.Attack() && !x.Data() {
				play = append(play, example{ngram.Example{IDs: w.ids, Values: w.values, Yes: x.Label == "jailbreak"}, i})
			}
		}
		kind := hazard(x)
		if !x.Harmful() || kind == "" {
			continue
		}
		for k := range t.windows[i] {
			w := &t.windows[i][k]
			e := example{ngram.Example{IDs: w.ids, Values: w.values}, i}
			for n, c := range detect.HarmCategories {
				e.Yes = c == kind
				byKind[n] = append(byKind[n], e)
			}
		}
	}
	t.balance(play)
	m.Play = ngram.Fit(ngram.Config{Bits: kindBits}, strip(play)).Model()
	for _, all := range byKind {
		t.balance(all)
		m.Kinds = append(m.Kinds, ngram.Fit(ngram.Config{Bits: kindBits, Epochs: 2}, strip(all)).Model())
	}
}

// hazards maps what collections call a harm, by the beginning of their names, to the
// categories of the contract; what is not listed is harm of no known kind.
var hazards = []struct {
	prefix string
	is     risk.Category
}{
	{"catqa:Physical Harm", "violent_crime"}, {"catqa:Adult Content", "sexual_content"}, {"catqa:Malware", "malicious_code"}, {"catqa:Tailored Financial", "specialized_advice"},
	{"catqa:Economic Harm", "nonviolent_crime"}, {"catqa:Illegal Activity", "nonviolent_crime"}, {"catqa:Fraud", "nonviolent_crime"}, {"catqa:Hate", "hate"},
	{"catqa:Child Abuse", "child_exploitation"}, {"catqa:Privacy", "privacy_violation"}, {"catqa:Political", "election_misinformation"},
	{"interpreter_abuse:", "cyber_attack"}, {"harmbench:copyright", "intellectual_property"}, {"harmbench:illegal", "nonviolent_crime"},
	{"harmbench:cybercrime", "cyber_attack"}, {"harmbench:misinformation", "election_misinformation"}, {"harmbench:chemical", "cbrn"}, {"harmbench:harassment", "harassment"},
	{"forbidden_question:Gov", "election_misinformation"}, {"forbidden_question:Fraud", "nonviolent_crime"}, {"forbidden_question:Porn", "sexual_content"},
	{"forbidden_question:Economic", "nonviolent_crime"}, {"forbidden_question:Financial", "specialized_advice"}, {"forbidden_question:Physical", "violent_crime"},
	{"forbidden_question:Hate", "hate"}, {"forbidden_question:Legal", "specialized_advice"}, {"forbidden_question:Privacy", "privacy_violation"},
	{"forbidden_question:Political", "election_misinformation"}, {"forbidden_question:Illegal", "nonviolent_crime"}, {"forbidden_question:Health", "specialized_advice"}, {"forbidden_question:Malware", "malicious_code"},
	{"mitre:", "cyber_attack"}, {"cold:", "hate"}, {"xsafety:insult", "harassment"}, {"hate:", "hate"}, {"forum:hate", "hate"}, {"offensive:tweet", "harassment"}, {"mhc:", "hate"}, {"hatecheck:", "hate"},
}

// hazard returns the category of a harmful text, "" when it is not known.
func hazard(x *Text) risk.Category {
	if x.Own {
		return risk.Category(x.Category)
	}
	for _, h := range hazards {
		if strings.HasPrefix(x.Category, h.prefix) {
			return h.is
		}
	}
	return ""
}
