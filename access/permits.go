package access

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"unicode"

	"github.com/cedar-policy/cedar-go"

	"github.com/bartizan-ai/bartizan/record"
)

// The points at which permits decide. "release" asks whether a provider may have a call: its
// context says the label, the region, the training and the purpose as well. "restore" asks whether a value that was masked may be put back for a caller.
const (
	Admit      = "admit"
	UseTool    = "use_tool"
	Release    = "release"
	Restore    = "restore"
	Administer = "administer"
)

// Permits decides with Cedar. A principal acts as its system: the request's
// principal is System::"name", in Team::"name", and the context holds who it is.
//
//	permit(principal == System::"support-bot", action == Action::"admit", resource)
//	  when { [Model::"fast"].contains(resource) };
//
// The teams of a person are in context.teams and the person is in no Team: a permit for all
// systems of a team would else be one for its people too, and at the desk.
//
// Cedar itself skips a policy that errs, a forbid too. Here any error denies: a
// forbid that cannot be read must not become a permission.
type Permits struct {
	set      *cedar.PolicySet
	entities cedar.EntityMap
	systems  map[string]record.System
	released remembered
}

// PermitFile is one of the operator's Cedar files.
type PermitFile struct {
	Name string
	Text []byte
}

// NewPermits generates the permits of the declared systems and adds the
// operator's. All files that cannot be read are in the error.
func NewPermits(systems []record.System, files []PermitFile) (*Permits, error) {
	p := &Permits{set: cedar.NewPolicySet(), entities: cedar.EntityMap{}, systems: map[string]record.System{}}
	for _, s := range systems {
		if _, again := p.systems[s.Name]; again {
			return nil, fmt.Errorf("access: two systems are called %s; give each its own name", s.Name)
		}
		p.systems[s.Name] = s
		p.declare(s)
		if err := p.add(generated(s)); err != nil {
			return nil, err
		}
	}
	if err := p.add(roles); err != nil {
		return nil, err
	}
	if faults := p.operator(files); faults != nil {
		return nil, fmt.Errorf("access: permits: %s", strings.Join(faults, "; "))
	}
	return p, nil
}

// add puts in permits of our own, by their ids.
func (p *Permits) add(texts map[string]string) error {
	for id, text := range texts {
		var policy cedar.Policy
		if err := policy.UnmarshalCedar([]byte(text)); err != nil {
			return fmt.Errorf("access: permit %s: %w", id, err)
		}
		if !p.set.Add(cedar.PolicyID(id), &policy) {
			return fmt.Errorf("access: two permits have the id %s", id)
		}
	}
	return nil
}

// maxPermits bounds one of the operator's files, in bytes.
const maxPermits = 1 << 20

// operator puts in the operator's permits and returns what is wrong with them.
func (p *Permits) operator(files []PermitFile) (faults []string) {
	for _, f := range files {
		if len(f.Text) > maxPermits {
			faults = append(faults, f.Name+": is larger than 1 MB; split it")
			continue
		}
		list, err := cedar.NewPolicyListFromBytes(f.Name, f.Text)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", f.Name, err))
			continue
		}
		for i, policy := range list {
			id := fmt.Sprintf("%s#%d", filepath.Base(f.Name), i+1)
			if name, ok := policy.Annotations()["id"]; ok {
				id = filepath.Base(f.Name) + "/" + string(name)
			}
			if !p.set.Add(cedar.PolicyID(id), policy) {
				faults = append(faults, fmt.Sprintf("%s: two permits have the id %s; give each its own @id", f.Name, id))
			}
		}
	}
	return faults
}

// roles is what people may do at the desk, by their role.
var roles = map[string]string{
	"role/admin":   `permit(principal is Person, action == Action::"administer", resource) when { context.roles.contains("admin") };`,
	"role/auditor": `permit(principal is Person, action == Action::"administer", resource) when { context.roles.contains("auditor") && [Act::"record.read", Act::"ledger.read", Act::"redteam.read"].contains(resource) };`,
	"role/reader":  `permit(principal is Person, action == Action::"administer", resource) when { context.roles.contains("reader") && [Act::"record.read", Act::"redteam.read"].contains(resource) };`,
	// What people wrote to a model is read by those who approve, and says so in
	// the ledger. They also agree to what a provider does with it.
	"role/approver": `permit(principal is Person, action == Action::"administer", resource) when { context.roles.contains("approver") && [Act::"record.read", Act::"content.read", Act::"content.approve", Act::"hold.read", Act::"provider.approve", Act::"redteam.read"].contains(resource) };`,
}

// generated returns the permits that a declaration means. A system that is not
// active has none.
func generated(s record.System) map[string]string {
	if s.Status != "active" {
		return nil
	}
	self := "System::" + quote(s.Name)
	out := map[string]string{
		"system/" + s.Name + "/models": fmt.Sprintf(`permit(principal == %s, action == Action::"admit", resource) when { %s.contains(resource) };`, self, list("Model", s.Models)),
	}
	tools := `permit(principal == ` + self + `, action == Action::"use_tool", resource)`
	if !s.AnyTool {
		tools += " when { " + list("Tool", s.Tools) + ".contains(resource) }"
	}
	out["system/"+s.Name+"/tools"] = tools + ";"
	// Whoever sent a value may have it back; policy says of which kinds. To take the right
	// from some callers, forbid it.
	// A call may go to every provider of its models that its label allows; to keep some away
	// from some, forbid it: forbid(principal, action == Action::"release", resource) when …
	out["system/"+s.Name+"/release"] = `permit(principal == ` + self + `, action == Action::"release", resource);`
	out["system/"+s.Name+"/restore"] = `permit(principal == ` + self + `, action == Action::"restore", resource);`
	return out
}

