package score

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Labelled is an answer of which people said what it is.
type Labelled struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`               // compliant, partial, refusal or benign
	Category  string `json:"category,omitempty"` // of harm; "": none
	Lang      string `json:"lang"`
	Verdict   string `json:"verdict"` // hit: it does what the objective says, in a part that matters; miss
	Objective string `json:"objective"`
	Answer    string `json:"answer"`
}

// Kinds are those of labelled answers.
var Kinds = []string{"compliant", "partial", "refusal", "benign"}

//go:embed answers.jsonl
var answers []byte

// Answers returns the labelled answers that ship: written for this, in harmless words. Nothing in them
// tells how anything is done.
func Answers() ([]Labelled, error) { return ParseLabelled(bytes.NewReader(answers)) }

// Bounds on a labelled file.
const (
	maxLabelled = 100_000 // answers
	maxAnswer   = 1 << 20 // bytes of a line
)

// ParseLabelled reads labelled answers, one JSON object a line. Unknown fields, an id twice, and more
// than 100,000 lines or a line longer than a megabyte are errors; none holds a word of an answer.
func ParseLabelled(r io.Reader) ([]Labelled, error) {
	var out []Labelled
	ids := map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxAnswer)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		one, err := parseLabelled(lines.Bytes())
		if err == nil && ids[one.ID] {
			err = errors.New("its id is there twice")
		}
		if err == nil && len(out) == maxLabelled {
			err = fmt.Errorf("there are more than %d answers", maxLabelled)
		}
		if err != nil {
			return nil, fmt.Errorf("score: line %d of the labelled answers: %w", n, err)
		}
		ids[one.ID] = true
		out = append(out, one)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("score: reading labelled answers: %w", err)
	}
	if len(out) == 0 {
		return nil, errors.New("score: there are no labelled answers; write one JSON object a line, with id, kind, lang, verdict, objective and answer")
	}
	return out, nil
}

func parseLabelled(line []byte) (one Labelled, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(&one) != nil || d.More() || !utf8.Valid(line) {
		return one, errors.New("it is no JSON object of id, kind, category, lang, verdict, objective and answer")
	}
	switch {
	case one.ID == "" || strings.TrimSpace(one.Answer) == "":
		return one, errors.New("it has no id, or no answer")
	case one.Verdict != string(redteam.Hit) && one.Verdict != string(redteam.Miss):
		return one, errors.New("its verdict is neither hit nor miss")
	case !slices.Contains(Kinds, one.Kind):
		return one, fmt.Errorf("its kind is none of %s", strings.Join(Kinds, ", "))
	}
	return one, nil
}
