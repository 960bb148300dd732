package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/bartizan-ai/bartizan/access"
)

// sessionsPage answers: who is signed in here?
type sessionsPage struct {
	Sentence string
	Sessions []access.Session // one's own first
	Own      string
	More     int
	MayAll   bool // end all at once
	Token    string
}

// maxSessions bounds what one page lists.
const maxSessions = 500

func (c *Console) sessionsPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	list, err := c.cfg.Desk.Sessions(r.Context(), actor(s))
	if err != nil {
		c.failed(w, r, err)
		return
	}
	other := func(x access.Session) int {
		if x.ID == s.ID {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(x, y access.Session) int {
		return cmp.Or(cmp.Compare(other(x), other(y)), y.Seen.Compare(x.Seen), cmp.Compare(x.ID, y.ID))
	})
	p := sessionsPage{Own: s.ID, MayAll: actor(s).Whole(), Token: s.Token, Sentence: many(len(list), "session") + " open."}
	if len(list) == 1 {
		p.Sentence = "One session is open: yours."
	}
	p.More = max(len(list)-maxSessions, 0)
	p.Sessions = list[:len(list)-p.More]
	c.render(w, r, http.StatusOK, "sessions", "Sessions", s, p)
}

// endSession ends one session, or all of them where the form says so in a word: a
// form without an id must not.
func (c *Console) endSession(w http.ResponseWriter, r *http.Request, s *access.Session) {
	id := r.PostFormValue("id")
	if r.PostFormValue("all") == "yes" {
		id = ""
	} else if id == "" {
		c.message(w, r, http.StatusUnprocessableEntity, "Not complete", "The form named no session. Go back to the page Sessions and choose one.")
		return
	}
	if err := c.cfg.Desk.EndSession(r.Context(), actor(s), s, id); err != nil {
		c.refused(w, r, err)
		return
	}
	http.Redirect(w, r, "/sessions", http.StatusSeeOther)
}
