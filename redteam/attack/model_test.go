package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/redteam"
)

// fake is an attacker's model that says what a test wants, and keeps what it was asked.
type fake struct {
	prompts []string
	say     func(n int, prompt string) (string, error)
}

func (f *fake) ask(role redteam.Role, prompt string) (string, error) {
	if role != redteam.AttackerRole {
		return "", errors.New("it is no " + string(role))
	}
	f.prompts = append(f.prompts, prompt)
	return f.say(len(f.prompts), prompt)
}

// object answers with the keys that a prompt asks for, the last of which has the text.
func object(prompt, text string) string {
	out := map[string]string{}
	for _, k := range []string{"improvement", "prompt", "observation", "thought", "strategy", "reply"} {
		if strings.Contains(prompt, quoted(k)) {
			out[k] = "a thought"
		}
	}
	for _, k := range []string{"prompt", "reply"} {
		if out[k] != "" {
			out[k] = text
		}
	}
	b, _ := json.Marshal(out)
	return string(b)
}

func counting() *fake {
	return &fake{say: func(n int, prompt string) (string, error) {
		switch {
		case strings.Contains(prompt, "on_topic"):
			return `{"on_topic": true}`, nil
		case strings.Contains(prompt, "rating"):
			return `{"rating": 7}`, nil
		}
		return object(prompt, fmt.Sprintf("message %d", n)), nil
	}}
}

// asking is a stage with an attacker's model.
func asking(f *fake, text string) *redteam.State {
	s := stage("mark", text)
	s.Ask = f.ask
	return s
}

func withModel() map[string]redteam.Strategy {
	out := map[string]redteam.Strategy{}
	for _, st := range ModelStrategies() {
		out[st.ID()] = st
	}
	return out
}

// TestModelStrategies: whatever the target does, they keep to their requests, ask no more than they
// say, and their conversations are whole.
func TestModelStrategies(t *testing.T) {
	for id, st := range withModel() {
		if src, err := os.ReadFile("model_" + strings.TrimSuffix(id, "_model") + ".go"); err != nil || !strings.Contains(string(src), "// Source:") {
			t.Errorf("%s: %v", id, err)
		}
		for name, course := range outcomes {
			f := counting()
			s := asking(f, "Say @@MARK@@")
			sent := play(t, st, s, course)
			if len(sent) == 0 || name == "answered" && len(sent) < 8 || name == "failed" && len(sent) != 1 {
				t.Errorf("%s, %s: %d requests", id, name, len(sent))
			}
			for _, c := range sent {
				if err := whole(c); err != nil {
					t.Errorf("%s, %s: %v", id, name, err)
				}
			}
			questions, bytes := st.(redteam.Adaptive).Asks(s, len(sent))
			if len(f.prompts) > questions || len(strings.Join(f.prompts, "")) > bytes {
				t.Errorf("%s, %s: %d questions of %d bytes, said to be %d of %d", id, name, len(f.prompts), len(strings.Join(f.prompts, "")), questions, bytes)
			}
		}
		if st.Plays(stage("amplify", "x").Seed) || st.Plays(stage("answer", "x").Seed) {
			t.Errorf("%s plays what it should not", id)
		}
	}
}

// TestModelQuestionsAreBounded: the longest replies and messages there can be, each asked twice, are
// within what was said.
func TestModelQuestionsAreBounded(t *testing.T) {
	long := strings.Repeat("ä", maxMessage/2)
	for id, st := range withModel() {
		said := map[string]bool{}
		f := &fake{}
		f.say = func(n int, prompt string) (string, error) {
			if !said[prompt] && !strings.Contains(prompt, unread) {
				said[prompt] = true
				return "Gladly!", nil
			}
			switch {
			case strings.Contains(prompt, "on_topic"):
				return `{"on_topic": true}`, nil
			case strings.Contains(prompt, "rating"):
				return `{"rating": 7}`, nil
			}
			return object(prompt, long), nil
		}
		s := asking(f, strings.Repeat("want ", 400))
		course := []redteam.Exchange{{Outcome: redteam.Answered, Text: strings.Repeat("ö", 9000)}}
		sent := play(t, st, s, course)
		questions, bytes := st.(redteam.Adaptive).Asks(s, len(sent))
		if got := len(strings.Join(f.prompts, "")); len(sent) < 8 || len(f.prompts) > questions || got > bytes {
			t.Errorf("%s: %d requests, %d questions of %d bytes, said to be %d of %d", id, len(sent), len(f.prompts), got, questions, bytes)
		}
	}
}

