package config

import "regexp"

// Privacy says how the rights of subjects are kept.
type Privacy struct {
	// KeyBackups is how long backups of the folder of keys and of the store live, as 30d:
	// certificates of erasure say it.
	KeyBackups string `yaml:"key_backups" json:"key_backups,omitempty"`
	// BreakGlass is "two_people" where reading what is kept needs a second person.
	BreakGlass string `yaml:"break_glass" json:"break_glass,omitempty"`
}

var wholeDays = regexp.MustCompile(`^[1-9][0-9]{0,4}d$`)

func (p *parser) privacy(s Privacy) {
	if s.KeyBackups != "" && !wholeDays.MatchString(s.KeyBackups) {
		p.at("privacy.key_backups", "must be a number of days such as 30d, not %q", s.KeyBackups)
	}
	if s.BreakGlass != "" && s.BreakGlass != "one_person" && s.BreakGlass != "two_people" {
		p.at("privacy.break_glass", "must be one_person or two_people, not %q", s.BreakGlass)
	}
}
