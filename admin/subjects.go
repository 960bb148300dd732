package admin

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
)

// A subject never stands in a path or query, which others log.
type (
	findInput struct {
		Body struct {
			Subject string `json:"subject" minLength:"1" maxLength:"1024" doc:"A value such as an e-mail address, key:key_… or sub_…; recorded as a hash."`
			Kind    string `json:"kind,omitempty" maxLength:"64" doc:"Only values of this kind."`
		}
	}
	findBody     struct{ Body desk.Findings }
	subjectInput struct {
		Body struct {
			Subject string `json:"subject" minLength:"1" maxLength:"1024" doc:"A value such as an e-mail address, key:key_… or sub_…; recorded as a hash."`
			Reason  string `json:"reason" minLength:"1" maxLength:"128" doc:"Why; it is recorded, and must not say who the subject is."`
		}
	}
	exportBody struct{ Body desk.Exported }
	eraseBody  struct{ Body desk.Erasure }
	holdInput  struct {
		Body struct {
			Subject string `json:"subject,omitempty" maxLength:"1024"`
			System  string `json:"system,omitempty" maxLength:"64"`
			Reason  string `json:"reason" minLength:"1" maxLength:"128"`
		}
	}
	holdBody  struct{ Body privacy.Hold }
	holdsBody struct{ Body []privacy.Hold }
	liftInput struct {
		ID   string `path:"id" minLength:"1" maxLength:"64"`
		Body struct {
			Reason string `json:"reason" minLength:"1" maxLength:"128"`
		}
	}
	consentInput struct {
		Body struct {
			Subject string `json:"subject,omitempty" maxLength:"1024"`
			System  string `json:"system,omitempty" maxLength:"64" doc:"The system whose owner agreed for those who use it, in place of a subject."`
			What    string `json:"what" minLength:"1" maxLength:"300" doc:"A use of data: training, sharing, human_review, retention, sub_processors, provider:NAME or region:NAME."`
			Purpose string `json:"purpose" minLength:"1" maxLength:"256"`
			Days    int    `json:"days,omitempty" minimum:"0" maximum:"36500" doc:"How long it holds; 0: until it is revoked."`
		}
	}
	consentBody    struct{ Body privacy.Consent }
	consentsBody   struct{ Body []privacy.Consent }
	ofSubjectInput struct {
		Body struct {
			Subject string `json:"subject,omitempty" maxLength:"1024"`
		}
	}
	rotatedBody struct{ Body privacy.Rotated }
	askedBody   struct{ Body []privacy.Glass }
)

func (a *api) subjectRoutes(h huma.API) {
	huma.Register(h, op(http.MethodPost, "/subjects/find", "find-subject", desk.SubjectFind, "Say where a subject's data lies, without content"), a.findSubject)
	huma.Register(h, op(http.MethodPost, "/subjects/export", "export-subject", desk.SubjectExport, "Return what is kept of a subject"), a.exportSubject)
	huma.Register(h, op(http.MethodPost, "/subjects/erase", "erase-subject", desk.SubjectErase, "Destroy a subject's key, and certify it"), a.eraseSubject)
	huma.Register(h, op(http.MethodGet, "/retention", "get-retention", desk.HoldRead, "Say what is kept, how far back, and what was deleted"), a.retention)
	huma.Register(h, op(http.MethodGet, "/holds", "list-holds", desk.HoldRead, "List legal holds"), a.listHolds)
	huma.Register(h, op(http.MethodPost, "/holds", "add-hold", desk.HoldAdd, "Put a subject or a system under legal hold"), a.addHold)
	huma.Register(h, op(http.MethodPost, "/holds/{id}/lift", "lift-hold", desk.HoldLift, "Lift a legal hold"), a.liftHold)
	huma.Register(h, op(http.MethodPost, "/consents", "add-consent", desk.ConsentAdd, "Note what a subject agreed to"), a.addConsent)
	huma.Register(h, op(http.MethodPost, "/consents/list", "list-consents", desk.ConsentRead, "List consents, of a subject or all"), a.listConsents)
	huma.Register(h, op(http.MethodDelete, "/consents/{id}", "revoke-consent", desk.ConsentRevoke, "Revoke a consent"), a.revokeConsent)
	huma.Register(h, op(http.MethodPost, "/subjects/master", "rotate-master", desk.MasterRotate, "Make a new master key of subjects while calls go on"), a.rotateMaster)
	huma.Register(h, op(http.MethodGet, "/content/requests", "list-content-requests", desk.ContentApprove, "List requests to read what is kept that wait for a second person"), a.asked)
	huma.Register(h, op(http.MethodPost, "/content/requests/{id}", "approve-content-request", desk.ContentApprove, "Let somebody else read what they asked for, once"), a.approve)
}

