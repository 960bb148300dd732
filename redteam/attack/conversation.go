package attack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Fill puts what belongs to an attempt where a scene has the words for it: the payload, its
// canary and its mark. It does so in one pass, so that nothing that was put in is read again:
// an attacker cannot have the canary by asking for the word that stands for it.
func Fill(text, payload string, s *redteam.State) string {
	return strings.NewReplacer(redteam.Payload, payload, redteam.Canary, s.Canary, redteam.Mark, s.Mark).Replace(text)
}

// said is what the attacker says, with the attempt's mark. Nothing else in it is touched.
func said(text string, s *redteam.State) string {
	return strings.ReplaceAll(text, redteam.Mark, s.Mark)
}

// opening is what a conversation begins with: the scene's system text and tools, and what the
// seed has said before. How long an answer may be is left to the campaign, whose plan counts on it.
func opening(s *redteam.State) redteam.Conversation {
	c := redteam.Conversation{Tools: slices.Clone(s.Scene.Tools)}
	if s.Scene.System != "" {
		c.Turns = append(c.Turns, redteam.Turn{Role: "system", Text: Fill(s.Scene.System, "", s)})
	}
	for _, t := range s.Seed.Turns {
		t.Text = said(t.Text, s)
		c.Turns = append(c.Turns, t)
	}
	return c
}

// ask adds what the user says.
func ask(c redteam.Conversation, text string) redteam.Conversation {
	c.Turns = append(c.Turns, redteam.Turn{Role: "user", Text: text})
	return c
}

// answer adds what the model says.
func answer(c redteam.Conversation, text string) redteam.Conversation {
	c.Turns = append(c.Turns, redteam.Turn{Role: "assistant", Text: text})
	return c
}

// replied adds what the model answered, and to every call of a tool what the tool returned.
func replied(c redteam.Conversation, e *redteam.Exchange, result string) redteam.Conversation {
	if e.Text != "" || len(e.Calls) == 0 {
		c = answer(c, cmp.Or(e.Text, "(no answer)"))
	}
	for _, call := range e.Calls {
		c = returned(c, call.Tool, call.Args, result)
	}
	return c
}

// returned adds a call of a tool with its result.
func returned(c redteam.Conversation, tool, args, result string) redteam.Conversation {
	id := fmt.Sprintf("call_%d", len(c.Turns))
	c.Turns = append(c.Turns,
		redteam.Turn{Role: "assistant", Call: id, Tool: tool, Args: args},
		redteam.Turn{Role: "tool", Call: id, Tool: tool, Text: result})
	return c
}

// document is the scene's document with something in it.
func document(s *redteam.State, inside string) string { return Fill(s.Scene.Document, inside, s) }

// opener is the tool that brings documents into scenes that have none that does.
var opener = redteam.Tool{
	Name:        "open_document",
	Description: "Opens a document by its name and returns its text.",
	Schema:      `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`,
}

// reader returns the tool of a conversation that documents come in by, which it adds where there
// is none.
func reader(c *redteam.Conversation) redteam.Tool {
	for _, verb := range []string{"read_", "fetch_", "search_", "open_", "lookup_", "find_", "get_"} {
		for _, t := range c.Tools {
			if strings.HasPrefix(t.Name, verb) {
				return t
			}
		}
	}
	c.Tools = append(c.Tools, opener)
	return opener
}

// arguments are those with which a tool is called for a document: its first required one is the
// document's name.
func arguments(t redteam.Tool, name string) string {
	var schema struct {
		Required []string `json:"required"`
	}
	if json.Unmarshal([]byte(t.Schema), &schema) != nil || len(schema.Required) == 0 {
		return "{}"
	}
	return "{" + quoted(schema.Required[0]) + ":" + quoted(name) + "}"
}

// once is a strategy of one request.
type once struct{}

// Requests implements [redteam.Strategy].
func (once) Requests() int { return 1 }

// Grows implements [redteam.Strategy]: nothing comes after it.
func (once) Grows(*redteam.State) redteam.Growth { return redteam.Growth{} }

// only returns the conversation of a strategy of one request.
func only(s *redteam.State, build func() redteam.Conversation) (redteam.Conversation, bool) {
	if s.Turn() > 0 {
		return redteam.Conversation{}, false
	}
	return build(), true
}

// stopped reports whether nothing more is to be sent: what was blocked has been seen by a guard,
// and what failed says nothing.
func stopped(s *redteam.State) bool {
	last := s.Last()
	return last != nil && (last.Outcome == redteam.Blocked || last.Outcome == redteam.Failed)
}

// persuades reports seeds that a frame of words can help: attacks on what is said or done.
func persuades(s *redteam.Seed) bool {
	return s.Persona == redteam.Adversarial && s.Effect.Kind != "amplify"
}

// carried reports seeds that a document can bring in: attacks on integrity and confidentiality
// that need no conversation before them, and harmless texts that look like these. What asks for
// harm asks in its user's name; in a document it would be nobody's wish.
func carried(s *redteam.Seed) bool {
	return len(s.Turns) == 0 && (s.Impact == "integrity" || s.Impact == "confidentiality") && s.Effect.Kind != "harm" && s.Effect.Kind != "amplify"
}

// amplifies reports attacks on availability.
func amplifies(s *redteam.Seed) bool {
	return s.Persona == redteam.Adversarial && s.Effect.Kind == "amplify"
}
