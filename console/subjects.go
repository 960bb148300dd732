package console

import (
	"net/http"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// subjectsPage answers: what must stay, who waits to read, and where does a person's data
// lie?
type subjectsPage struct {
	Sentence                   string
	Holds                      []privacy.Hold // those that hold, then those that were lifted
	Asked                      []privacy.Glass
	Person                     string
	Systems                    []record.System
	MayHold                    bool // see legal holds
	MayApprove, MayFind, MayDo bool
	Found                      *desk.Findings
	Done                       string // what the form did
	Places                     []privacy.Location
	More                       int
	Erased                     *desk.Erasure
	Token, Data                string
}

// maxPlaces bounds what one page lists.
const maxPlaces = 200

func (c *Console) subjectsPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.subjectsWith(w, r, s, func(*subjectsPage) {})
}

// subjectsWith shows the page with what a form was answered.
func (c *Console) subjectsWith(w http.ResponseWriter, r *http.Request, s *access.Session, answer func(*subjectsPage)) {
	may := func(act string) bool { return c.cfg.Desk.May(actor(s), act) == nil }
	var holds []privacy.Hold
	var err error
	if may(desk.HoldRead) {
		if holds, err = c.cfg.Desk.Holds(r.Context(), actor(s)); err != nil {
			c.refused(w, r, err)
			return
		}
	}
	p := subjectsPage{Person: s.Person, Systems: c.cfg.Desk.Systems(actor(s)), MayHold: may(desk.HoldRead), MayApprove: may(desk.ContentApprove), MayFind: may(desk.SubjectFind), MayDo: may(desk.SubjectErase), Token: s.Token, Data: c.cfg.Data}
	for _, lifted := range []bool{false, true} {
		for _, h := range holds {
			if h.Lifted.IsZero() != lifted {
				p.Holds = append(p.Holds, h)
			}
		}
	}
	if p.MayApprove {
		if p.Asked, err = c.cfg.Desk.Asked(r.Context(), actor(s)); err != nil {
			c.failed(w, r, err)
			return
		}
	}
	held := 0
	for held < len(p.Holds) && p.Holds[held].Lifted.IsZero() {
		held++
	}
	p.Sentence = many(len(p.Asked), "request") + " to read content."
	if p.MayHold {
		p.Sentence = many(held, "legal hold") + ", " + p.Sentence
	}
	answer(&p)
	c.render(w, r, http.StatusOK, "subjects", "Subjects", s, p)
}

func (c *Console) findSubject(w http.ResponseWriter, r *http.Request, s *access.Session) {
	f, err := c.cfg.Desk.FindSubject(r.Context(), actor(s), r.PostFormValue("subject"), r.PostFormValue("kind"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.subjectsWith(w, r, s, func(p *subjectsPage) {
		p.Found, p.Places = &f, f.Places[:min(len(f.Places), maxPlaces)]
		p.More = len(f.Places) - len(p.Places)
		p.Done = "Found in " + many(len(f.Places), "place")
	})
}

func (c *Console) eraseSubject(w http.ResponseWriter, r *http.Request, s *access.Session) {
	e, err := c.cfg.Desk.Erase(r.Context(), actor(s), r.PostFormValue("subject"), r.PostFormValue("reason"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.subjectsWith(w, r, s, func(p *subjectsPage) {
		p.Erased = &e
		p.Done = many(e.Erased.Values, "value") + " and " + many(e.Erased.Texts, "text") + " in " + many(e.Erased.Exchanges, "exchange") + " can be read no more."
	})
}

func (c *Console) addHold(w http.ResponseWriter, r *http.Request, s *access.Session) {
	_, err := c.cfg.Desk.AddHold(r.Context(), actor(s), r.PostFormValue("held"), r.PostFormValue("system"), r.PostFormValue("reason"))
	c.backToSubjects(w, r, err)
}

func (c *Console) liftHold(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backToSubjects(w, r, c.cfg.Desk.LiftHold(r.Context(), actor(s), r.PostFormValue("hold"), r.PostFormValue("reason")))
}

func (c *Console) approveContent(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backToSubjects(w, r, c.cfg.Desk.ApproveContent(r.Context(), actor(s), r.PostFormValue("request")))
}

// backToSubjects shows what is now, or why it was not done.
func (c *Console) backToSubjects(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		c.refused(w, r, err)
		return
	}
	http.Redirect(w, r, "/subjects", http.StatusSeeOther)
}