func (a *api) findSubject(ctx context.Context, in *findInput) (*findBody, error) {
	f, err := a.cfg.Desk.FindSubject(ctx, actor(ctx), in.Body.Subject, in.Body.Kind)
	f.Places = append([]privacy.Location{}, f.Places...)
	return &findBody{f}, a.problem(err)
}

func (a *api) exportSubject(ctx context.Context, in *subjectInput) (*exportBody, error) {
	e, err := a.cfg.Desk.ExportSubject(ctx, actor(ctx), in.Body.Subject, in.Body.Reason)
	return &exportBody{e}, a.problem(err)
}

func (a *api) eraseSubject(ctx context.Context, in *subjectInput) (*eraseBody, error) {
	e, err := a.cfg.Desk.Erase(ctx, actor(ctx), in.Body.Subject, in.Body.Reason)
	return &eraseBody{e}, a.problem(err)
}

func (a *api) listHolds(ctx context.Context, _ *struct{}) (*holdsBody, error) {
	list, err := a.cfg.Desk.Holds(ctx, actor(ctx))
	return &holdsBody{append([]privacy.Hold{}, list...)}, a.problem(err)
}

func (a *api) addHold(ctx context.Context, in *holdInput) (*holdBody, error) {
	h, err := a.cfg.Desk.AddHold(ctx, actor(ctx), in.Body.Subject, in.Body.System, in.Body.Reason)
	return &holdBody{h}, a.problem(err)
}

func (a *api) liftHold(ctx context.Context, in *liftInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.LiftHold(ctx, actor(ctx), in.ID, in.Body.Reason))
}

func (a *api) addConsent(ctx context.Context, in *consentInput) (*consentBody, error) {
	b := in.Body
	c, err := a.cfg.Desk.AddConsent(ctx, actor(ctx), desk.Given{Subject: b.Subject, System: b.System, What: b.What, Purpose: b.Purpose, Days: b.Days})
	return &consentBody{c}, a.problem(err)
}

func (a *api) retention(ctx context.Context, _ *struct{}) (*struct{ Body desk.Retention }, error) {
	out, err := a.cfg.Desk.Retention(ctx, actor(ctx))
	return &struct{ Body desk.Retention }{out}, a.problem(err)
}

func (a *api) listConsents(ctx context.Context, in *ofSubjectInput) (*consentsBody, error) {
	list, err := a.cfg.Desk.Consents(ctx, actor(ctx), in.Body.Subject)
	return &consentsBody{append([]privacy.Consent{}, list...)}, a.problem(err)
}

func (a *api) revokeConsent(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.RevokeConsent(ctx, actor(ctx), in.ID))
}

func (a *api) rotateMaster(ctx context.Context, _ *struct{}) (*rotatedBody, error) {
	r, err := a.cfg.Desk.RotateMaster(ctx, actor(ctx))
	return &rotatedBody{r}, a.problem(err)
}

func (a *api) asked(ctx context.Context, _ *struct{}) (*askedBody, error) {
	list, err := a.cfg.Desk.Asked(ctx, actor(ctx))
	return &askedBody{append([]privacy.Glass{}, list...)}, a.problem(err)
}

func (a *api) approve(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, a.problem(a.cfg.Desk.ApproveContent(ctx, actor(ctx), in.ID))
}
