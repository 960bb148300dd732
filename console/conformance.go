package console

import (
	"fmt"
	"net/http"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
)

// conformancePage answers: is every dialect guarded alike, wherever a text stands?
type conformancePage struct {
	Sentence string
	Bad      bool
	Actions  []string
	Dialects []dialectMatrix
	Legend   []meaning
	Command  string
}

// dialectMatrix is the part of the matrix of one dialect.
type dialectMatrix struct {
	Name  string
	ID    string // in the page
	Rows  []matrixPlace
	Tries int
}

// matrixPlace is one place, with a cell for each action, not streamed and
// streamed.
type matrixPlace struct {
	Side, Place string
	Cells       []matrixCell
}

// matrixCell is what became of the text. Glyph is "" where the API has no such
// answer.
type matrixCell struct {
	Word, Glyph string
	Tries       int
	Missing     bool
}

// meaning is what a word of the matrix means.
type meaning struct{ Word, Glyph, Means string }

var (
	actions = []string{"block", "mask", "flag", "monitor"}
	results = []meaning{
		{"blocked", "block", "nothing of it passed, and the caller was told in its own dialect"},
		{"masked", "mask", "it was replaced in place"},
		{"flagged", "flag", "it passed, with a finding"},
		{"recorded", "monitor", "it passed, and the record says what would have happened"},
		{"–", "", "the API has no such answer"},
		{"missing", "fault", "it was not measured, and that is a fault"},
	}
)

func (c *Console) conformance(w http.ResponseWriter, r *http.Request, s *access.Session) {
	places, err := c.cfg.Desk.Conformance(actor(s))
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := conformancePage{Actions: actions, Legend: results, Command: "go test ./gateway -run TestMatrix"}
	cells, tries, missing := 0, 0, 0
	for _, place := range places {
		if n := len(p.Dialects); n == 0 || p.Dialects[n-1].Name != place.Dialect {
			p.Dialects = append(p.Dialects, dialectMatrix{Name: place.Dialect, ID: fmt.Sprintf("dialect-%d", n+1)})
		}
		m := &p.Dialects[len(p.Dialects)-1]
		row := matrixPlace{place.Side, place.Name, matrixCells(place.Cells)}
		for _, cell := range row.Cells {
			cells++
			if m.Tries += cell.Tries; cell.Missing {
				missing++
			}
		}
		m.Rows = append(m.Rows, row)
	}
	for _, m := range p.Dialects {
		tries += m.Tries
	}
	p.Bad, p.Sentence = missing > 0 || cells == 0, conformanceSentence(cells, tries, missing)
	c.render(w, r, http.StatusOK, "conformance", "Conformance", s, p)
}

func conformanceSentence(cells, tries, missing int) string {
	switch {
	case cells == 0:
		return "This build has no matrix: what it does was not measured."
	case missing > 0:
		return fmt.Sprintf("%s of %s cells are missing: what happens there was not measured.", count(missing), count(cells))
	}
	return fmt.Sprintf("All %s cells were measured, in %s tries.", count(cells), count(tries))
}

// matrixCells puts cells in the order of the heads. What is not there is missing,
// and so is what nobody tried, and a result that this page does not know.
func matrixCells(have []desk.Cell) (out []matrixCell) {
	for _, action := range actions {
		for _, stream := range []bool{false, true} {
			cell := matrixCell{Word: "missing", Glyph: "fault", Missing: true}
			for _, c := range have {
				if glyph := resultGlyph(c.Result); c.Action == action && c.Stream == stream && glyph != "" && c.Tries > 0 {
					cell = matrixCell{Word: c.Result, Glyph: glyph, Tries: c.Tries}
				} else if c.Action == action && c.Stream == stream && c.Result == "none" {
					cell = matrixCell{Word: c.Result}
				}
			}
			out = append(out, cell)
		}
	}
	return out
}

func resultGlyph(word string) string {
	for _, r := range results {
		if r.Word == word {
			return r.Glyph
		}
	}
	return ""
}