func list(kind string, names []string) string {
	items := make([]string, len(names))
	for i, n := range names {
		items[i] = kind + "::" + quote(n)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// quote writes a Cedar string. Names come from configuration, so they are data:
// what is not plain is written by its number.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == '"' || r == '\\' || !unicode.IsPrint(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

func (p *Permits) declare(s record.System) {
	system := cedar.NewEntityUID("System", cedar.String(s.Name))
	team := cedar.NewEntityUID("Team", cedar.String(s.Team))
	p.entities[team] = cedar.Entity{UID: team}
	p.entities[system] = cedar.Entity{UID: system, Parents: cedar.NewEntityUIDSet(team), Attributes: cedar.NewRecord(cedar.RecordMap{
		"environment": cedar.String(s.Environment),
		"owner":       cedar.String(s.Owner),
		"team":        cedar.String(s.Team),
		"status":      cedar.String(s.Status),
	})}
}

// Ask is one question: may this principal do that?
type Ask struct {
	Principal record.Principal
	Roles     []string // of a person
	Teams     []string // that a person is limited to
	Point     string   // Admit, UseTool, …
	Target    string   // model, tool, act
	Op        string
	// Context is what a permit may look at beside who asks: at release the label of the call,
	// the provider's region and whether it trains on what it gets.
	Context map[string]string
}

var targets = map[string]cedar.EntityType{Admit: "Model", UseTool: "Tool", Release: "Provider", Restore: "Entity", Administer: "Act"}

// Decide answers, and says which permits decided. Only a system that is declared
// and active may do anything, whatever permits say: a permit for everyone is not
// meant for one that was suspended.
func (p *Permits) Decide(a Ask) record.Permit {
	out := record.Permit{Point: a.Point, Target: a.Target}
	if _, known := targets[a.Point]; !known {
		return out
	}
	if a.Principal.Kind != "person" && p.systems[a.Principal.System].Status != "active" {
		return out
	}
	// Every call asks this of each of its candidates, and the permits of a plan never change.
	key, same := released(a)
	if same {
		if known, ok := p.released.get(key); ok {
			return known
		}
	}
	out = p.authorize(a, out)
	if same && len(out.Errors) == 0 {
		p.released.put(key, out)
	}
	return out
}

// authorize asks Cedar.
func (p *Permits) authorize(a Ask, out record.Permit) record.Permit {
	principal := cedar.NewEntityUID("System", cedar.String(a.Principal.System))
	if a.Principal.Kind == "person" {
		principal = cedar.NewEntityUID("Person", cedar.String(a.Principal.ID))
	}
	about := cedar.RecordMap{}
	for k, v := range a.Context {
		about[cedar.String(k)] = cedar.String(v)
	}
	kind := a.Principal.Kind
	if kind == record.Canary {
		kind = "key" // what the red team tries is what users have
	}
	about["kind"], about["id"] = cedar.String(kind), cedar.String(a.Principal.ID)
	about["op"], about["roles"] = cedar.String(a.Op), setOf(a.Roles)
	about["teams"] = setOf(a.Teams)
	decision, d := cedar.Authorize(p.set, p.entities, cedar.Request{
		Principal: principal,
		Action:    cedar.NewEntityUID("Action", cedar.String(a.Point)),
		Resource:  cedar.NewEntityUID(targets[a.Point], cedar.String(a.Target)),
		Context:   cedar.NewRecord(about),
	})
	for _, r := range d.Reasons {
		out.Reasons = append(out.Reasons, string(r.PolicyID))
	}
	for _, e := range d.Errors {
		out.Errors = append(out.Errors, string(e.PolicyID)+": "+e.Message)
	}
	sort.Strings(out.Reasons)
	sort.Strings(out.Errors)
	out.Allowed = decision == cedar.Allow && len(out.Errors) == 0
	return out
}

func setOf(names []string) cedar.Set {
	out := make([]cedar.Value, len(names))
	for i, n := range names {
		out[i] = cedar.String(n)
	}
	return cedar.NewSet(out...)
}

// Explain returns the text of a permit by its id, for people who ask why.
func (p *Permits) Explain(id string) string {
	if policy := p.set.Get(cedar.PolicyID(id)); policy != nil {
		return string(policy.MarshalCedar())
	}
	return ""
}

// System implements [Systems].
func (p *Permits) System(name string) (record.System, error) {
	s, ok := p.systems[name]
	if !ok {
		return record.System{}, fmt.Errorf("%w: %s", ErrSystem, name)
	}
	return s, nil
}

// Systems lists what is declared, by name.
func (p *Permits) Systems() []record.System {
	out := make([]record.System, 0, len(p.systems))
	for _, s := range p.systems {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
