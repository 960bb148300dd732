package train

import (
	"fmt"
	"strings"

	"github.com/bartizan-ai/bartizan/labelled"
	"github.com/bartizan-ai/bartizan/llm"
)

// Text is a labelled text.
type Text struct {
	ID, Text, Label, Category, Lang, Source, File string

	Origin llm.Origin
	Spans  [][2]int // of what was injected, in bytes; none: all of it, or the place is not known
	Fold   int
	Own    bool // of the package's corpus
	Echo   bool // the text of another once more, as if it had been retrieved
}

// Attack reports whether the text is an attack on an assistant.
func (t *Text) Attack() bool {
	return t.Label == "injection" || t.Label == "indirect" || t.Label == "jailbreak"
}

// Harmful reports whether it asks for harm or does harm.
func (t *Text) Harmful() bool { return t.Label == "harmful_request" || t.Label == "toxic" }

// Data reports whether nobody who may give orders wrote it.
func (t *Text) Data() bool { return t.Origin != llm.OriginUser }

// files are those of a collection that are learnt from; others hold personal data and
// secrets, which rules find, and labels too weak to learn.
var files = []string{"benign_documents", "benign_hard", "benign_prompts", "benign_weak", "benign_sensitive", "indirect", "injection", "jailbreak", "harmful_request", "toxic"}

// Load reads the files of a folder.
func Load(dir string) ([]*Text, error) {
	var out []*Text
	for _, name := range files {
		texts, err := loadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("train: reading %s: %w", name, err)
		}
		out = append(out, texts...)
	}
	return out, nil
}

func loadFile(dir, name string) ([]*Text, error) {
	var out []*Text
	for l, err := range labelled.Read(dir, name) {
		if err != nil {
			return nil, err
		}
		t := &Text{ID: l.ID, Text: l.Text, Label: l.Label, Category: l.Category, Lang: l.Lang, Source: l.Source, File: name, Origin: llm.OriginUser}
		if l.Label == "indirect" || name == "benign_documents" {
			t.Origin = llm.OriginRetrieved
		}
		for _, x := range l.Spans {
			t.Spans = append(t.Spans, [2]int{x.Start, x.End})
		}
		t.Fold = foldOf(t)
		out = append(out, t)
	}
	return out, nil
}

// Folds is how many parts the sources are dealt to.
const Folds = 6

// sources of each fold: a source is never split, and the clean documents that synthetic
// attacks were put into go with them, or a model learns that such a page is an attack.
var sources = [Folds][]string{
	{"Jarviswang94", "promptsource", "PolyAI", "hh-rlhf", "COLDataset", "grade-school-math", "tau-bench"},
	{"PurpleLlama", "Taskmaster", "FastChat", "human-eval", "multilingual-hatecheck", "self-instruct"},
	{"compass-ctf-team", "TrustAIRLab", "awesome-chatgpt-prompts", "url-nlp", "red-instruct", "BIG-Bench-Hard", "Open-Assistant", "Vicomtech", "xquad"},
	{"BIPIA", "TrustLLM", "gorilla", "atlas-data", "clinc", "wildteaming", "ReNeLLM", "hatecheck-data", "presidio-research"},
	{"latent-jailbreak", "GPTFuzz", "langkit", "anthropics/evals", "vulndb", "advisory-database", "llm-warden", "alpaca_eval", "DAMO", "kingfisher", "t-davidson"},
	{"own/synthetic"},
}

// hosts are sources whose documents carry synthetic attacks.
var hosts = []string{"xquad", "tau-bench", "gorilla"}

// foldOf deals a text to a fold; an unknown source goes by its name.
func foldOf(t *Text) int {
	if t.Data() && contains(t.Source, hosts) {
		return Folds - 1
	}
	for fold, names := range sources {
		if contains(t.Source, names) {
			return fold
		}
	}
	return int(hash(t.Source) % Folds)
}

func contains(s string, any []string) bool {
	for _, a := range any {
		if strings.Contains(s, a) {
			return true
		}
	}
	return false
}

// hash is FNV-1a.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// echoes adds the harmless texts that are made to look like attacks a second time, as
// documents: whoever asks about advisories also retrieves them.
func echoes(texts []*Text) []*Text {
	for _, t := range texts {
		if t.File == "benign_hard" {
			e := *t
			e.Origin, e.Echo, e.File = llm.OriginRetrieved, true, "benign_hard as documents"
			texts = append(texts, &e)
		}
	}
	return texts
}

// rarely is how many texts of a file and source count when a line is drawn, so that no
// large source draws it alone.
const rarely = 600

// pooled marks the harmless texts that lines are drawn by. Messages about distress are
// routed, not blocked, and the documents of BIPIA hold instructions by design.
func pooled(texts []Scored) []bool {
	out, count := make([]bool, len(texts)), map[string]int{}
	for i, t := range texts {
		if t.Echo || !strings.HasPrefix(t.File, "benign_") || t.File == "benign_sensitive" || t.Own || t.Data() && strings.Contains(t.Source, "BIPIA") {
			continue
		}
		k := t.File + "\x00" + t.Source
		count[k]++
		out[i] = count[k] <= rarely
	}
	return out
}
