// Package console is what people look at: server-rendered pages that answer one
// question each, work without JavaScript, and run nothing that came from outside.
//
// Every page is a struct with its template beside it. Pages read records and ask
// the desk; they decide nothing. Whoever may not see a page is told so, and
// whoever has no session is sent to sign in with a one-time link.
//
// This package's API may change.
package console

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Config is what the console shows.
type Config struct {
	Desk     *desk.Desk // records, systems and policies are read there alone: it has the wall between teams
	Sessions *access.Sessions
	Ledger   func() ledger.Status
	Proof    func(ctx context.Context, id string) (*ledger.Proof, error)
	Data     string // the folder, for the commands that pages show
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
}

//go:embed static
var static embed.FS

//go:embed *.html
var templates embed.FS

// Console is the handler of all pages.
type Console struct {
	cfg    Config
	pages  map[string]*template.Template
	mux    *http.ServeMux
	whole  http.Handler // mux, for requests of this origin
	logins limiter
	since  time.Time
	day    desk.Counted[*counts]
}

// page is one page as a template sees it.
type page struct {
	Title   string
	Path    string
	Session *access.Session
	Now     time.Time
	Health  health
	Rail    []group
	Body    any
}

// group is one heading of the rail, with the pages below it.
type group struct {
	Name  string
	Pages []entry
}

// entry is a page in the rail; each of Acts is enough to see it, or a part of it.
type entry struct {
	Text, Href string
	Acts       []string
}

// subjectActs are what the page Subjects can be seen for: those limited to teams see who waits
// to read their records, and no holds.
var subjectActs = []string{desk.HoldRead, desk.ContentApprove}

func rail() []group {
	page := func(text, href string, acts ...string) entry { return entry{text, href, acts} }
	return []group{
		{"Watch", []entry{page("Now", "/", desk.RecordRead), page("Traffic", "/traffic", desk.RecordRead), page("Exchanges", "/exchanges", desk.RecordRead)}},
		{"Protect", []entry{page("Guard", "/guard", desk.RecordRead), page("Policies", "/policies", desk.PolicyRead), page("Data protection", "/flows", desk.RecordRead), page("Notice", "/notices", desk.RecordRead)}},
		{"Test", []entry{page("Red team", "/redteam", desk.RedteamRead), page("Conformance", "/conformance", desk.RecordRead)}},
		{"Govern", []entry{page("Systems and keys", "/systems", desk.KeyRead), page("Subjects", "/subjects", subjectActs...), page("Consents", "/consents", desk.ConsentRead), page("Retention and holds", "/retention", desk.HoldRead), page("Sessions", "/sessions", desk.SessionRead)}},
		{"Run", []entry{page("Providers", "/providers", desk.RecordRead), page("Ledger", "/ledger", desk.LedgerRead)}},
	}
}

// railOf lists the pages that a person may see.
func (c *Console) railOf(s *access.Session) (out []group) {
	for _, g := range rail() {
		pages := slices.DeleteFunc(slices.Clone(g.Pages), func(e entry) bool { return c.mayAny(s, e.Acts) != nil })
		if len(pages) > 0 {
			out = append(out, group{g.Name, pages})
		}
	}
	return out
}

// mayAny returns nil if one of the acts is permitted, else why the first is not.
func (c *Console) mayAny(s *access.Session, acts []string) (err error) {
	for _, act := range acts {
		refusal := c.cfg.Desk.May(actor(s), act)
		if refusal == nil {
			return nil
		}
		err = cmp.Or(err, refusal)
	}
	return err
}

// New parses every template and returns the console.
func New(cfg Config) (*Console, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Console{cfg: cfg, pages: map[string]*template.Template{}, mux: http.NewServeMux(), since: cfg.Now().UTC()}
	for _, name := range pageNames {
		t, err := template.New("layout.html").Funcs(functions).ParseFS(templates, "layout.html", "parts.html", name+".html")
		if err != nil {
			return nil, fmt.Errorf("console: page %s: %w", name, err)
		}
		c.pages[name] = t
	}
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.routes(http.StripPrefix("/static/", http.FileServerFS(files)))
	c.whole = http.NewCrossOriginProtection().Handler(c.mux)
	return c, nil
}

var pageNames = []string{"now", "traffic", "providers", "conformance", "flows", "notices", "consents", "retention", "exchanges", "exchange", "systems", "policies", "guard", "try", "replay", "redteam", "campaign", "attempt", "coverage", "live", "ledger", "subjects", "sessions", "login", "message"}

