package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Canaries says that the red team tries a system while people use it, what that may cost, and who
// allowed it.
type Canaries struct {
	AllowedBy string   `yaml:"allowed_by" json:"allowed_by"`
	Reason    string   `yaml:"reason" json:"reason"`
	Until     string   `yaml:"until" json:"until"`                         // the last day, as 2027-06-30
	Every     Duration `yaml:"every" json:"every,omitempty"`               // left out: 24h
	Attempts  int      `yaml:"attempts" json:"attempts,omitempty"`         // of a round; left out: 64
	PerMinute float64  `yaml:"per_minute" json:"per_minute,omitempty"`     // requests; left out: 10
	Tokens    int64    `yaml:"tokens_a_day" json:"tokens_a_day,omitempty"` // at most; left out: 500,000
	Model     string   `yaml:"model" json:"model,omitempty"`               // left out: the first of the system's
	Prompt    string   `yaml:"prompt" json:"prompt,omitempty"`             // file with the system's own prompt
}

// Filled takes what is left out from what is usual.
func (c Canaries) Filled(models []string) Canaries {
	if c.Every == 0 {
		c.Every = Duration(24 * time.Hour)
	}
	if c.Attempts == 0 {
		c.Attempts = 64
	}
	if c.PerMinute == 0 {
		c.PerMinute = 10
	}
	if c.Tokens == 0 {
		c.Tokens = 500_000
	}
	if c.Model == "" && len(models) > 0 {
		c.Model = models[0]
	}
	return c
}

// End is when the last day is over, in UTC.
func (c Canaries) End() time.Time {
	day, err := time.Parse(time.DateOnly, c.Until)
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}

// maxPrompt bounds a system's prompt, in bytes.
const maxPrompt = 256 << 10

// errPrompt means that a file is there and is no prompt.
var errPrompt = fmt.Errorf("must have 1 to %d bytes", maxPrompt)

// ReadPrompt reads the system's own prompt; "" where none is named.
func (c Canaries) ReadPrompt() (string, error) {
	if c.Prompt == "" {
		return "", nil
	}
	b, err := readPrompt(c.Prompt)
	if errors.Is(err, errPrompt) {
		return "", fmt.Errorf("the prompt of canaries, %s, %w", c.Prompt, err)
	}
	if err != nil {
		return "", fmt.Errorf("the prompt of canaries cannot be read: %w", err)
	}
	return string(b), nil
}

// readPrompt reads what a check of the configuration and a round take for a prompt.
func readPrompt(name string) ([]byte, error) {
	// Opening what is no file, as a pipe, may wait for ever.
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	b, err := io.ReadAll(io.LimitReader(f, maxPrompt+1))
	if err == nil && (len(b) == 0 || len(b) > maxPrompt) {
		err = errPrompt
	}
	return b, err
}

func (p *parser) canaries(f *File, at string, s System) {
	c := s.Canaries
	if c == nil {
		return
	}
	if c.AllowedBy == "" {
		p.at(at+".allowed_by", "is missing; say who allowed attacks on what people use")
	}
	if c.Reason == "" {
		p.at(at+".reason", "is missing; say why attacks are allowed, or where that is written")
	}
	switch end := c.End(); {
	case end.IsZero():
		p.at(at+".until", "must be the last day on which it is allowed, like 2027-06-30")
	case !time.Now().Before(end):
		f.notices = append(f.notices, Fault{Line: p.line(at + ".until"), Path: at + ".until", Problem: "is over, so the system is not tried any more; ask who allowed it for a new day"})
	}
	if c.Every != 0 && time.Duration(c.Every) < time.Minute {
		p.at(at+".every", "must be 1m or more")
	}
	if c.Attempts != 0 && (c.Attempts < 8 || c.Attempts > 2000) {
		p.at(at+".attempts", "must be 8 to 2000")
	}
	if c.PerMinute < 0 || c.PerMinute > 6000 {
		p.at(at+".per_minute", "must be more than 0, and 6000 at most")
	}
	if c.Tokens < 0 {
		p.at(at+".tokens_a_day", "must not be negative")
	}
	if c.Model != "" && !slices.Contains(s.Models, c.Model) {
		p.at(at+".model", "%q is none of the system's models%s", c.Model, among(c.Model, s.Models))
	}
	if c.Prompt != "" {
		c.Prompt = p.beside(c.Prompt) // where whoever reads it finds it too
		if _, err := readPrompt(c.Prompt); errors.Is(err, errPrompt) {
			p.at(at+".prompt", "the file %s %v", c.Prompt, err)
		} else if err != nil {
			p.at(at+".prompt", "the file %s cannot be read", c.Prompt)
		}
	}
}
