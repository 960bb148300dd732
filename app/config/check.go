package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// nameOf is what systems, providers, models and policies may be called: it goes
// into permits, paths and logs.
var nameOf = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// modelName may hold slashes and colons: callers of other gates use them.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

// check finds what is wrong with the meaning of a file.
func (p *parser) check(f *File) {
	if f.Version != 1 {
		p.at("version", "must be 1")
	}
	if f.Data == "" {
		p.at("data", "is missing; name the folder where everything is kept")
	}
	p.listeners(f)
	if n := f.Gate.Places; n != nil && (*n < 16 || *n > 1<<20) {
		p.at("gate.places", "must be 16 to %d: a call takes four, an open stream one", 1<<20)
	}
	p.labels(f)
	p.providers(f)
	p.models(f)
	p.policies(f)
	p.stages(f)
	p.systems(f)
	p.permits(f)
	p.telemetry(f.Telemetry)
	p.privacy(f.Privacy)
	if d := f.Ledger.Durability; d != "" && d != "local" {
		p.at("ledger.durability", "must be local; %q is not supported yet", d)
	}
	if f.Store.Postgres != nil {
		p.secret("store.postgres", *f.Store.Postgres)
	}
	slices.SortStableFunc(f.notices, func(a, b Fault) int { return a.Line - b.Line })
}

func (p *parser) secret(path string, s Secret) {
	if s.File != "" {
		s.File = p.beside(s.File)
	}
	if _, err := s.Value(); err != nil {
		p.at(path, "%v", err)
	}
}

func (p *parser) listeners(f *File) {
	seen := map[string]bool{}
	for _, one := range []struct {
		path string
		Listener
	}{{"listen.gate", f.Listen.Gate}, {"listen.console", f.Listen.Console}, {"listen.operations", f.Listen.Operations}} {
		path, l := one.path, one.Listener
		if (l.Cert == "") != (l.Key == "") {
			p.at(path, "needs cert and key together, or neither")
		}
		for _, file := range []string{l.Cert, l.Key} {
			if file != "" {
				p.file(path, file)
			}
		}
		if l.Addr == "" {
			continue
		}
		_, port, err := net.SplitHostPort(l.Addr)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			p.at(path+".addr", "%q is no address; write host:port or :port", l.Addr)
		}
		if seen[l.Addr] && port != "0" {
			p.at(path+".addr", "is the address of another listener too; each needs its own")
		}
		seen[l.Addr] = true
	}
}

// file checks a file that the configuration names, from where it lies.
func (p *parser) file(path, name string) {
	name = p.beside(name)
	if i, err := os.Stat(name); err != nil || i.IsDir() {
		p.at(path, "the file %s cannot be read", name)
	}
}

// beside is where a file lies that the configuration names.
func (p *parser) beside(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(p.name), name)
}

func (p *parser) providers(f *File) {
	if len(f.Providers) == 0 {
		p.at("providers", "is missing; name at least one upstream")
	}
	known := dialect.Providers()
	for _, name := range names(f.Providers) {
		at, v := "providers."+name, f.Providers[name]
		if !nameOf.MatchString(name) {
			p.at(at, "a name is letters, digits, dots, dashes and underscores, 64 at most")
		}
		switch {
		case v.Dialect == "":
			p.at(at+".dialect", "is missing; it is one of %s", strings.Join(known, ", "))
		case !slices.Contains(known, v.Dialect):
			p.at(at+".dialect", "%q is not supported yet; it is one of %s", v.Dialect, strings.Join(known, ", "))
		}
		if v.Usage != "" && v.Usage != "leave" {
			p.at(at+".usage", "must be leave, or left out")
		}
		p.url(at, v.URL, v.Private)
		if v.Key != nil {
			p.secret(at+".key", *v.Key)
		}
		if v.CA != "" {
			p.file(at+".ca", v.CA)
		}
		p.handling(f, at, v.Profile())
	}
}

// url checks where something is sent.
func (p *parser) url(at, written string, private bool) {
	u, err := url.Parse(written)
	switch {
	case written == "":
		p.at(at+".url", "is missing; write the base URL, like https://api.example.com/v1")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		p.at(at+".url", "is no URL; write it like https://api.example.com/v1")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		p.at(at+".url", "must not hold credentials, a query or a fragment; a key goes under key")
	case u.Scheme == "http" && !private:
		p.at(at+".url", "plain HTTP needs `private: true` beside it")
	default:
		if host, is := privacy.Consumer(u); is {
			p.at(at+".url", "%s is made for people with accounts of their own, and no contract of yours holds there; use the API that the provider sells to organisations", host)
		}
	}
}

func (p *parser) telemetry(t Telemetry) {
	if t == (Telemetry{}) {
		return
	}
	u, err := url.Parse(t.OTLP)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		p.at("telemetry.otlp", "must be the base URL of a collector, like https://collector.example:4318")
	case u.Scheme == "http" && !t.Private:
		p.at("telemetry.otlp", "plain HTTP needs `private: true` beside it")
	}
	if t.Key != nil {
		p.secret("telemetry.key", *t.Key)
	}
	if t.CA != "" {
		p.file("telemetry.ca", t.CA)
	}
	if t.Sample < 0 || t.Sample > 1 {
		p.at("telemetry.sample", "must be a part of one, like 0.1")
	}
}

