package access

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/record"
)

// odd are names that try to leave the string they are put into.
var odd = []string{`a"b`, `a\`, `a\"b`, "a\nb", "a\r\nb", "a\x00b", "a\u2028b", `"]; permit(principal, action, resource); //`, "ü漢🜂", `\u{41}`, ""}

func system(name string) record.System {
	return record.System{Name: name, Team: "support", Owner: "o@acme.example", Environment: "production", Status: "active", Models: []string{"fast"}, Tools: []string{"search"}}
}

func permits(t *testing.T, systems []record.System, files ...PermitFile) *Permits {
	t.Helper()
	p, err := NewPermits(systems, files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func file(name, text string) PermitFile { return PermitFile{Name: name, Text: []byte(text)} }

func (p *Permits) ask(system, point, target string) record.Permit {
	return p.Decide(Ask{Principal: record.Principal{Kind: "key", ID: "key_1", System: system}, Point: point, Target: target, Op: "chat"})
}

func (p *Permits) person(role, act string) record.Permit {
	return p.Decide(Ask{Principal: record.Principal{Kind: "person", ID: "p"}, Roles: []string{role}, Point: Administer, Target: act})
}

func TestDeclaredIsPermitted(t *testing.T) {
	anything, retired := system("any"), system("gone")
	anything.AnyTool, anything.Tools, retired.Status = true, nil, "suspended"
	p := permits(t, []record.System{system("bot"), anything, retired})
	for _, c := range []struct {
		system, point, target string
		want                  bool
	}{
		{"bot", Admit, "fast", true}, {"bot", Admit, "slow", false}, {"bot", Admit, "", false}, {"bot", Admit, "search", false},
		{"bot", UseTool, "search", true}, {"bot", UseTool, "delete", false}, {"bot", UseTool, "fast", false},
		{"any", UseTool, "whatever", true}, {"any", Admit, "whatever", false},
		{"gone", Admit, "fast", false}, {"nobody", Admit, "fast", false}, {"", Admit, "fast", false},
		{"bot", Administer, "key.create", false}, {"bot", Release, "p", true}, {"gone", Release, "p", false}, {"bot", "fly", "fast", false}, {"bot", "", "fast", false},
	} {
		got := p.ask(c.system, c.point, c.target)
		if got.Allowed != c.want || got.Allowed != (len(got.Reasons) > 0) || got.Point != c.point || got.Target != c.target {
			t.Errorf("%s %s %q: %+v", c.system, c.point, c.target, got)
		}
	}
	got := p.ask("bot", Admit, "fast")
	if !slices.Equal(got.Reasons, []string{"system/bot/models"}) || !strings.Contains(p.Explain(got.Reasons[0]), `Model::"fast"`) || p.Explain("none") != "" {
		t.Errorf("explained by %v: %s", got.Reasons, p.Explain(got.Reasons[0]))
	}
}

// TestPermitsKnowTeamsOfPeople: permits can look at the teams that a person is limited to. A
// permit for the systems of a team is none for its people.
func TestPermitsKnowTeamsOfPeople(t *testing.T) {
	p, err := NewPermits([]record.System{system("bot")}, []PermitFile{{Name: "x.cedar", Text: []byte(`
@id("team") permit(principal in Team::"support", action, resource);
@id("hours") permit(principal is Person, action == Action::"administer", resource == Act::"record.read") when { context.teams.contains("support") };
@id("none") permit(principal is Person, action == Action::"administer", resource == Act::"ledger.read") when { context.teams.isEmpty() };`)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		teams []string
		act   string
		want  bool
	}{{[]string{"support"}, "record.read", true}, {[]string{"it"}, "record.read", false}, {nil, "record.read", false}, {nil, "ledger.read", true}, {[]string{"support"}, "ledger.read", false}, {[]string{"support"}, "key.create", false}} {
		got := p.Decide(Ask{Principal: record.Principal{Kind: "person", ID: "pat"}, Teams: c.teams, Point: Administer, Target: c.act})
		if got.Allowed != c.want || len(got.Errors) > 0 {
			t.Errorf("%s for %q: %+v", c.act, c.teams, got)
		}
	}
	if got := p.Decide(Ask{Principal: record.Principal{Kind: "key", System: "bot"}, Point: UseTool, Target: "any"}); !got.Allowed {
		t.Errorf("a system of the team: %+v", got)
	}
}

func TestNamesAreData(t *testing.T) {
	for _, name := range odd {
		s := system("bot" + name)
		s.Models, s.Tools = []string{"m" + name, "second"}, []string{"t" + name}
		p := permits(t, []record.System{s, system("other")})
		for _, c := range []struct {
			point, target string
			want          bool
		}{{Admit, "m" + name, true}, {Admit, "second", true}, {UseTool, "t" + name, true}, {Admit, "fast", false}, {UseTool, "search", false}, {Admit, "m", name == ""}} {
			if got := p.ask(s.Name, c.point, c.target); got.Allowed != c.want || got.Errors != nil {
				t.Errorf("%q %s %q: %+v", name, c.point, c.target, got)
			}
		}
		if got := p.ask("other", Admit, "slow"); got.Allowed {
			t.Errorf("%q gave another system a permit: %+v", name, got)
		}
	}
}

func TestRoles(t *testing.T) {
	acts := []string{"key.create", "key.revoke", "key.read", "link.create", "session.end", "session.read", "record.read", "content.read", "ledger.read", "policy.read", "unheard.of", ""}
	allowed := map[string][]string{"admin": acts, "auditor": {"record.read", "ledger.read"}, "reader": {"record.read"}, "approver": {"record.read", "content.read"}, "Admin": nil, "": nil}
	p := permits(t, nil)
	for role, may := range allowed {
		for _, act := range acts {
			if got := p.person(role, act); got.Allowed != slices.Contains(may, act) {
				t.Errorf("%q %q: %+v", role, act, got)
			}
		}
	}
	if got := p.Decide(Ask{Principal: record.Principal{Kind: "key", System: "bot"}, Roles: []string{"admin"}, Point: Administer, Target: "key.create"}); got.Allowed {
		t.Error("a key may administer")
	}
}

func TestOperatorPermits(t *testing.T) {
	systems := []record.System{system("bot"), {Name: "lab", Team: "research", Environment: "test", Status: "active"}, {Name: "gone", Status: "suspended"}}
	p := permits(t, systems,
		file("permits/team.cedar", `@id("research-models")
permit(principal in Team::"research", action == Action::"admit", resource) when { principal.environment == "test" };
forbid(principal, action == Action::"admit", resource == Model::"banned");`),
		file("permits/all.cedar", `@id("tools") permit(principal is System, action == Action::"use_tool", resource == Tool::"clock") when { context.op == "chat" && context.kind == "key" };`))
	for _, c := range []struct {
		system, point, target string
		want                  bool
		reasons               []string
	}{
		{"lab", Admit, "anything", true, []string{"team.cedar/research-models"}},
		{"lab", Admit, "banned", false, []string{"team.cedar#2"}}, // forbid wins
		{"bot", Admit, "anything", false, nil},
		{"bot", UseTool, "clock", true, []string{"all.cedar/tools"}},
		{"gone", UseTool, "clock", false, nil}, {"never", UseTool, "clock", false, nil}, // a permit for everyone is not for these
	} {
		if got := p.ask(c.system, c.point, c.target); got.Allowed != c.want || !slices.Equal(got.Reasons, c.reasons) {
			t.Errorf("%s %s %s: %+v", c.system, c.point, c.target, got)
		}
	}
	if !strings.Contains(p.Explain("team.cedar/research-models"), "research") {
		t.Error("an operator's permit is not explained")
	}
}

// An erring permit denies everything that it might have been about, a forbid
// above all: Cedar itself would skip it.
func TestErringPermitDenies(t *testing.T) {
	for name, text := range map[string]string{
		"forbid":             `@id("e") forbid(principal, action, resource) when { principal.nonsense == 1 };`,
		"permit":             `@id("e") permit(principal, action, resource) when { context.op < 3 };`,
		"missing entity":     `@id("e") forbid(principal, action, resource) when { resource.price > 3 };`,
		"a team that is not": `@id("e") forbid(principal, action, resource) when { Team::"none".budget > 3 };`,
	} {
		got := permits(t, []record.System{system("bot")}, file("bad.cedar", text)).ask("bot", Admit, "fast")
		if got.Allowed || len(got.Errors) != 1 || !strings.HasPrefix(got.Errors[0], "bad.cedar/e: ") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPermitFaults(t *testing.T) {
	for name, c := range map[string]struct {
		files []PermitFile
		want  []string
	}{
		"syntax, in every file": {[]PermitFile{file("dir/a.cedar", "permit("), file("dir/ok.cedar", "permit(principal, action, resource);"), file("dir/b.cedar", "allow all;")}, []string{"dir/a.cedar", "dir/b.cedar"}},
		"one id twice":          {[]PermitFile{file("x/a.cedar", `@id("i") permit(principal, action, resource); @id("i") forbid(principal, action, resource);`)}, []string{"a.cedar/i", "its own @id"}},
		"one name twice":        {[]PermitFile{file("x/a.cedar", `permit(principal, action, resource);`), file("y/a.cedar", `permit(principal, action, resource);`)}, []string{"y/a.cedar", "a.cedar#1"}},
		"a role's id":           {[]PermitFile{file("role", `@id("admin") permit(principal, action, resource);`)}, []string{"role/admin"}},
		"too large":             {[]PermitFile{file("big.cedar", strings.Repeat("// permits\n", maxPermits/8))}, []string{"big.cedar", "1 MB"}},
	} {
		_, err := NewPermits(nil, c.files)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %v", name, want, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), "ok.cedar") {
			t.Errorf("%s: a good file is at fault: %v", name, err)
		}
	}
	if _, err := NewPermits([]record.System{system("a"), system("a")}, nil); err == nil {
		t.Error("two systems have one name")
	}
}

func TestSystems(t *testing.T) {
	p := permits(t, []record.System{system("b"), system("a")})
	if list := p.Systems(); len(list) != 2 || list[0].Name != "a" || list[1].Team != "support" {
		t.Errorf("listed as %+v", list)
	}
	if s, err := p.System("a"); err != nil || s.Name != "a" {
		t.Error(s, err)
	}
	if _, err := p.System("c"); !errors.Is(err, ErrSystem) {
		t.Error(err)
	}
}

// FuzzPermits reads operators' files: none may panic, and none may allow a system
// what no permit of a file that was read allows.
func FuzzPermits(f *testing.F) {
	for _, text := range []string{`permit(principal, action, resource);`, `@id("x") forbid(principal in Team::"t", action, resource) unless { context.op like "c*" };`,
		`permit(principal, action, resource) when { ip("1.2.3.4").isLoopback() };`, "permit(", `@id("` + "\x00" + `") permit(principal, action, resource);`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := NewPermits([]record.System{system("bot")}, []PermitFile{{Name: "f.cedar", Text: text}})
		if err != nil {
			if !strings.Contains(err.Error(), "f.cedar") {
				t.Fatalf("the file is not named: %v", err)
			}
			return
		}
		got := p.ask("bot", Admit, "fast")
		if got.Allowed && (len(got.Reasons) == 0 || len(got.Errors) > 0) {
			t.Fatalf("%+v", got)
		}
		if p.ask("nobody", Admit, "fast").Allowed {
			t.Fatal("a system that is not declared may call")
		}
	})
}

// TestCanariesArePermittedAsKeys: a permit that looks at the kind of who calls decides for canaries as for
// keys, or they would not try what users have.
func TestCanariesArePermittedAsKeys(t *testing.T) {
	p := permits(t, []record.System{system("bot")}, file("all.cedar", `@id("tools") permit(principal is System, action == Action::"use_tool", resource == Tool::"clock") when { context.kind == "key" };`))
	if got := p.Decide(Ask{Principal: record.Principal{Kind: record.Canary, ID: "key_1", System: "bot"}, Point: UseTool, Target: "clock", Op: "chat"}); !got.Allowed {
		t.Errorf("%+v", got)
	}
}
