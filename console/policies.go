package console

import (
	"fmt"
	"net/http"
	"sort"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
)

// policiesPage answers: what is enforced where, and in which mode?
type policiesPage struct {
	Matrix   []matrixRow
	Controls []string
	Policies []policyView
}

// matrixRow is one system with what its policy does about each control.
type matrixRow struct {
	System, Policy string
	Cells          []string
}

type policyView struct {
	ID      string
	Policy  guard.Policy
	Systems []string
	Origins []string
	Lines   []lineRow
}

// lineRow is the lines of one family of findings, an origin a cell.
type lineRow struct {
	Family string
	Cells  []string
}

var controls = []string{"attacks from users", "attacks in documents", "secrets in", "secrets out", "personal data", "unreadable files", "failed checks"}

func (c *Console) policies(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, err := c.cfg.Desk.Policies(actor(s))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := policiesPage{Controls: controls}
	byName := map[string]*guard.Compiled{}
	for _, q := range list {
		name, _, _ := strings.Cut(q.ID(), "@")
		byName[name] = q
	}
	users := map[string][]string{}
	for _, sys := range c.cfg.Desk.Systems(actor(s)) {
		q := byName[sys.Policy]
		if q == nil {
			continue
		}
		users[q.ID()] = append(users[q.ID()], sys.Name)
		p.Matrix = append(p.Matrix, matrixRow{System: sys.Name, Policy: q.ID(), Cells: cells(q.Policy())})
	}
	for _, q := range list {
		v := policyView{ID: q.ID(), Policy: q.Policy(), Systems: users[q.ID()]}
		v.Origins, v.Lines = lineTable(q.Policy())
		p.Policies = append(p.Policies, v)
	}
	c.render(w, r, http.StatusOK, "policies", "Policies", s, p)
}

// cells says in one word each what a policy does about the controls.
func cells(p guard.Policy) []string {
	personal := "off"
	if n := len(p.Mask.Entities); n > 0 {
		personal = string(p.Mask.Entities[0].Action)
		if personal == "" {
			personal = "mask"
		}
	}
	out := []string{strongest(p.Thresholds["attack"]["user"]), strongest(p.Thresholds["attack"]["retrieved"]),
		string(p.Secrets.Input), string(p.Secrets.Output), personal, string(p.Unreadable["file"]), string(p.OnError.Input)}
	for i, cell := range out {
		if cell == "" || cell == "allow" {
			out[i] = "off"
		}
		if p.Mode == "monitor" && out[i] != "off" {
			out[i] = "monitor"
		}
	}
	return out
}

func strongest(l guard.Lines) string {
	switch {
	case l.Off:
		return "off"
	case l.Block > 0:
		return "block"
	case l.Hold > 0:
		return "hold"
	case l.Flag > 0:
		return "flag"
	}
	return "off"
}

// lineTable writes the thresholds as a table of families and origins.
func lineTable(p guard.Policy) (origins []string, rows []lineRow) {
	for _, o := range llm.Origins() {
		origins = append(origins, o.String())
	}
	var families []string
	for f := range p.Thresholds {
		families = append(families, f)
	}
	sort.Strings(families)
	for _, f := range families {
		row := lineRow{Family: f}
		for _, o := range origins {
			l, ok := p.Thresholds[f][o]
			switch {
			case !ok:
				row.Cells = append(row.Cells, "")
			case l.Off:
				row.Cells = append(row.Cells, "off")
			default:
				row.Cells = append(row.Cells, lineText(l))
			}
		}
		rows = append(rows, row)
	}
	return origins, rows
}

func lineText(l guard.Lines) string {
	s := ""
	for _, x := range []struct {
		word string
		at   float64
	}{{"observe", l.Observe}, {"flag", l.Flag}, {"excise", l.Excise}, {"hold", l.Hold}, {"block", l.Block}} {
		if x.at > 0 {
			s += fmt.Sprintf("%s %.3g ", x.word, x.at)
		}
	}
	return s
}