func (p *parser) models(f *File) {
	if len(f.Models) == 0 {
		p.at("models", "is missing; name at least one model that callers may use")
	}
	for _, name := range names(f.Models) {
		at := "models." + name
		if !modelName.MatchString(name) {
			p.at(at, "a model's name is letters, digits and . _ : / -, 128 at most")
		}
		p.price(at+".price", f.Models[name].Price)
		if len(f.Models[name].Try) == 0 {
			p.at(at+".try", "is missing; list at least one provider/model")
		}
		for i, t := range f.Models[name].Try {
			if provider, _ := Candidate(t, name); !has(f.Providers, provider) {
				p.at(fmt.Sprintf("%s.try[%d]", at, i), "there is no provider %q%s", provider, among(provider, names(f.Providers)))
			}
		}
	}
}

func has[T any](m map[string]T, k string) bool { _, ok := m[k]; return ok }

func (p *parser) policies(f *File) {
	for _, name := range names(f.Policies) {
		if !nameOf.MatchString(name) {
			p.at("policies."+name, "a name is letters, digits, dots, dashes and underscores, 64 at most")
		}
		policy := f.Policies[name]
		for _, err := range policy.Validate() {
			path, problem := policyFault(err)
			p.at(strings.TrimSuffix("policies."+name+"."+path, "."), "%s", problem)
		}
		if s := policy.Second.Stage; s != "" && !has(f.Stages, s) {
			p.at("policies."+name+".second.stage", "there is no stage %q%s", s, among(s, names(f.Stages)))
		}
		for path, label := range policy.Labels.Named() {
			p.label(f, "policies."+name+"."+path, label)
		}
		for i, use := range policy.Consent {
			p.use(f, fmt.Sprintf("policies.%s.consent[%d]", name, i), use)
		}
		p.undetected(f, "policies."+name+".labels.detected.", policy)
		for _, n := range policy.Notices(time.Now()) {
			at := "policies." + name + "." + n.Path
			f.notices = append(f.notices, Fault{Line: p.line(at), Path: at, Problem: n.Problem})
		}
		for i, e := range policy.Mask.Entities {
			own := slices.ContainsFunc(policy.Rules, func(r guard.Rule) bool { return r.Entity == e.Name })
			if !own && !slices.Contains(Entities, e.Name) {
				p.at(fmt.Sprintf("policies.%s.mask.entities[%d]", name, i), "%q is not supported yet; supported are %s", e.Name, strings.Join(Entities, ", "))
			}
		}
	}
}

// Entities lists the kinds of personal data that this version can see.
var Entities = []string{"pii.email", "pii.credit_card", "pii.iban", "pii.national_id", "pii.passport", "pii.driver_license", "pii.health", "pii.bank_account",
	"pii.crypto_wallet", "pii.date_of_birth", "pii.phone", "pii.ip_address", "pii.device_id", "pii.vehicle_id", "pii.username", "pii.url",
	"pii.person", "pii.address", "pii.organization", "pii.location"}

func (p *parser) systems(f *File) {
	if len(f.Systems) == 0 {
		p.at("systems", "is missing; every key belongs to a system, so declare one")
	}
	for _, name := range names(f.Systems) {
		at, s := "systems."+name, f.Systems[name]
		if !nameOf.MatchString(name) {
			p.at(at, "a name is letters, digits, dots, dashes and underscores, 64 at most")
		}
		for _, one := range [][2]string{{"team", s.Team}, {"owner", s.Owner}, {"purpose", s.Purpose}} {
			if one[1] == "" {
				p.at(at+"."+one[0], "is missing; a system without it cannot be answered for")
			}
		}
		p.purposes(at, s)
		if !slices.Contains([]string{"production", "test", "development"}, s.Environment) {
			p.at(at+".environment", "must be production, test or development")
		}
		if s.Policy != "" && s.Policy != "standard" && !has(f.Policies, s.Policy) {
			p.at(at+".policy", "there is no policy %q%s", s.Policy, among(s.Policy, names(f.Policies)))
		}
		if len(s.Models) == 0 {
			p.at(at+".models", "is missing; list the models that the system may use")
		}
		for i, m := range s.Models {
			if !has(f.Models, m) {
				p.at(fmt.Sprintf("%s.models[%d]", at, i), "there is no model %q%s", m, among(m, names(f.Models)))
			}
		}
		p.label(f, at+".max_label", s.MaxLabel)
		p.budget(at+".budget", s.Budget)
		p.canaries(f, at+".canaries", s)
	}
}

// purposes are words, so that a header, a permit and a consent can say the same.
func (p *parser) purposes(at string, s System) {
	if len(s.Purpose) > record.MaxPurpose {
		p.at(at+".purpose", "is longer than %d bytes; say it in one sentence", record.MaxPurpose)
	}
	for i, name := range s.Purposes {
		here := fmt.Sprintf("%s.purposes[%d]", at, i)
		if !nameOf.MatchString(name) {
			p.at(here, "a purpose is letters, digits, dots, dashes and underscores, 64 at most")
		} else if slices.Contains(s.Purposes[:i], name) {
			p.at(here, "%q is listed twice", name)
		}
	}
}

func (p *parser) permits(f *File) {
	for i, glob := range f.Access.Permits {
		glob = p.beside(glob)
		if m, err := filepath.Glob(glob); err != nil || len(m) == 0 {
			p.at(fmt.Sprintf("access.permits[%d]", i), "no file matches %s", glob)
		}
	}
}