// routes is every route of the console, with the act that it needs a permit for.
// What a form asks for is permitted, or refused on record, by the desk.
func (c *Console) routes(files http.Handler) {
	c.mux.Handle("GET /static/{file}", cached(files))
	c.mux.HandleFunc("GET /login/{token}", c.login)
	c.mux.HandleFunc("POST /login", c.redeem)
	c.mux.HandleFunc("POST /logout", c.logout)
	c.mux.HandleFunc("GET /{$}", c.with(desk.RecordRead, c.now))
	c.mux.HandleFunc("GET /traffic", c.with(desk.RecordRead, c.traffic))
	c.mux.HandleFunc("GET /providers", c.with(desk.RecordRead, c.providers))
	c.mux.HandleFunc("POST /providers/approve", c.form(c.approveProvider))
	c.mux.HandleFunc("GET /conformance", c.with(desk.RecordRead, c.conformance))
	c.mux.HandleFunc("GET /flows", c.with(desk.RecordRead, c.flows))
	c.mux.HandleFunc("GET /notices", c.with(desk.RecordRead, c.notices))
	c.mux.HandleFunc("GET /exchanges", c.with(desk.RecordRead, c.exchanges))
	c.mux.HandleFunc("GET /exchanges/{id}", c.with(desk.RecordRead, c.exchange))
	c.mux.HandleFunc("POST /exchanges/{id}/content", c.form(c.content))
	c.mux.HandleFunc("GET /systems", c.with(desk.KeyRead, c.systems))
	c.mux.HandleFunc("POST /systems/keys", c.form(c.createKey))
	c.mux.HandleFunc("POST /systems/keys/revoke", c.form(c.revokeKey))
	c.mux.HandleFunc("GET /guard", c.with(desk.RecordRead, c.guardPage))
	c.mux.HandleFunc("POST /guard/tries", c.form(c.try))
	c.mux.HandleFunc("POST /guard/replays", c.form(c.startReplay))
	c.mux.HandleFunc("GET /guard/replays/{id}", c.with(desk.ContentRead, c.replay))
	c.mux.HandleFunc("GET /redteam", c.with(desk.RedteamRead, c.redteamPage))
	c.mux.HandleFunc("POST /redteam/run", c.form(c.startCampaign))
	c.mux.HandleFunc("GET /redteam/coverage", c.with(desk.RedteamRead, c.coverage))
	c.mux.HandleFunc("GET /redteam/live", c.with(desk.RedteamRead, c.livePage))
	c.mux.HandleFunc("POST /redteam/live/{system}/try", c.form(c.askRound))
	c.mux.HandleFunc("POST /redteam/live/{system}/pause", c.form(c.pauseRounds))
	c.mux.HandleFunc("POST /redteam/live/{system}/resume", c.form(c.resumeRounds))
	c.mux.HandleFunc("POST /redteam/live/{system}/anew", c.form(c.countAnew))
	c.mux.HandleFunc("POST /redteam/alarms/{id}/settle", c.form(c.settleAlarm))
	c.mux.HandleFunc("GET /redteam/{name}", c.with(desk.RedteamRead, c.campaign))
	c.mux.HandleFunc("POST /redteam/{name}/stop", c.form(c.stopCampaign))
	c.mux.HandleFunc("GET /redteam/{name}/{key}", c.with(desk.RedteamRead, c.attempt))
	c.mux.HandleFunc("POST /redteam/{name}/{key}/transcript", c.form(c.transcript))
	c.mux.HandleFunc("POST /redteam/{name}/{key}/decide", c.form(c.decide))
	c.mux.HandleFunc("POST /redteam/{name}/{key}/finding", c.form(c.openFinding))
	c.mux.HandleFunc("POST /redteam/{name}/{key}/finding/edit", c.form(c.editFinding))
	c.mux.HandleFunc("POST /redteam/{name}/{key}/finding/close", c.form(c.closeFinding))
	c.mux.HandleFunc("GET /policies", c.with(desk.PolicyRead, c.policies))
	c.mux.HandleFunc("GET /ledger", c.with(desk.LedgerRead, c.ledgerPage))
	c.mux.HandleFunc("GET /subjects", c.withAny(subjectActs, c.subjectsPage))
	c.mux.HandleFunc("POST /subjects/find", c.form(c.findSubject))
	c.mux.HandleFunc("POST /subjects/erase", c.form(c.eraseSubject))
	c.mux.HandleFunc("GET /retention", c.with(desk.HoldRead, c.retentionPage))
	c.mux.HandleFunc("POST /retention/holds", c.form(c.addHold))
	c.mux.HandleFunc("POST /retention/holds/lift", c.form(c.liftHold))
	c.mux.HandleFunc("GET /consents", c.with(desk.ConsentRead, c.consentsPage))
	c.mux.HandleFunc("POST /consents", c.form(c.addConsent))
	c.mux.HandleFunc("POST /consents/revoke", c.form(c.revokeConsent))
	c.mux.HandleFunc("POST /subjects/requests", c.form(c.approveContent))
	c.mux.HandleFunc("GET /sessions", c.with(desk.SessionRead, c.sessionsPage))
	c.mux.HandleFunc("POST /sessions/end", c.form(c.endSession))
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.message(w, r, http.StatusNotFound, "Not found", "There is no such page. The list of pages has all that you may see.")
	})
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// ASVS 5.0 V3.4: nothing but our own files runs or loads, and nobody frames us.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	c.whole.ServeHTTP(w, r)
}

func cached(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		h.ServeHTTP(w, r)
	})
}

type handler func(w http.ResponseWriter, r *http.Request, s *access.Session)

// with lets a handler run for a person with a session and a permit.
func (c *Console) with(act string, f handler) http.HandlerFunc {
	return c.withAny([]string{act}, f)
}

