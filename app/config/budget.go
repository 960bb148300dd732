package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Budget is what a system may use, as a whole, by each of its keys, and by each
// person who calls through it.
type Budget struct {
	Requests  Rate   `yaml:"requests" json:"requests,omitempty"`
	Tokens    Rate   `yaml:"tokens" json:"tokens,omitempty"`
	Money     Rate   `yaml:"money" json:"money,omitempty"`
	Parallel  *int   `yaml:"parallel" json:"parallel,omitempty"` // calls that are open at once
	PerKey    Limits `yaml:"per_key" json:"per_key,omitempty"`
	PerPerson Limits `yaml:"per_person" json:"per_person,omitempty"`
}

// Whole is the part of a budget that holds for the system as a whole.
func (b Budget) Whole() Limits { return Limits{b.Requests, b.Tokens, b.Money, b.Parallel} }

// Limits are what one part of a budget says.
type Limits struct {
	Requests Rate `yaml:"requests" json:"requests,omitempty"`
	Tokens   Rate `yaml:"tokens" json:"tokens,omitempty"`
	Money    Rate `yaml:"money" json:"money,omitempty"`
	Parallel *int `yaml:"parallel" json:"parallel,omitempty"`
}

// Rate is an amount in a period, written as "5M/day", "600/minute" or, for money,
// "12.50/month".
type Rate struct {
	Micro int64 // millionths of what is counted
	Per   string
}

const (
	ratePattern = `^([0-9]{1,9})(\.[0-9]{1,6})?([kM]?)/(minute|hour|day|month)$`
	million     = 1_000_000
)

var rateForm = regexp.MustCompile(ratePattern)

// UnmarshalYAML reads the written form.
func (r *Rate) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if err := unmarshal(&word); err != nil {
		return err
	}
	rate, ok := parseRate(word)
	if !ok {
		return fmt.Errorf("%q is no limit; write an amount and a period, like 600/minute, 5M/day or 400/month", word)
	}
	*r = rate
	return nil
}

// parseRate reads an amount exactly: a limit must not depend on how a fraction is
// rounded.
func parseRate(word string) (Rate, bool) {
	m := rateForm.FindStringSubmatch(word)
	if m == nil {
		return Rate{}, false
	}
	whole, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Rate{}, false
	}
	digits := strings.TrimPrefix(m[2], ".")
	part, err := strconv.ParseInt(digits+strings.Repeat("0", 6-len(digits)), 10, 64)
	if err != nil {
		return Rate{}, false
	}
	times := map[string]int64{"": 1, "k": 1000, "M": million}[m[3]]
	limit := int64(1) << 62 / times
	if whole > (limit-part)/million {
		return Rate{}, false
	}
	return Rate{Micro: (whole*million + part) * times, Per: m[4]}, true
}

// budget checks what a budget means.
func (p *parser) budget(at string, b Budget) {
	p.limits(at, b.Whole())
	p.limits(at+".per_key", b.PerKey)
	p.limits(at+".per_person", b.PerPerson)
}

func (p *parser) limits(at string, l Limits) {
	for _, one := range []struct {
		name string
		Rate
	}{{"requests", l.Requests}, {"tokens", l.Tokens}, {"money", l.Money}} {
		name, r := one.name, one.Rate
		if r.Per == "" {
			continue
		}
		switch {
		case r.Micro == 0:
			p.at(at+"."+name, "must be more than nothing; a system that may do nothing has no models")
		case name != "money" && r.Micro%million != 0:
			p.at(at+"."+name, "must be a whole number of %s", name)
		}
	}
	if l.Parallel != nil && *l.Parallel < 1 {
		p.at(at+".parallel", "must be 1 or more; leave it out for no limit")
	}
}

// price checks what a price means.
func (p *parser) price(at string, v *Price) {
	if v == nil {
		return
	}
	for _, one := range []struct {
		name string
		n    *float64
	}{{"input", v.Input}, {"output", v.Output}, {"cached_input", v.CachedInput}} {
		name, n := one.name, one.n
		switch {
		case n == nil && name != "cached_input":
			p.at(at+"."+name, "is missing; write 0 for what costs nothing")
		case n != nil && *n < 0:
			p.at(at+"."+name, "must not be negative")
		case n != nil && *n > maxPrice:
			p.at(at+"."+name, "must be %d at most, for a million tokens", maxPrice)
		}
	}
}

// maxPrice bounds a price, so that no product of it overflows.
const maxPrice = 1_000_000
