package console

import (
	"net/http"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
)

// subjectsPage answers: who waits to read, and where does a person's data lie?
type subjectsPage struct {
	Sentence                   string
	Asked                      []privacy.Glass
	Person                     string
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
	p := subjectsPage{Person: s.Person, MayHold: may(desk.HoldRead), MayApprove: may(desk.ContentApprove), MayFind: may(desk.SubjectFind), MayDo: may(desk.SubjectErase), Token: s.Token, Data: c.cfg.Data}
	if p.MayApprove {
		if p.Asked, err = c.cfg.Desk.Asked(r.Context(), actor(s)); err != nil {
			c.failed(w, r, err)
			return
		}
	}
	held := 0
	for _, h := range holds {
		held += bit(h.Lifted.IsZero())
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

func (c *Console) approveContent(w http.ResponseWriter, r *http.Request, s *access.Session) {
	c.backTo(w, r, "/subjects", c.cfg.Desk.ApproveContent(r.Context(), actor(s), r.PostFormValue("request")))
}
