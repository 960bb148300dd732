// Package admin is the JSON API over the desk, described by OpenAPI 3.1 at
// /api/v1/openapi.json. Every route names its permission; the desk checks it and
// records the act.
//
// The API is served on the console's listener to people with a session, and on a
// local socket to whoever may read the data folder.
//
// This package's API may change.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Config is what the API works with.
type Config struct {
	Desk *desk.Desk
	// Who says who a request comes from; an error is answered with 401.
	Who func(*http.Request) (desk.Actor, error)
	// Console is the base URL of links.
	Console func() string
	Version string
	Log     *slog.Logger // nil: nowhere
}

type actorKey struct{}

// New returns the handler of everything below /api/v1/.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	c := huma.DefaultConfig("Bartizan", cfg.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "/api/v1/openapi", "", ""
	c.CreateHooks = nil // no links to schemas in answers
	c.Transformers = append(c.Transformers, silent)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"session": {Type: "apiKey", In: "cookie", Name: access.Cookie,
		Description: "A session of the console. What it names beside is the act that a permit must allow."}}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{cfg}
	h := humago.New(mux, c)
	a.routes(h)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "There is no such route; /api/v1/openapi.json lists all.")
	})
	return a.known(mux)
}

// plain writes an error where no operation was found.
func plain(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"title":%q,"status":%d,"detail":%q}`, http.StatusText(status), status, detail)
}

// known lets only those in whom cfg.Who knows.
func (a *api) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		actor, err := a.cfg.Who(r)
		if err != nil {
			plain(w, http.StatusUnauthorized, "Sign in at the console first.")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, actor)))
	})
}

func actor(ctx context.Context) desk.Actor {
	a, _ := ctx.Value(actorKey{}).(desk.Actor) // the zero actor may do nothing
	return a
}

type api struct{ cfg Config }

// Key is a credential as the API shows it.
type Key struct {
	access.Key
	Secret string `json:"key,omitempty" doc:"The secret, in the answer to its creation only."`
}

type (
	keyBody  struct{ Body Key }
	keysBody struct{ Body []Key }
	linkBody struct {
		Body struct {
			URL string `json:"url" doc:"Opens one session, once, within 15 minutes."`
		}
	}
	explainBody struct{ Body desk.Explanation }
	idInput     struct {
		ID string `path:"id" minLength:"1" maxLength:"64"`
	}
	noticesBody struct {
		Body []privacy.Notice
	}
	systemInput struct {
		System string `query:"system" maxLength:"64"`
	}
	explainInput struct {
		System string `query:"system" required:"true" maxLength:"64"`
		Action string `query:"action" enum:"admit,use_tool" default:"admit"`
		Target string `query:"target" required:"true" maxLength:"128"`
	}
	providersBody struct {
		Body struct {
			Providers []desk.Provider `json:"providers"`
			Whole     bool            `json:"whole" doc:"False where the month has more records than are read: bills are then of the newest."`
		}
	}
	approveInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"64"`
		Body struct {
			Digest string `json:"digest" minLength:"12" maxLength:"12" doc:"Of the profile that is approved, as the list of providers has it."`
			Reason string `json:"reason" minLength:"1" maxLength:"128"`
		}
	}
	trafficInput struct {
		Range string `query:"range" enum:"hour,day,week,month" default:"day"`
	}
	trafficBody     struct{ Body *desk.Traffic }
	conformanceBody struct{ Body []desk.Place }
	spendingBody    struct{ Body desk.Spending }
	sessionsBody    struct{ Body []access.Session }
	createInput     struct {
		Body struct {
			System string `json:"system" minLength:"1" maxLength:"64"`
		}
	}
	linkInput struct {
		Body struct {
			Person string   `json:"person" minLength:"1" maxLength:"128"`
			Roles  []string `json:"roles" minItems:"1" maxItems:"8" enum:"admin,approver,auditor,reader"`
			Teams  []string `json:"teams,omitempty" maxItems:"32" doc:"Whose systems and records the session is for; left out: those of the whole organisation."`
		}
	}
)

// op describes a route with its permission.
func op(method, path, id, permission, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: "/api/v1" + path, OperationID: id, Summary: summary,
		MaxBodyBytes: 64 << 10, Security: []map[string][]string{{"session": {permission}}}}
}