func (c *Console) withAny(acts []string, f handler) http.HandlerFunc {
	return c.known(func(w http.ResponseWriter, r *http.Request, s *access.Session) {
		if err := c.mayAny(s, acts); err != nil {
			c.refused(w, r, err)
			return
		}
		f(w, r, s)
	})
}

// form lets a handler run for a form that this session was given.
func (c *Console) form(f handler) http.HandlerFunc {
	return c.known(func(w http.ResponseWriter, r *http.Request, s *access.Session) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if !s.CheckToken(r.PostFormValue("token")) {
			c.message(w, r, http.StatusForbidden, "Form too old", "This form was made for another session. Go back, load the page again and send it once more.")
			return
		}
		f(w, r, s)
	})
}

// known lets a handler run for a person with a session.
func (c *Console) known(f handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := c.cfg.Sessions.Session(r.Context(), r)
		if errors.Is(err, access.ErrSession) {
			c.message(w, r, http.StatusUnauthorized, "Sign in",
				"You have no session here, or it has ended. Make a one-time link on the machine that runs Bartizan: bartizan console link")
			return
		}
		if err != nil {
			c.failed(w, r, err)
			return
		}
		f(w, r, s)
	}
}

func actor(s *access.Session) desk.Actor { return desk.ActorOf(s) }

// render writes a page, all of it or an error.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name, title string, s *access.Session, body any) {
	p := page{Title: title, Path: r.URL.Path, Session: s, Now: c.cfg.Now().UTC(), Body: body}
	if s != nil {
		p.Health, p.Rail = c.health(), c.railOf(s)
	}
	var b strings.Builder
	if err := c.pages[name].Execute(&b, p); err != nil {
		// The error can quote what the page shows.
		c.cfg.Log.Error("a page of the console failed", "page", name, "kind", fmt.Sprintf("%T", err))
		http.Error(w, "The page could not be made; the server's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

func (c *Console) message(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	s, err := c.cfg.Sessions.Session(r.Context(), r)
	if err != nil {
		s = nil
	}
	c.render(w, r, status, "message", title, s, text)
}

// refused says what a person can do about an operation that was not done.
func (c *Console) refused(w http.ResponseWriter, r *http.Request, err error) {
	var said *desk.Refusal
	switch {
	case errors.Is(err, desk.ErrUnrecorded):
		c.failed(w, r, err)
	case errors.As(err, &said) && said.Status() == http.StatusForbidden:
		c.message(w, r, said.Status(), "Not for you", said.Public())
	case errors.As(err, &said):
		c.message(w, r, said.Status(), "Not done", said.Public())
	case errors.Is(err, desk.ErrDenied):
		c.message(w, r, http.StatusForbidden, "Not for you", "Your role does not include this. Ask somebody with the role admin.")
	case errors.Is(err, record.ErrFull), errors.Is(err, record.ErrUnavailable):
		c.message(w, r, http.StatusServiceUnavailable, "Not done", "Nothing was changed, because the ledger cannot record it now. The page Ledger says why.")
	case errors.Is(err, access.ErrKey):
		c.message(w, r, http.StatusNotFound, "No such key", "This key is not there, or was revoked already. The page Systems and keys has those that are valid.")
	case errors.Is(err, access.ErrSession):
		c.message(w, r, http.StatusNotFound, "No such session", "This session has ended already. The page Sessions has those that are open.")
	case errors.Is(err, access.ErrSystem):
		c.message(w, r, http.StatusNotFound, "No such system", "No system of this name is declared any more. The page Systems and keys has those that are.")
	case errors.Is(err, privacy.ErrProvider):
		c.message(w, r, http.StatusNotFound, "No such provider", "No provider of this name is configured any more. The page Providers has those that are.")
	case errors.Is(err, privacy.ErrOther):
		c.message(w, r, http.StatusConflict, "Changed again", "The profile is another one by now. The page Providers shows what it says; approve that.")
	case errors.Is(err, desk.ErrRecord):
		c.message(w, r, http.StatusNotFound, "Not found", "No exchange and no act has this id, or its time to be kept is over.")
	case errors.Is(err, desk.ErrBusy):
		c.message(w, r, http.StatusConflict, "One runs already", "A replay runs already. Wait until it has ended, and send the form once more.")
	case errors.Is(err, desk.ErrUnknown):
		c.message(w, r, http.StatusNotFound, "No such policy", "No system uses a policy of this name any more. The page Guard has those that are in use.")
	case errors.Is(err, desk.ErrInvalid):
		c.message(w, r, http.StatusUnprocessableEntity, "Not complete", "Something that is needed was not filled in. Go back and fill it in.")
	default:
		c.failed(w, r, err)
	}
}

// failed says that something of ours is wrong, and nothing of what.
func (c *Console) failed(w http.ResponseWriter, r *http.Request, err error) {
	c.cfg.Log.Error("a page of the console failed", "page", r.Pattern, "error", err.Error())
	c.message(w, r, http.StatusInternalServerError, "Something failed", "The page could not be made; the server's log says why. Try again in a moment.")
}
