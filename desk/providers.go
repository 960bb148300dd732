package desk

import (
	"context"
	"fmt"
	"strings"

	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// suspend says of providers which of them wait for an approval, and why.
func (d *Desk) suspend(list []Provider) {
	if d.cfg.Profiles == nil {
		return
	}
	for _, s := range d.cfg.Profiles.Suspended() {
		for i := range list {
			if list[i].Name == s.Provider {
				list[i].Suspended = &s
			}
		}
	}
}

// ApproveProvider agrees to the profile of a provider that changed: digest names the one that
// was looked at. From then on calls may go there again.
func (d *Desk) ApproveProvider(ctx context.Context, a Actor, name, digest, reason string) error {
	act := record.Act{Kind: ProviderApprove, Target: name, Reason: clean(reason), Detail: map[string]string{"profile": clean(digest)}}
	// What changed is told to those who may approve it, so not in the record of a refusal.
	if d.cfg.Profiles != nil && d.May(a, ProviderApprove) == nil {
		for _, s := range d.cfg.Profiles.Suspended() {
			if s.Provider == name {
				act.Detail["was"] = s.Approved
				act.Detail["changed"] = clean(changes(s))
			}
		}
	}
	return d.act(ctx, a, act, func() error {
		switch {
		case strings.TrimSpace(reason) == "":
			return fmt.Errorf("%w: approving what a provider does with data needs a reason", ErrInvalid)
		case d.cfg.Profiles == nil:
			return fmt.Errorf("%w: %s", privacy.ErrProvider, clean(name))
		}
		return d.cfg.Profiles.Approve(ctx, name, digest, a.Person, act.Reason)
	})
}

// changes names what is not as it was.
func changes(s privacy.Suspension) string {
	keys := make([]string, len(s.Changes))
	for i, c := range s.Changes {
		keys[i] = c.Key
	}
	return strings.Join(keys, ", ")
}
