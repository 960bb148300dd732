package console

import (
	"net/http"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/privacy"
)

// noticesPage answers: what are the people who use a system told of their data?
type noticesPage struct {
	Sentence string
	Bad      bool
	List     []noticed
	Command  string
}

// noticed is a notice as it is shown.
type noticed struct {
	privacy.Notice
	ID       string // in the page
	Sections []privacy.Section
	Learn    []string // recipients that may learn from what they are sent
}

func (c *Console) notices(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, err := c.cfg.Desk.Notices(actor(s), "")
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := noticesPage{Sentence: "No system is declared.", Command: "bartizan privacy notice -c bartizan.yaml"}
	learn := 0
	for i := range list {
		n := noticed{Notice: list[i], ID: "notice-" + list[i].Version, Sections: list[i].Sentences(), Learn: list[i].Trains()}
		if len(n.Learn) > 0 {
			learn++
		}
		p.List = append(p.List, n)
	}
	switch {
	case learn > 0:
		p.Sentence, p.Bad = "Of "+many(learn, "system")+" somebody may learn from what is written.", true
	case len(list) > 0:
		p.Sentence = "Nothing that is written to " + many(len(list), "system") + " is used to train a model."
	}
	c.render(w, r, http.StatusOK, "notices", "Notice", s, p)
}