func (a *api) routes(h huma.API) {
	huma.Register(h, op(http.MethodGet, "/keys", "list-keys", desk.KeyRead, "List keys"), a.listKeys)
	huma.Register(h, op(http.MethodPost, "/keys", "create-key", desk.KeyCreate, "Create a key for a system"), a.createKey)
	huma.Register(h, op(http.MethodDelete, "/keys/{id}", "revoke-key", desk.KeyRevoke, "Revoke a key at once"), a.revokeKey)
	huma.Register(h, op(http.MethodPost, "/links", "create-link", desk.LinkCreate, "Make a one-time link to the console"), a.createLink)
	huma.Register(h, op(http.MethodGet, "/access/explain", "explain-access", desk.PolicyRead, "Say why a system may or may not do something"), a.explain)
	huma.Register(h, op(http.MethodGet, "/sessions", "list-sessions", desk.SessionRead, "List the sessions that are open"), a.listSessions)
	huma.Register(h, op(http.MethodDelete, "/sessions/{id}", "end-session", desk.SessionEnd, "End a session"), a.endSession)
	huma.Register(h, op(http.MethodDelete, "/sessions", "end-sessions", desk.SessionEnd, "End all sessions and links"), a.endSessions)

	huma.Register(h, op(http.MethodGet, "/providers", "list-providers", desk.RecordRead, "Say how the providers do, and what went to them"), a.providers)
	huma.Register(h, op(http.MethodPost, "/providers/{id}/approve", "approve-provider", desk.ProviderApprove, "Agree to the changed profile of a provider, which suspends it until then"), a.approveProvider)
	huma.Register(h, op(http.MethodGet, "/traffic", "get-traffic", desk.RecordRead, "Count calls by system and time, and how long answers took"), a.traffic)
	huma.Register(h, op(http.MethodGet, "/flows", "get-flows", desk.RecordRead, "Say which data went where: by label, system, provider and region"), a.flows)
	huma.Register(h, op(http.MethodGet, "/conformance", "get-conformance", desk.RecordRead, "Show what becomes of a forbidden text in every dialect"), a.conformance)
	huma.Register(h, op(http.MethodGet, "/notices", "list-notices", desk.RecordRead, "Say what becomes of the data of those who use each system, as the configuration has it"), a.notices)
	huma.Register(h, op(http.MethodGet, "/guard", "get-guard", desk.RecordRead, "Count what each detector stopped, masked, flagged and let through, and how sure it was"), a.guard)
	huma.Register(h, op(http.MethodPost, "/guard/tries", "try-policy", desk.PolicyRead, "Say what a policy makes of a text, and why; the text is not recorded"), a.try)
	huma.Register(h, op(http.MethodPost, "/guard/replays", "start-replay", desk.ContentRead, "Judge kept texts, or samples, as a policy with other lines would; nothing is changed"), a.startReplay)
	huma.Register(h, op(http.MethodGet, "/guard/replays/{id}", "get-replay", desk.ContentRead, "Say how far a replay is, and what would be newly blocked and allowed"), a.replay)
	huma.Register(h, op(http.MethodGet, "/systems/{id}/spending", "get-spending", desk.RecordRead, "Say what a system used, and what it may still use"), a.spending)
	a.subjectRoutes(h)
	a.redteamRoutes(h)
	a.liveRoutes(h)
}

func (a *api) listSessions(ctx context.Context, _ *struct{}) (*sessionsBody, error) {
	list, err := a.cfg.Desk.Sessions(ctx, actor(ctx))
	return &sessionsBody{Body: append([]access.Session{}, list...)}, a.problem(err)
}

func (a *api) endSession(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.EndSession(ctx, actor(ctx), nil, in.ID))
}

func (a *api) endSessions(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.EndSession(ctx, actor(ctx), nil, ""))
}

func (a *api) listKeys(ctx context.Context, in *systemInput) (*keysBody, error) {
	keys, err := a.cfg.Desk.Keys(actor(ctx), in.System)
	out := &keysBody{Body: []Key{}}
	for _, k := range keys {
		out.Body = append(out.Body, Key{Key: k})
	}
	return out, a.problem(err)
}

func (a *api) createKey(ctx context.Context, in *createInput) (*keyBody, error) {
	k, secret, err := a.cfg.Desk.CreateKey(ctx, actor(ctx), in.Body.System)
	return &keyBody{Body: Key{Key: k, Secret: secret}}, a.problem(err)
}

func (a *api) revokeKey(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.RevokeKey(ctx, actor(ctx), in.ID))
}

func (a *api) createLink(ctx context.Context, in *linkInput) (*linkBody, error) {
	token, err := a.cfg.Desk.Link(ctx, actor(ctx), in.Body.Person, in.Body.Roles, in.Body.Teams)
	out := &linkBody{}
	if err == nil {
		out.Body.URL = a.cfg.Console() + "/login/" + token
	}
	return out, a.problem(err)
}

func (a *api) providers(ctx context.Context, _ *struct{}) (*providersBody, error) {
	out := &providersBody{}
	var err error
	out.Body.Providers, out.Body.Whole, err = a.cfg.Desk.Providers(ctx, actor(ctx))
	out.Body.Providers = append([]desk.Provider{}, out.Body.Providers...)
	return out, a.problem(err)
}

