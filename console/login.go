package console

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/record"
)

// login shows a button for a one-time link. Following the link changes nothing:
// programs that look at links in advance must not use them up.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, http.StatusOK, "login", "Sign in", nil, r.PathValue("token"))
}

func (c *Console) redeem(w http.ResponseWriter, r *http.Request) {
	if !c.logins.allow(r.RemoteAddr, c.cfg.Now()) {
		w.Header().Set("Retry-After", "60")
		c.message(w, r, http.StatusTooManyRequests, "Too many tries", "Too many links were tried from your address. Wait a minute, then try again.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	cookie, err := c.cfg.Desk.Open(r.Context(), r.PostFormValue("link"))
	if errors.Is(err, access.ErrSession) {
		c.message(w, r, http.StatusUnauthorized, "Link used up",
			"This link was used already, or is older than a quarter of an hour. Make a new one: bartizan console link")
		return
	}
	if err != nil {
		c.refused(w, r, err)
		return
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	s, err := c.cfg.Sessions.Session(r.Context(), r)
	if err == nil {
		if !s.CheckToken(r.PostFormValue("token")) {
			c.message(w, r, http.StatusForbidden, "Form too old", "This form was made for another session. Go back, load the page again and send it once more.")
			return
		}
		err = c.cfg.Desk.EndSession(r.Context(), actor(s), s, s.ID)
	}
	// A session that ended counts as ended, recorded or not.
	if err != nil && !errors.Is(err, access.ErrSession) && !errors.Is(err, record.ErrFull) && !errors.Is(err, record.ErrUnavailable) {
		c.failed(w, r, err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: access.Cookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	c.message(w, r, http.StatusOK, "Signed out", "Your session has ended. To come back, make a new link: bartizan console link")
}

// limiter allows ten tries a minute and address (ASVS 5.0 V6.3.1).
type limiter struct {
	mu    sync.Mutex
	since time.Time
	tries map[string]int
}

const triesPerMinute = 10

func (l *limiter) allow(addr string, now time.Time) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) > time.Minute || len(l.tries) > 10_000 {
		l.since, l.tries = now, map[string]int{}
	}
	l.tries[host]++
	return l.tries[host] <= triesPerMinute
}
