package redteam

import (
	"fmt"
	"strings"
	"time"
)

// Scope says who allowed an attack, on what, and until when. Without one nothing is attacked.
type Scope struct {
	AllowedBy string    `yaml:"allowed_by" json:"allowed_by"` // a person who may say so
	Reason    string    `yaml:"reason" json:"reason"`         // the ticket
	Until     time.Time `yaml:"until" json:"until"`
	// Targets are what may be attacked: fingerprints begin with one of them. A URL ends its
	// host and its path where it ends: https://a.example/v1 does not allow https://a.example.org.
	Targets []string `yaml:"targets" json:"targets"`
}

// Allows reports why a target may not be attacked now; nil: it may.
func (s *Scope) Allows(fingerprint string, now time.Time) error {
	switch {
	case s == nil:
		return fmt.Errorf("%w: there is no scope file that says who allowed it, on what and until when; write one and name it with --scope", ErrScope)
	case s.AllowedBy == "" || s.Reason == "":
		return fmt.Errorf("%w: the scope does not say who allowed it and why", ErrScope)
	case s.Until.IsZero() || !now.Before(s.Until):
		return s.over()
	}
	for _, t := range s.Targets {
		if t != "" && covers(t, fingerprint) {
			return nil
		}
	}
	return fmt.Errorf("%w: the scope of %s does not name the target %s", ErrScope, s.AllowedBy, fingerprint)
}

// over is the error of a scope that has ended.
func (s *Scope) over() error {
	return fmt.Errorf("%w: the scope ended on %s; ask %s for a new one", ErrScope, s.Until.Format(time.DateOnly), s.AllowedBy)
}

// covers reports whether what is allowed is the target, or a whole part of its name.
func covers(allowed, fingerprint string) bool {
	rest, ok := strings.CutPrefix(fingerprint, allowed)
	return ok && (rest == "" || strings.HasSuffix(allowed, "/") || strings.ContainsAny(rest[:1], "/ #?"))
}