func (a *api) approveProvider(ctx context.Context, in *approveInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.ApproveProvider(ctx, actor(ctx), in.ID, in.Body.Digest, in.Body.Reason))
}

func (a *api) flows(ctx context.Context, in *trafficInput) (*struct{ Body *desk.Flows }, error) {
	f, err := a.cfg.Desk.Flows(ctx, actor(ctx), in.Range)
	return &struct{ Body *desk.Flows }{f}, a.problem(err)
}

func (a *api) traffic(ctx context.Context, in *trafficInput) (*trafficBody, error) {
	t, err := a.cfg.Desk.Traffic(ctx, actor(ctx), in.Range)
	return &trafficBody{Body: t}, a.problem(err)
}

func (a *api) conformance(ctx context.Context, _ *struct{}) (*conformanceBody, error) {
	places, err := a.cfg.Desk.Conformance(actor(ctx))
	return &conformanceBody{Body: append([]desk.Place{}, places...)}, a.problem(err)
}

func (a *api) notices(ctx context.Context, in *systemInput) (*noticesBody, error) {
	list, err := a.cfg.Desk.Notices(actor(ctx), in.System)
	return &noticesBody{Body: append([]privacy.Notice{}, list...)}, a.problem(err)
}

func (a *api) spending(ctx context.Context, in *idInput) (*spendingBody, error) {
	s, err := a.cfg.Desk.Spending(ctx, actor(ctx), in.ID)
	s.Allowances = append([]desk.Allowance{}, s.Allowances...)
	return &spendingBody{Body: s}, a.problem(err)
}

func (a *api) explain(ctx context.Context, in *explainInput) (*explainBody, error) {
	e, err := a.cfg.Desk.Explain(actor(ctx), in.System, in.Action, in.Target)
	return &explainBody{Body: e}, a.problem(err)
}

// problem says an error in the words of RFC 9457, and never echoes what was sent.
func (a *api) problem(err error) error {
	var said *desk.Refusal
	switch {
	case err == nil:
		return nil
	case errors.Is(err, desk.ErrUnrecorded):
		a.cfg.Log.Error("the admin API", "error", err.Error())
		return huma.Error500InternalServerError("It was done, but the ledger could not record the end of it; look at the state before you try again.")
	case errors.As(err, &said):
		return huma.NewError(said.Status(), said.Public())
	case errors.Is(err, desk.ErrDenied):
		return huma.Error403Forbidden("You may not do this; ask somebody with the role admin.")
	case errors.Is(err, desk.ErrBusy):
		return huma.Error409Conflict("A replay runs already; wait until it has ended.")
	case errors.Is(err, desk.ErrUnknown):
		return huma.Error404NotFound("There is none of this name: policies are those that a system uses, and only the last replays are remembered.")
	case errors.Is(err, desk.ErrInvalid):
		return huma.Error422UnprocessableEntity("What was asked for is not possible; the OpenAPI document says what is.")
	case errors.Is(err, privacy.ErrProvider):
		return huma.Error404NotFound("No such provider is configured; list the providers to see those that are.")
	case errors.Is(err, privacy.ErrOther):
		return huma.Error409Conflict("The profile is another one by now; list the providers, look at what changed and approve that.")
	case errors.Is(err, access.ErrSession):
		return huma.Error404NotFound("No such session is open; list the sessions to see those that are.")
	case errors.Is(err, access.ErrSystem):
		return huma.Error404NotFound("No such system is declared; add it under systems in the configuration.")
	case errors.Is(err, access.ErrKey):
		return huma.Error404NotFound("No such key is valid; list the keys to see those that are.")
	case errors.Is(err, record.ErrFull), errors.Is(err, record.ErrUnavailable):
		return huma.Error503ServiceUnavailable("Nothing was changed, because the ledger cannot record it now.")
	}
	a.cfg.Log.Error("the admin API", "error", err.Error())
	return huma.Error500InternalServerError("The operation failed; the server's log says why.")
}

// silent takes out of a problem what the framework quotes from the request:
// values, names of fields that we do not know, and a parser's complaints.
func silent(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	for _, e := range p.Errors {
		e.Value = nil
		if !ours.MatchString(e.Location) {
			e.Location, _, _ = strings.Cut(e.Location, ".")
		}
		if !strings.HasPrefix(e.Message, "expected ") && e.Message != "unexpected property" {
			e.Message = "cannot be read"
		}
	}
	if len(p.Errors) > 0 {
		p.Detail = "The request is not as the OpenAPI document says."
	}
	return p, nil
}

// ours matches where a known field stands.
var ours = regexp.MustCompile(`^(body|query|path)(\.(system|person|roles(\[\d+\])?|teams(\[\d+\])?|id|action|target|range|text|role|policy|direction|over|reason|subject|kind|what|purpose|days|digest|edits(\[\d+\](\.(family|origin|line|value))?)?))?$`)
