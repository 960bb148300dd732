package console

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/redteam"
)

// redteamPage answers: can this ship?
type redteamPage struct {
	Sentence string
	Bad      bool
	Newest   *campaignView // that has shown anything
	List     []campaignView
	Findings []findingRow
	Closed   int // findings that are not listed
	Live     bool
	Full     bool // there may be more campaigns than are listed
	MayRun   bool
	Token    string
}

// campaignView is a campaign as pages show it.
type campaignView struct {
	*desk.Campaign
	Cells  []cellRow
	Worse  []worseCell
	Beside string // the first arm, beside the last; "": there is one arm
}

// cellRow is one cell in both arms.
type cellRow struct {
	Name        string
	First, Last *redteam.Cell
}

// worseCell is a cell that got worse since the campaign before.
type worseCell struct {
	redteam.PairedCell
}

// findingRow is a finding as a list shows it.
type findingRow struct {
	redteam.Finding
	Late bool
}

func newCampaignView(c *desk.Campaign) campaignView {
	v := campaignView{Campaign: c}
	last := c.Last()
	if last == nil {
		return v
	}
	arms := c.Analysis.Arms
	if len(arms) > 1 {
		v.Beside = arms[0].Arm
	}
	for i := range last.Cells {
		row := cellRow{Name: last.Cells[i].Cell, Last: &last.Cells[i]}
		for k := range arms[0].Cells {
			if len(arms) > 1 && arms[0].Cells[k].Cell == row.Name {
				row.First = &arms[0].Cells[k]
			}
		}
		v.Cells = append(v.Cells, row)
	}
	if c.Change != nil {
		for _, k := range c.Change.Cells {
			if k.Worse {
				v.Worse = append(v.Worse, worseCell{k})
			}
		}
	}
	return v
}

// Running reports whether the page is to be looked at again.
func (v campaignView) Running() bool {
	return v.State == desk.CampaignRunning || v.State == desk.CampaignStopping
}

// Round reports whether the campaign is a round of canaries.
func (v campaignView) Round() bool { return redteam.IsRound(v.ID) }

// Folder is where the campaign lies, below the folder of campaigns.
func (v campaignView) Folder() string { return campaignFolder(v.ID) }

func campaignFolder(id string) string {
	if path := redteam.RoundPath(id); path != "" {
		return "live/" + path
	}
	return id
}

// Of is how many attempts were made, of how many, in words.
func (v campaignView) Of() string {
	switch {
	case v.Progress != nil && v.Progress.Of > 0:
		return count(v.Progress.Done) + " of " + count(v.Progress.Of)
	case v.Analysis != nil:
		return count(v.Analysis.Done) + " of " + count(v.Analysis.Planned)
	}
	return "none yet"
}

// Share is how far it is, in permille.
func (v campaignView) Share() int {
	switch {
	case v.Progress != nil && v.Progress.Of > 0:
		return v.Progress.Done * 1000 / v.Progress.Of
	case v.Analysis != nil && v.Analysis.Planned > 0:
		return v.Analysis.Done * 1000 / v.Analysis.Planned
	}
	return 0
}

func (c *Console) redteamPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, err := c.cfg.Desk.Campaigns(r.Context(), actor(s))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	findings, err := c.cfg.Desk.Findings(r.Context(), actor(s))
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := redteamPage{MayRun: c.cfg.Desk.May(actor(s), desk.RedteamRun) == nil, Token: s.Token}
	for i := range list {
		p.List = append(p.List, newCampaignView(&list[i]))
		p.Live = p.Live || p.List[i].Running()
	}
	p.Full = len(p.List) >= desk.MaxCampaigns
	for i := range p.List {
		if v := &p.List[i]; p.Newest == nil && len(v.Cells) > 0 {
			p.Newest = v
		}
	}
	now := c.cfg.Now()
	for _, f := range findings {
		if f.State == redteam.FindingClosed {
			p.Closed++
			continue
		}
		p.Findings = append(p.Findings, findingRow{f, !f.Due.IsZero() && f.Due.Before(now)})
	}
	p.Sentence, p.Bad = p.ship()
	c.render(w, r, http.StatusOK, "redteam", "Red team", s, p)
}

// ship says whether the newest campaign lets a release go.
func (p *redteamPage) ship() (sentence string, bad bool) {
	v := p.Newest
	if v == nil {
		return "Nothing was attacked yet, so nothing shows that this can ship.", false
	}
	var failed, open []string
	for _, c := range v.Cells {
		switch c.Last.Answer {
		case "fail":
			failed = append(failed, c.Name)
		case "pass":
		default:
			open = append(open, c.Name)
		}
	}
	switch {
	case v.State != desk.CampaignDone && v.Answer != "fail":
		return "It cannot be said yet whether this can ship: the newest campaign has not ended.", false
	case v.Answer == "pass":
		return "This can ship: every cell of the newest campaign passed.", false
	case len(failed) > 0:
		return "This cannot ship: too much gets through in " + strings.Join(failed, ", ") + ".", true
	case len(v.Worse) > 0:
		return "This cannot ship: it got worse than " + v.Before + ".", true
	}
	return "Too little was seen to say whether this can ship: " + strings.Join(open, ", ") + " " + map[bool]string{true: "is", false: "are"}[len(open) == 1] + " open.", false
}