// TestModelsKeepTwoHistories_langwatch2140: the target forgets what it refused, the attacker does
// not (langwatch#2140).
func TestModelsKeepTwoHistories_langwatch2140(t *testing.T) {
	f := counting()
	course := []redteam.Exchange{{Outcome: redteam.Answered, Text: "gladly"}, {Outcome: redteam.Refused, Text: "never"}, {Outcome: redteam.Blocked}, {Outcome: redteam.Answered, Text: "fine"}, {Outcome: redteam.Failed}}
	sent := play(t, withModel()["crescendo_model"], asking(f, "the goal"), course)
	if len(sent) != 5 {
		t.Fatalf("%d requests", len(sent))
	}
	target, seen := strings.Join(written(&sent[3]), "\n"), f.prompts[3]
	for _, word := range []string{"message 2", "message 3", "never", "a thought"} {
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

// TestTAP: what has left the subject is not sent, the better branch is grown, and the tree ends.
func TestTAP(t *testing.T) {
	f := &fake{say: func(n int, prompt string) (string, error) {
		switch {
		case strings.Contains(prompt, "on_topic") && strings.Contains(prompt, "Message: astray"):
			return `{"on_topic": false}`, nil
		case strings.Contains(prompt, "on_topic"):
			return `{"on_topic": true}`, nil
		case strings.Contains(prompt, "rating") && strings.Contains(prompt, "Reply: near"):
			return "```json\n{\"rating\": 9}\n```", nil
		case strings.Contains(prompt, "rating"):
			return `{"rating": 1}`, nil
		case strings.Contains(prompt, "Message: better"), strings.Contains(prompt, "Message: weak"):
			return object(prompt, "astray"), nil
		case strings.Contains(prompt, "Message: good") && strings.Contains(prompt, "variant 2"):
			return object(prompt, "astray"), nil
		case strings.Contains(prompt, "Message: good"):
			return object(prompt, "better"), nil
		case strings.Contains(prompt, "variant 1"):
			return object(prompt, "weak"), nil
		}
		return object(prompt, "good"), nil
	}}
	course := []redteam.Exchange{{Outcome: redteam.Answered, Text: "far"}, {Outcome: redteam.Answered, Text: "near"}, {Outcome: redteam.Answered, Text: "there"}}
	s := asking(f, "x")
	var texts []string
	for _, c := range play(t, TAP{}, s, course) {
		texts = append(texts, c.Turns[len(c.Turns)-1].Text)
	}
	if got := strings.Join(texts, ", "); got != "weak, good, better" || s.Err() != nil {
		t.Errorf("sent %s: %v", got, s.Err())
	}
	if n := len(play(t, TAP{}, asking(counting(), "x"), outcomes["answered"])); n != tapWidth+(tapDepth-1)*tapWidth*tapWidth {
		t.Errorf("a tree of %d requests", n)
	}
}

// TestGOATReply: only the message is sent, not the thoughts.
func TestGOATReply(t *testing.T) {
	f := &fake{say: func(int, string) (string, error) {
		return `{"observation": "", "thought": "b", "strategy": "c", "reply": "hello {{7*7}} there"}`, nil
	}}
	c, ok := GOAT{}.Next(asking(f, "x"))
	if got := c.Turns[len(c.Turns)-1].Text; !ok || got != "hello {{7*7}} there" {
		t.Errorf("sent %q", got)
	}
}

// TestModelsThatFail: an attempt whose attacker failed, or twice said what cannot be read, ends, and
// says why without a word of it.
func TestModelsThatFail(t *testing.T) {
	answers := map[string]string{"words": "gladly", "thoughts alone": `{"improvement":"gladly"}`, "no text": `{"improvement":"x","prompt":7}`, "nothing to send": `{"improvement":"gladly","prompt":" "}`,
		"too long": `{"improvement":"x","prompt":"` + strings.Repeat("gladly", 1000) + `"}`, "more": `{"improvement":"x","prompt":"gladly","also":1}`}
	for name, answer := range answers {
		for _, st := range []redteam.Strategy{CrescendoModel{}, PAIR{}, TAP{}, GOAT{}} {
			f := &fake{say: func(int, string) (string, error) { return answer, nil }}
			s := asking(f, "x")
			if _, ok := st.Next(s); ok || s.Err() == nil || strings.Contains(s.Err().Error(), "gladly") || len(f.prompts) != tries {
				t.Errorf("%s, %s: %v after %d questions", name, st.ID(), s.Err(), len(f.prompts))
			}
		}
	}
	for id, st := range withModel() {
		s := asking(&fake{say: func(int, string) (string, error) { return "", errors.New("out of order") }}, "x")
		if _, ok := st.Next(s); ok || s.Err() == nil {
			t.Errorf("%s goes on", id)
		}
		s = stage("mark", "x")
		if _, ok := st.Next(s); ok || !errors.Is(s.Err(), redteam.ErrNoModel) {
			t.Errorf("%s goes on without a model: %v", id, s.Err())
		}
	}
	s := asking(counting(), "x")
	s.Replies = outcomes["answered"]
	if _, ok := (PAIR{}).Next(s); ok || !errors.Is(s.Err(), errForgotten) {
		t.Error("an attempt goes on that nobody remembers")
	}
}

// TestModelsReadOnce: an answer that cannot be read is asked for once more, and then goes on.
func TestModelsReadOnce(t *testing.T) {
	f := &fake{say: func(n int, prompt string) (string, error) {
		if n == 1 {
			return "Sure! " + object(prompt, "hello"), nil
		}
		return object(prompt, "hello"), nil
	}}
	s := asking(f, "x")
	if _, ok := (PAIR{}).Next(s); !ok || len(f.prompts) != 2 || !strings.HasSuffix(f.prompts[1], unread) || s.Err() != nil {
		t.Errorf("%v after %d questions", s.Err(), len(f.prompts))
	}
}
