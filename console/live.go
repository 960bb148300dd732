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

// livePage answers: does what people use still hold?
type livePage struct {
	Sentence string
	Bad      bool
	Alarms   []redteam.Alarm // the open ones of all systems
	Wards    []wardView
	Running  bool
	MayRun   bool
	MayJudge bool
	Token    string
}

// wardView is a system that is tried, as the page shows it.
type wardView struct {
	*redteam.WardState
	ID      string // of its section
	Says    string // its state
	Drifts  []drift
	Recent  []redteam.Round // the newest first
	Older   int             // rounds that are not shown
	Settled []redteam.Alarm
}

// recentRounds are shown, and have their folders still: of so many no folder is deleted.
const recentRounds = 12

// maxSettled is how many alarms are listed that somebody settled.
const maxSettled = 8

func (c *Console) livePage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, err := c.cfg.Desk.Live(r.Context(), actor(s))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	p := livePage{MayRun: c.cfg.Desk.May(actor(s), desk.RedteamRun) == nil, MayJudge: c.cfg.Desk.May(actor(s), desk.RedteamDecide) == nil, Token: s.Token}
	now := c.cfg.Now()
	for i := range list {
		v := newWardView(&list[i], i, now)
		p.Alarms = append(p.Alarms, list[i].Open()...)
		p.Running = p.Running || v.Running != nil
		p.Wards = append(p.Wards, v)
	}
	p.Sentence, p.Bad = p.holds()
	c.render(w, r, http.StatusOK, "live", "Live", s, p)
}

func newWardView(s *redteam.WardState, i int, now time.Time) wardView {
	v := wardView{WardState: s, ID: fmt.Sprintf("ward-%d", i+1), Says: stands(s, now)}
	for k := range s.Series {
		v.Drifts = append(v.Drifts, drift{Series: &s.Series[k], ID: fmt.Sprintf("%s-%d", v.ID, k+1)})
	}
	for k := len(s.Rounds) - 1; k >= 0; k-- {
		if len(v.Recent) == recentRounds {
			v.Older = k + 1
			break
		}
		v.Recent = append(v.Recent, s.Rounds[k])
	}
	for _, a := range s.Alarms {
		if !a.Closed.IsZero() && len(v.Settled) < maxSettled {
			v.Settled = append(v.Settled, a)
		}
	}
	return v
}

// stands says what a system's canaries do now.
func stands(s *redteam.WardState, now time.Time) string {
	switch s.State {
	case "running":
		return fmt.Sprintf("A round runs: %s of %s attempts.", count(s.Running.Done), count(s.Running.Of))
	case "paused":
		return fmt.Sprintf("Paused %s by %s: %s", ago(s.Watched.Paused, now), s.Watched.PausedBy, s.Watched.Why)
	case "undeclared":
		return "It is tried no more: the configuration does not have it. What alarmed is still open."
	case "faulty":
		return s.Ward.Fault
	case "ended":
		return "The last day on which it may be attacked is over, so it is tried no more."
	case "spent":
		return "The tokens of this day are used up; rounds go on tomorrow."
	case "too_little":
		return "A day has fewer tokens than one round can use, so no round begins."
	}
	switch {
	case s.Watched.Asked != "":
		return "A round begins in a moment: " + s.Watched.Asked + " asked for it."
	case s.Watched.Began.IsZero():
		return "The first round begins soon."
	case !s.Watched.Due.After(now):
		return "The next round begins in a moment."
	}
	return "The next round begins by " + s.Watched.Due.UTC().Format("2006-01-02 15:04") + " UTC, or when something changes."
}

// holds says whether what people use got worse.
func (p *livePage) holds() (sentence string, bad bool) {
	rounds := 0
	worse, word := map[string]bool{}, "alarms"
	for i := range p.Wards {
		rounds += len(p.Wards[i].Rounds)
	}
	for _, a := range p.Alarms {
		if worse[a.System] = true; a.Kind == redteam.AlarmDrift {
			word = "got worse"
		}
	}
	switch {
	case len(p.Wards) == 0:
		return "Nothing is tried while people use it.", false
	case len(p.Alarms) > 0:
		if len(p.Wards) == 1 {
			return "The system that the red team tries while people use it " + word + ".", true
		}
		return fmt.Sprintf("%s of the %s that the red team tries while people use it %s.", count(len(worse)), many(len(p.Wards), "system"), word), true
	case rounds == 0:
		return "Nothing was tried yet.", false
	}
	if len(p.Wards) == 1 {
		return "Nothing got worse in the system that the red team tries while people use it.", false
	}
	return fmt.Sprintf("Nothing got worse in the %s that the red team tries while people use it.", many(len(p.Wards), "system")), false
}

