package desk

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/record"
)

// Whole reports whether somebody acts for the whole organisation, not for teams of it.
func (a Actor) Whole() bool { return len(a.Teams) == 0 }

// ActorOf is who acts in a session.
func ActorOf(s *access.Session) Actor {
	return Actor{Person: s.Person, Roles: s.Roles, Teams: s.Teams}
}

// scope names the teams that somebody is limited to; "" is the whole organisation. Two that
// see the same have the same.
func (a Actor) scope() string {
	if a.Whole() {
		return ""
	}
	return fmt.Sprintf("%q", slices.Compact(slices.Sorted(slices.Values(a.Teams))))
}

// withinTeams are the acts that those limited to teams may do, on what is their teams'. All
// others concern everybody at once, and so does one that is added to Acts and not here.
var withinTeams = []string{KeyCreate, KeyRevoke, KeyRead, LinkCreate, SessionEnd, SessionRead, RecordRead, PolicyRead, ContentRead, ContentApprove}

// forAll refuses what concerns everybody at once.
func forAll() error {
	return refuse(http.StatusForbidden, ErrDenied, "This concerns the whole organisation, and your session is for some of its teams; ask somebody whose session is not limited to teams.")
}

// wall is what one actor may see: it stands between the teams of the organisation, and it
// stands here only. Whatever the desk shows or touches of a system goes through it. What is
// another team's is for the actor as if it did not exist, and where nobody can say whose
// something is, it is hidden. The zero wall hides everything.
type wall struct {
	whole   bool
	actor   Actor
	permits *access.Permits
	keys    func() map[string]bool // ids of those that may be seen; listed when it is first asked for
}

func (d *Desk) wall(a Actor) wall {
	w := wall{whole: a.Whole(), actor: a, permits: d.cfg.Permits()}
	w.keys = sync.OnceValue(func() map[string]bool {
		ids := map[string]bool{}
		for _, k := range d.cfg.Keys.List() {
			ids[k.ID] = w.system(k.System)
		}
		return ids
	})
	return w
}

// team reports whether what is a team's may be seen.
func (w wall) team(name string) bool {
	return w.whole || name != "" && slices.Contains(w.actor.Teams, name)
}

// within reports whether a scope is no wider than the actor's own.
func (w wall) within(teams []string) bool {
	return w.whole || len(teams) > 0 && !slices.ContainsFunc(teams, func(t string) bool { return !w.team(t) })
}

// declared returns a system that may be seen, or the error of one that nobody declared.
func (w wall) declared(name string) (record.System, error) {
	s, err := w.permits.System(name)
	if err == nil && !w.team(s.Team) {
		return record.System{}, fmt.Errorf("%w: %s", access.ErrSystem, name)
	}
	return s, err
}

// system reports whether what is a system's may be seen: that of one that is declared no more
// is the whole organisation's.
func (w wall) system(name string) bool {
	_, err := w.declared(name)
	return w.whole || err == nil
}

// systems are those that are declared and may be seen, by name.
func (w wall) systems() []record.System {
	return slices.DeleteFunc(w.permits.Systems(), func(s record.System) bool { return !w.team(s.Team) })
}

// key reports whether what is a key's may be seen; one that there is not is the whole
// organisation's.
func (w wall) key(id string) bool { return w.whole || w.keys()[id] }

// policies leaves those that a system uses which may be seen.
func (w wall) policies(all []*guard.Compiled) []*guard.Compiled {
	if w.whole {
		return all
	}
	used := map[string]bool{}
	for _, s := range w.systems() {
		used[s.Policy] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(c *guard.Compiled) bool { return !used[nameOf(c)] })
}

// nameOf is the name of a policy, without its digest.
func nameOf(c *guard.Compiled) string {
	name, _, _ := strings.Cut(c.ID(), "@")
	return name
}

// provider leaves of a provider what everybody may know who uses it: its name, how it does,
// and what it does with data. What went there is counted over all teams, so that is taken out,
// and so are models that the actor's systems may not use. It reports whether any is left.
func (w wall) provider(p *Provider) bool {
	if w.whole {
		return true
	}
	p.Calls, p.Failures, p.Input, p.Output, p.Cost, p.Failed = 0, 0, 0, 0, 0, []Failure{}
	p.Uses = slices.DeleteFunc(slices.Clone(p.Uses), func(u Use) bool { return !w.model(u.Model) })
	return len(p.Uses) > 0
}

// model reports whether one of the systems that may be seen may use a model.
func (w wall) model(name string) bool {
	return slices.ContainsFunc(w.systems(), func(s record.System) bool {
		ask := access.Ask{Principal: record.Principal{Kind: "key", System: s.Name, Team: s.Team}, Point: access.Admit, Target: name, Op: "chat"}
		return w.permits.Decide(ask).Allowed
	})
}

// session reports whether a session may be seen, and ended.
func (w wall) session(s access.Session) bool { return w.within(s.Teams) }

// replay reports whether a replay may be seen: those limited to teams see what they began
// themselves, and not what they began when they were limited otherwise.
func (w wall) replay(r *Replay) bool {
	return w.whole || r.By == w.actor.Person && r.scope == w.actor.scope()
}

// record reports whether a record may be seen. An exchange is the team's that its system had
// when it was called, wherever the system is now.
func (w wall) record(r *record.Record) bool {
	switch {
	case w.whole:
		return true
	case r.Act != nil:
		return w.act(r.Act)
	}
	return r.Intent != nil && w.team(r.Intent.Principal.Team)
}

// act reports whether an act may be seen: one's own, as far as it was done for no more than
// one's teams now, and what was done to their systems and keys. What others tried from
// behind another wall did nothing here, and says who is there.
func (w wall) act(a *record.Act) bool {
	if a.By == w.actor.Person && len(a.Teams) > 0 && w.within(a.Teams) {
		return true
	}
	if len(a.Teams) > 0 && !slices.ContainsFunc(a.Teams, w.team) {
		return false
	}
	switch a.Kind {
	case KeyCreate:
		return w.system(a.Target)
	case KeyRevoke:
		return w.key(a.Target)
	}
	return false
}

// see yields what a query selects of what may be seen. A limit counts what is yielded.
func (w wall) see(ctx context.Context, q record.Query, read func(context.Context, record.Query) iter.Seq2[record.Record, error]) iter.Seq2[record.Record, error] {
	if w.whole {
		return read(ctx, q)
	}
	left := q.Limit
	q.Limit = 0
	if q.Kind == "exchange" {
		q.Teams = w.actor.Teams // so that others' are not read at all
	}
	return func(yield func(record.Record, error) bool) {
		for r, err := range read(ctx, q) {
			if err == nil && !w.record(&r) {
				continue
			}
			if r.Act != nil {
				act := *r.Act
				act.Teams = nil // whoever did it may have been of more teams than the reader
				r.Act = &act
			}
			if !yield(r, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}
