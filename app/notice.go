package app

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// notices are the data notices of all systems, made of the configuration that is in force.
func (a *App) notices() ([]privacy.Notice, error) {
	p := a.plan.Load() // with the file that it was made of: a reload may be on its way
	var out []privacy.Notice
	for _, s := range p.Permits.Systems() {
		n, err := notice(p.file, p.Permits, s, p.Policies[s.Name])
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// notice is what becomes of the data of those who use a system.
func notice(f *config.File, p *access.Permits, s record.System, c *guard.Compiled) (privacy.Notice, error) {
	policy := c.Policy()
	n := privacy.Notice{System: s.Name, Team: s.Team, Contact: s.Owner, Purpose: s.Purpose, Purposes: s.Purposes, Environment: s.Environment, MaxLabel: s.MaxLabel,
		Policy: c.ID(), Monitors: !c.Enforcing(), Allowed: len(policy.Allow), Consents: policy.Consent, Seconds: policy.Second.Stage, Records: policy.Keep.Records, Content: policy.Keep.Content, Backups: f.Privacy.KeyBackups,
		State: policy.ProviderState == "allow", Tools: s.Tools, AnyTool: s.AnyTool, Readers: readers(policy)}
	// Permits say what a system may do, whatever its declaration lists.
	may := func(point string) func(string) bool {
		return func(target string) bool {
			ask := access.Ask{Principal: record.Principal{Kind: "key", System: s.Name, Team: s.Team}, Point: point, Target: target, Op: "chat"}
			return p.Decide(ask).Allowed
		}
	}
	for _, kind := range kinds(policy) {
		hide(&n, kind, c, may(access.Restore))
	}
	for _, r := range policy.Rules {
		if a := string(r.Action); r.Entity == "" && (a == "mask" || a == "block" || a == "hold") {
			n.Rules = append(n.Rules, privacy.RuleNotice{ID: r.ID, Action: a})
		}
	}
	stage := f.Stages[policy.Second.Stage] // the zero one when nobody is asked
	by := map[string]*privacy.Recipient{}
	for _, model := range slices.Sorted(maps.Keys(f.Models)) {
		if !may(access.Admit)(model) && (model != stage.Model || stage.URL != "") {
			continue
		}
		for _, try := range f.Models[model].Try {
			name, _ := config.Candidate(try, model)
			if by[name] == nil {
				by[name] = &privacy.Recipient{Name: name, Profile: f.Providers[name].Profile()}
			}
			if !slices.Contains(by[name].Models, model) {
				by[name].Models = append(by[name].Models, model)
			}
		}
	}
	if stage.URL != "" {
		n.Recipients = append(n.Recipients, privacy.Recipient{Name: "second stage " + policy.Second.Stage, Models: []string{"doubtful texts"}, Profile: f.StageProfile(stage)})
	}
	if !n.AnyTool && len(f.Access.Permits) > 0 {
		n.Tools = append(slices.Clone(n.Tools), "those that permits of the operator add")
	}
	for _, r := range by {
		n.Recipients = append(n.Recipients, *r)
	}
	return n.Seal()
}

// kinds are the kinds of value of which a policy says something.
func kinds(p guard.Policy) []guard.Entity {
	out := slices.Clone(p.Mask.Entities)
	for _, r := range p.Rules {
		known := slices.ContainsFunc(out, func(e guard.Entity) bool { return e.Name == r.Entity })
		if r.Entity != "" && !known && (len(r.On) == 0 || slices.Contains(r.On, "input")) {
			out = append(out, guard.Entity{Name: r.Entity, Action: r.Action})
		}
	}
	return append(out, guard.Entity{Name: "secrets", Action: p.Secrets.Input})
}

// hide says what becomes of values of a kind.
func hide(n *privacy.Notice, e guard.Entity, c *guard.Compiled, restorable func(kind string) bool) {
	var except []string
	for origin, action := range e.From {
		if action != e.Action && action != "block" && action != "hold" && action != "mask" {
			except = append(except, origin)
		}
	}
	slices.Sort(except)
	switch e.Action {
	case "mask", "":
		as, restored := c.Hides(risk.Category(e.Name))
		restored = restored && restorable(e.Name)
		n.Hidden = append(n.Hidden, privacy.Hidden{Kind: e.Name, As: as, Restored: restored, Except: except})
	case "block", "hold":
		n.Stopped = append(n.Stopped, privacy.Stopped{Kind: e.Name, Except: except})
	}
}

// readers are who may see what of what is kept.
func readers(p guard.Policy) []privacy.Readers {
	out := []privacy.Readers{
		{Role: "reader", What: "records of calls, without the words"},
		{Role: "auditor", What: "records of calls and the log, without the words"},
	}
	if c := p.Keep.Content; c != "" && c != "none" {
		out = append(out, privacy.Readers{Role: "approver", What: "records of calls, and the masked words of one for a reason that is recorded"})
	} else {
		out = append(out, privacy.Readers{Role: "approver", What: "records of calls, without the words"})
	}
	return append(out, privacy.Readers{Role: "admin", What: "everything that the other roles see, and the configuration"})
}

// keepNotices keeps the text of every notice that was ever in force, by system@version, so
// that what people were told stays known.
func (a *App) keepNotices() error {
	all, err := a.notices()
	if err != nil {
		return err
	}
	for i := range all {
		path := a.dir(filepath.Join("notices", strings.ReplaceAll(all[i].System, "/", "_")+"@"+all[i].Version+".md"))
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("keeping the notice of %s: %w", all[i].System, err)
		}
		if err := os.WriteFile(path, []byte(all[i].Markdown()), 0o600); err != nil {
			return fmt.Errorf("keeping the notice of %s: %w", all[i].System, err)
		}
	}
	return nil
}