// causes are words for why a round began.
var causes = map[string]string{redteam.CauseFirst: "the first", redteam.CauseSchedule: "schedule", redteam.CauseAsked: "asked for", redteam.CauseAnswerer: "another model answers", redteam.CausePrompt: "another prompt was seen", redteam.CauseTools: "other tools were seen",
	"policy": "the policy changed", "models": "the models changed", "tools": "the tools changed", "prompt": "the prompt changed"}

// Because says why a round began.
func (wardView) Because(r redteam.Round) string {
	var out []string
	for _, c := range r.Causes {
		if w := causes[c]; w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, ", ")
}

// drift is a rate over rounds, as a picture.
type drift struct {
	*redteam.Series
	ID string
}

// Title says what got worse where the sum rises.
func (d drift) Title() string {
	switch d.Kind {
	case redteam.SeriesPast:
		return "Attacks that the guard stopped at first, and lets past"
	case redteam.SeriesKept:
		return "Harmless messages that were answered at first, and are stopped"
	}
	return "Attacks on " + d.Cell + " that had no effect at first, and have one"
}

// Last is the newest round.
func (d drift) Last() redteam.Point { return d.Points[len(d.Points)-1] }

// Learning reports whether what is usual is not known yet.
func (d drift) Learning() bool { return d.Last().Learn }

// Stands says in words what the newest point shows.
func (d drift) Stands() string {
	p := d.Last()
	said := fmt.Sprintf("%s of %s in the newest round", count(p.Bad), count(p.Tries))
	if p.Learn {
		return said + "; the first four rounds say what is usual."
	}
	return fmt.Sprintf("%s, where up to %.0f in 100 are usual; the sum is %.1f, and %.1f alarms.", said, 100*d.Usual, p.Sum, d.Height)
}

// The size of a drift's picture, in its own units.
const (
	driftHeight = 72
	driftSlot   = 16
	driftShown  = 60 // rounds
	driftLeast  = 20 // slots, so that few rounds are not stretched
)

// SVG draws each round's share as a bar, and the sum as a line towards the one that alarms. Only
// numbers and times go into it.
func (d drift) SVG() template.HTML {
	points := d.Points[max(0, len(d.Points)-driftShown):]
	width := max(len(points), driftLeast) * driftSlot
	top := d.Height * 1.25
	for _, p := range points {
		top = max(top, p.Sum*1.05)
	}
	y := func(share float64) float64 { return driftHeight - share*(driftHeight-4) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="drift" viewBox="0 0 %d %d" role="img" aria-labelledby="%[3]s %[3]s-desc" preserveAspectRatio="none"><desc id="%[3]s-desc">%s</desc>`, width, driftHeight+1, d.ID, template.HTMLEscapeString(d.Stands()))
	for i, p := range points {
		if p.Learn {
			fmt.Fprintf(&b, `<rect class="learn" x="%d" y="0" width="%d" height="%d"/>`, i*driftSlot, driftSlot, driftHeight)
		}
		if share := float64(p.Bad) / float64(max(p.Tries, 1)); p.Bad > 0 {
			fmt.Fprintf(&b, `<rect class="share%s" x="%d" y="%.1f" width="%d" height="%.1f"/>`, map[bool]string{true: " worse"}[p.Alarm], i*driftSlot+3, y(share), driftSlot-6, driftHeight-y(share))
		}
	}
	fmt.Fprintf(&b, `<line class="axis" x1="0" x2="%d" y1="%d.5" y2="%[2]d.5"/><line class="height" x1="0" x2="%[1]d" y1="%.1[3]f" y2="%.1[3]f"/><polyline points="`, width, driftHeight, y(d.Height/top))
	for i, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", (float64(i)+.5)*driftSlot, y(p.Sum/top))
	}
	b.WriteString(`"/>`)
	for i, p := range points {
		fmt.Fprintf(&b, `<rect class="slot" x="%d" y="0" width="%d" height="%d"><title>%s: %d of %d, sum %.1f</title></rect>`, i*driftSlot, driftSlot, driftHeight, p.At.UTC().Format("2006-01-02 15:04"), p.Bad, p.Tries, p.Sum)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (c *Console) askRound(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/redteam/live", c.cfg.Desk.AskRound(r.Context(), actor(s), r.PathValue("system"), r.PostFormValue("reason")))
}

func (c *Console) pauseRounds(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/redteam/live", c.cfg.Desk.PauseRounds(r.Context(), actor(s), r.PathValue("system"), r.PostFormValue("reason")))
}

func (c *Console) resumeRounds(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/redteam/live", c.cfg.Desk.ResumeRounds(r.Context(), actor(s), r.PathValue("system"), r.PostFormValue("reason")))
}

func (c *Console) countAnew(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/redteam/live", c.cfg.Desk.CountAnew(r.Context(), actor(s), r.PathValue("system"), r.PostFormValue("reason")))
}

func (c *Console) settleAlarm(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/redteam/live", c.cfg.Desk.SettleAlarm(r.Context(), actor(s), r.PathValue("id"), r.PostFormValue("usual") == "yes", r.PostFormValue("reason")))
}
