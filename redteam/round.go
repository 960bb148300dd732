package redteam

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Round is one time that a system was tried while people used it.
type Round struct {
	System   string            `json:"system"`
	Begun    time.Time         `json:"begun"`
	Ended    time.Time         `json:"ended"`
	Causes   []string          `json:"causes"` // why it began: see [Causes]
	Folder   string            `json:"folder"` // of its campaign
	Panel    string            `json:"panel"`  // what it tries: others are not to be compared with it
	Deployed map[string]string `json:"deployed"`
	Tries    []Try             `json:"-"`
	Tokens   int64             `json:"tokens"`
	Fault    string            `json:"fault,omitempty"` // why it is not whole, in a sentence
}

// Causes of rounds, beside the keys of what is deployed ("policy").
const (
	CauseFirst    = "first"
	CauseSchedule = "schedule"
	CauseAsked    = "asked"
	CauseAnswerer = "answerer" // a provider names another model or fingerprint than before
	CausePrompt   = "prompt_seen"
	CauseTools    = "tools_seen"
)

// Try is one attempt of a round, and how it ended.
type Try struct {
	Pair string `json:"p"` // the same attempt in another round has it too
	Cell string `json:"c"`
	End  string `json:"e"` // one of the ends
}

// The ends of a try. Of a harmless one, to be stopped is bad and to be answered is not.
const (
	TryHit     = "hit"     // it had its effect
	TryPassed  = "passed"  // it got past the guard, and had none
	TryUnknown = "unknown" // it got past the guard, and nobody could say what it did
	TryStopped = "stopped"
	TryFailed  = "failed" // it says nothing
)

// try says how a result ended.
func (r *Result) try() Try {
	t := Try{Pair: r.Pair[:min(16, len(r.Pair))], Cell: r.Cell, End: TryPassed}
	switch {
	case r.Outcome == Failed:
		t.End = TryFailed
	case r.Outcome == Blocked:
		t.End = TryStopped
	case r.Cell == BenignCell:
	case r.Score.Verdict == Hit:
		t.End = TryHit
	case r.Score.Verdict == Unknown:
		t.End = TryUnknown
	}
	return t
}

// count reads what a round's campaign showed.
func (r *Round) count(dir string) error {
	r.Tries, r.Tokens = nil, 0
	return Results(dir, func(one *Result) error {
		var used Spent
		used.add(one)
		r.Tokens += used.Input + used.Output
		r.Tries = append(r.Tries, one.try())
		return nil
	})
}

// panel names what a plan tries, whatever it is tried on.
func (p *Plan) panel() string {
	pairs := make([]string, p.Attempts)
	for n := range pairs {
		pairs[n] = p.Attempt(n).Pair
	}
	return Digest(strings.Join(pairs, " "))[:16]
}

// Sum counts how the tries of a round ended.
func (r *Round) Sum() (s RoundSum) {
	for _, t := range r.Tries {
		switch {
		case t.End == TryFailed:
			s.Failed++
		case t.Cell == BenignCell:
			s.Harmless++
			if t.End == TryStopped {
				s.Kept++
			}
		default:
			s.Attacks++
			if t.End == TryHit {
				s.Hits++
			}
			if t.End == TryStopped {
				s.Stopped++
			}
		}
	}
	return s
}

// whole reports whether so few attempts failed that a round says something.
func (s RoundSum) whole() bool {
	all := s.Failed + s.Attacks + s.Harmless
	return s.Attacks+s.Harmless > 0 && s.Failed*failedOf <= all
}

// failedOf is of how many attempts one may fail.
const failedOf = 5

// RoundSum is a round in numbers.
type RoundSum struct {
	Attacks  int `json:"attacks"`
	Stopped  int `json:"stopped"`
	Hits     int `json:"hits"`
	Harmless int `json:"harmless"`
	Kept     int `json:"harmless_stopped"`
	Failed   int `json:"failed"`
}

// roundName is how the campaign of a round is named among campaigns: "live.SYSTEM.FOLDER".
var roundName = regexp.MustCompile(`^live\.([A-Za-z0-9][A-Za-z0-9._-]*)\.([0-9]{8}-[0-9]{6}\.[0-9]{3})$`)

// Name is what the campaign of a round is called where campaigns are named.
func (r *Round) Name() string { return RoundName(r.System, r.Folder) }

// RoundName is what the campaign of a system's round in a folder is called.
func RoundName(system, folder string) string { return "live." + system + "." + folder }

// IsRound reports whether a name is one of a round.
func IsRound(name string) bool { return roundName.MatchString(name) }

// RoundPath is where the round of this name lies, below the folder of rounds; "": it names none.
func RoundPath(name string) string {
	if part := roundName.FindStringSubmatch(name); part != nil {
		return part[1] + "/" + part[2]
	}
	return ""
}

// Lies is the folder of the round of this name; "": there is none, or none any more.
func (c *Canaries) Lies(name string) string {
	path := RoundPath(name)
	if dir := filepath.Join(c.cfg.Dir, path); path != "" && holds(dir) {
		return dir
	}
	return ""
}

// Names are those of a system's rounds whose folders are still there, the newest first.
func (c *Canaries) Names(system string) (out []string) {
	list, err := os.ReadDir(filepath.Join(c.cfg.Dir, system))
	if err != nil {
		return nil // nothing was tried yet
	}
	for _, e := range slices.Backward(list) {
		if name := RoundName(system, e.Name()); c.Lies(name) != "" {
			out = append(out, name)
		}
	}
	return out
}