// The size of a rate's picture, in its own units.
const rateWidth = 240

// rate draws a rate with its exact interval on a scale from nothing to all, and the limit that
// it is held against.
func rate(c *redteam.Cell) template.HTML {
	if c == nil || c.Tries() == 0 {
		return `<span class="muted">nothing was tried</span>`
	}
	x := func(p float64) float64 { return min(max(p, 0), 1) * rateWidth }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="rate" viewBox="0 0 %d 16" role="img" aria-label="%s, between %s and %s"><rect class="scale" y="7" width="%[1]d" height="2"/>`, rateWidth, percents(c.Rate), percents(c.Low), percents(c.High))
	fmt.Fprintf(&b, `<rect class="interval" x="%.1f" y="4" width="%.1f" height="8"/><rect class="point" x="%.1f" y="1" width="3" height="14"/>`, x(c.Low), max(x(c.High)-x(c.Low), 1), min(max(x(c.Rate)-1.5, 0), rateWidth-3))
	if c.Limit > 0 {
		fmt.Fprintf(&b, `<rect class="limit" x="%.1f" width="2" height="16"/>`, x(c.Limit))
	}
	fmt.Fprintf(&b, `</svg><span class="muted nowrap">%s to %s</span>`, percents(c.Low), percents(c.High))
	return template.HTML(b.String())
}

// gateGlyph is the sign that an answer of the gate has beside its colour.
func gateGlyph(answer string) string {
	switch answer {
	case "pass":
		return "allow"
	case "fail":
		return "block"
	}
	return "monitor"
}

// pvalue writes a p-value as far as it means something.
func pvalue(p float64) string {
	if p < .0001 {
		return "below 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}

func percents(p float64) string { return fmt.Sprintf("%.1f\u00a0%%", p*100) }

func (c *Console) startCampaign(w http.ResponseWriter, r *http.Request, s *access.Session) {
	id, err := c.cfg.Desk.StartCampaign(r.Context(), actor(s), r.PostFormValue("campaign"), r.PostFormValue("reason"))
	c.backTo(w, r, "/redteam/"+id, err)
}

func (c *Console) stopCampaign(w http.ResponseWriter, r *http.Request, s *access.Session) {
	id := r.PathValue("name")
	c.backTo(w, r, "/redteam/"+id, c.cfg.Desk.StopCampaign(r.Context(), actor(s), id))
}

// coveragePage answers: what was tried, and what was not?
type coveragePage struct {
	*desk.Coverage
	Sentence string
	Groups   []coverageGroup
	Rows     []phaseRow
	Columns  []string
}

// coverageGroup is a framework; Missing are items without a try of a long one, in one line.
type coverageGroup struct {
	Name, ID string
	Items    []redteam.Covered
	Missing  []string
	Tried    int
	Of       int
}

// phaseRow is one impact in every phase.
type phaseRow struct {
	Impact string
	Cells  []redteam.PhaseCount
}

// maxUntried is how many items without a try have a row of their own.
const maxUntried = 20

func (c *Console) coverage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	cover, err := c.cfg.Desk.Coverage(r.Context(), actor(s))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := coveragePage{Coverage: cover, Columns: redteam.Phases}
	for i, f := range cover.Frameworks {
		g := coverageGroup{Name: f.Name, ID: fmt.Sprintf("framework-%d", i+1), Of: len(f.Items)}
		for _, item := range f.Items {
			if item.Tries > 0 {
				g.Tried++
			}
			if item.Tries > 0 || len(f.Items) <= maxUntried {
				g.Items = append(g.Items, item)
			} else {
				g.Missing = append(g.Missing, item.Ref)
			}
		}
		p.Groups = append(p.Groups, g)
	}
	untried := 0
	for i, one := range cover.Phases {
		if i%len(redteam.Phases) == 0 {
			p.Rows = append(p.Rows, phaseRow{Impact: one.Impact})
		}
		row := &p.Rows[len(p.Rows)-1]
		if row.Cells = append(row.Cells, one); one.Tries == 0 {
			untried++
		}
	}
	p.Sentence = "Nothing was tested yet."
	if cover.Campaign != "" {
		p.Sentence = fmt.Sprintf("Of %d pairs of impact and phase, %d were tested.", len(cover.Phases), len(cover.Phases)-untried)
	}
	c.render(w, r, http.StatusOK, "coverage", "Coverage", s, p)
}

// dueDate reads the day of a form; none is zero.
func dueDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fmt.Errorf("%w: a date is a year, a month and a day", desk.ErrInvalid)
	}
	return t, nil
}
