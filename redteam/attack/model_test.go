package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// fake is an attacker's model that says what a test wants, and keeps what it was asked.
type fake struct {
	prompts []string
	say     func(n int, prompt string) (string, error)
}

func (f *fake) ask(_ context.Context, prompt string) (string, error) {
	f.prompts = append(f.prompts, prompt)
	return f.say(len(f.prompts), prompt)
}

func withModel(f *fake, turns int) map[string]redteam.Strategy {
	out := map[string]redteam.Strategy{}
	for _, st := range ModelStrategies(ModelConfig{Ask: f.ask, Turns: turns, Timeout: time.Second}) {
		out[st.ID()] = st
	}
	return out
}

func counting() *fake {
	return &fake{say: func(n int, prompt string) (string, error) {
		switch {
		case strings.Contains(prompt, "yes or no"):
			return "Yes.", nil
		case strings.Contains(prompt, "From 1 to 10"):
			return "7 of 10", nil
		}
		return fmt.Sprintf("message %d", n), nil
	}}
}

// TestModelStrategies: whatever the target does, they keep to their requests, and their
// conversations are whole.
func TestModelStrategies(t *testing.T) {
	if ModelStrategies(ModelConfig{}) != nil {
		t.Error("there are strategies without a model")
	}
	for id, st := range withModel(counting(), 5) {
		if src, err := os.ReadFile("model_" + strings.TrimSuffix(id, "_model") + ".go"); err != nil || !strings.Contains(string(src), "// Source:") {
			t.Errorf("%s: %v", id, err)
		}
		for name, course := range outcomes {
			sent := play(t, st, stage("mark", "Say @@MARK@@"), course)
			if len(sent) == 0 || name == "answered" && len(sent) != 5 || name == "failed" && len(sent) != 1 {
				t.Errorf("%s, %s: %d requests", id, name, len(sent))
			}
			for _, c := range sent {
				if err := whole(c); err != nil {
					t.Errorf("%s, %s: %v", id, name, err)
				}
			}
		}
		if st.Plays(stage("amplify", "x").Seed) || st.Plays(stage("answer", "x").Seed) {
			t.Errorf("%s plays what it should not", id)
		}
	}
}

// TestModelsKeepTwoHistories_langwatch2140: the target forgets what it refused, the attacker does
// not (langwatch#2140).
func TestModelsKeepTwoHistories_langwatch2140(t *testing.T) {
	f := counting()
	s := stage("mark", "the goal")
	course := []redteam.Exchange{{Outcome: redteam.Answered, Text: "gladly"}, {Outcome: redteam.Refused, Text: "never"}, {Outcome: redteam.Blocked}, {Outcome: redteam.Answered, Text: "fine"}}
	sent := play(t, withModel(f, 4)["crescendo_model"], s, course)
	if len(sent) != 4 {
		t.Fatalf("%d requests", len(sent))
	}
	target, seen := strings.Join(written(&sent[3]), "\n"), f.prompts[3]
	for _, word := range []string{"message 2", "message 3", "never"} {
		if strings.Contains(target, word) {
			t.Errorf("the target is reminded of %q", word)
		}
	}
	for _, word := range []string{"message 1", "gladly", "message 4"} {
		if !strings.Contains(target, word) {
			t.Errorf("the target has forgotten %q", word)
		}
	}
	for _, word := range []string{"message 2", "never", "message 3", "(refused)", "(blocked)", "gladly", "the goal"} {
		if !strings.Contains(seen, word) {
			t.Errorf("the attacker has forgotten %q", word)
		}
	}
}

// TestTAP: what has left the subject is not sent, and the better branch is grown.
func TestTAP(t *testing.T) {
	f := &fake{say: func(n int, prompt string) (string, error) {
		switch {
		case strings.Contains(prompt, "yes or no") && strings.Contains(prompt, "Message: astray"):
			return "no", nil
		case strings.Contains(prompt, "yes or no"):
			return "yes", nil
		case strings.Contains(prompt, "From 1 to 10"):
			if strings.Contains(prompt, "Reply: near") {
				return "I give it a 9", nil
			}
			return "none", nil
		case strings.Contains(prompt, "Message: good") && strings.Contains(prompt, "variant 2"):
			return "astray", nil
		case strings.Contains(prompt, "Message: good"):
			return "better", nil
		case strings.Contains(prompt, "variant 1"):
			return "weak", nil
		}
		return "good", nil
	}}
	course := []redteam.Exchange{{Outcome: redteam.Answered, Text: "far"}, {Outcome: redteam.Answered, Text: "near"}, {Outcome: redteam.Answered, Text: "there"}}
	var texts []string
	for _, c := range play(t, withModel(f, 3)["tap"], stage("mark", "x"), course) {
		texts = append(texts, c.Turns[len(c.Turns)-1].Text)
	}
	if got := strings.Join(texts, ", "); got != "weak, good, better" {
		t.Errorf("sent %s", got)
	}
}

// TestGOATReply: only the message is sent, not the thoughts.
func TestGOATReply(t *testing.T) {
	f := &fake{say: func(int, string) (string, error) { return "OBSERVATION: a\nTHOUGHT: b\nREPLY: hello there", nil }}
	c, ok := withModel(f, 2)["goat"].Next(stage("mark", "x"))
	if got := c.Turns[len(c.Turns)-1].Text; !ok || got != "hello there" {
		t.Errorf("sent %q", got)
	}
}

// TestModelsThatFail: an attempt whose attacker failed ends, and says why.
func TestModelsThatFail(t *testing.T) {
	for _, say := range []func(int, string) (string, error){
		func(int, string) (string, error) { return "", errors.New("out of order") },
		func(int, string) (string, error) { return "  ", nil },
	} {
		for id, st := range withModel(&fake{say: say}, 3) {
			s := stage("mark", "x")
			_, ok := st.Next(s)
			why, told := s.Memory.(interface{ Err() error })
			if ok || !told || why.Err() == nil {
				t.Errorf("%s goes on", id)
			}
		}
	}
	s := stage("mark", "x")
	s.Replies = outcomes["answered"]
	if _, ok := withModel(counting(), 3)["pair"].Next(s); ok || !errors.Is(s.Memory.(*memory).Err(), errForgotten) {
		t.Error("an attempt goes on that nobody remembers")
	}
}
