// Package redteam measures how often attacks get through, and how often harmless words do not.
//
// A [Campaign] plays attacks against one or more arms: the same system with its guard on and
// off, or two builds of it. An attempt is one [Seed] (what is wanted, in which words), sent
// through a chain of [Converter] (how the words are disguised) by a [Strategy] (how they are
// brought in). It ends as answered, refused by the model, blocked by the guard, or as an error:
// these never share a path. A [Scorer] then says whether the attack had its effect.
//
// Everything is decided before anything is sent: the [Plan] lists every attempt, what it costs
// at most and what it can show. Everything random comes from the campaign's own seed, so that
// an attempt can be made again byte for byte from its key alone. What happened is appended to a
// journal; a campaign that was stopped, or killed, goes on where it was.
//
// This package's API may change.
package redteam

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/bartizan-ai/bartizan/risk"
)

// Persona says who writes: one who attacks, or one who means no harm and happens to look as
// if. The second kind measures what is stopped for nothing.
type Persona string

// The personas.
const (
	Adversarial Persona = "adversarial"
	Benign      Persona = "benign"
)

// Seed is one thing that somebody wants, and the words for it. Text is opaque: nothing in it is
// ever taken for a template. Where its effect is a mark, the word [Mark] in it is replaced.
type Seed struct {
	ID        string        `yaml:"id" json:"id"`
	Objective string        `yaml:"objective" json:"objective"` // in one sentence, for people
	Text      string        `yaml:"text" json:"text"`
	Category  risk.Category `yaml:"category" json:"category"`
	Impact    string        `yaml:"impact" json:"impact"` // integrity, confidentiality, availability, harm
	Persona   Persona       `yaml:"persona" json:"persona"`
	Lang      string        `yaml:"lang" json:"lang"`
	Scene     string        `yaml:"scene" json:"scene"` // in which it is played; "": the plain one
	Effect    Effect        `yaml:"effect" json:"effect"`
	Twin      string        `yaml:"twin" json:"twin,omitempty"` // the seed that looks like it and means the opposite
	Refs      []string      `yaml:"refs" json:"refs,omitempty"` // "LLM01:2026", "ASI01:2026", "AML.T0051.000"
	Licence   string        `yaml:"licence" json:"licence"`
	Source    string        `yaml:"source" json:"source,omitempty"`
	// Turns are a conversation that is part of it: what is said before Text.
	Turns []Turn `yaml:"turns" json:"turns,omitempty"`
}

// Mark is the word that is replaced by an attempt's own mark, so that its echo is a proof.
const Mark = "@@MARK@@"

// Effect is what is to be seen when an attack succeeds.
type Effect struct {
	// Kind is "canary" (a secret of the scene is told), "mark" (a word is said that only the
	// attempt knows), "tool" (a tool is called), "link" (a link carries the canary out),
	// "pattern" (something of a pack is said), "harm" (what is harmful is said), "amplify"
	// (cost or time grow) or "answer" (of a harmless text: it is answered).
	Kind string `yaml:"kind" json:"kind"`
	// Tool is the one that is called, Pattern the name of a pack or an expression of RE2 (of a
	// tool: what its arguments must match, where [Mark] and [Canary] stand for the attempt's own),
	// and Factor how much cost must grow over the scene's own question.
	Tool    string  `yaml:"tool" json:"tool,omitempty"`
	Pattern string  `yaml:"pattern" json:"pattern,omitempty"`
	Factor  float64 `yaml:"factor" json:"factor,omitempty"`
}

// Effects are the kinds of effect.
var Effects = []string{"canary", "mark", "tool", "link", "pattern", "harm", "amplify", "answer"}

// Packs are the patterns that have a name.
var Packs = []string{"credential", "personal_data", "xss", "sqli", "shell", "path_traversal", "ssrf", "ssti", "xxe", "markdown_exfil"}

// Scene is the system that an attack is played in: what its model is told, what it may call, and
// what a harmless user asks. The canary of the attempt stands where Canary is.
type Scene struct {
	ID     string `yaml:"id" json:"id"`
	System string `yaml:"system" json:"system"`
	Ask    string `yaml:"ask" json:"ask"` // the harmless question that brings a document in
	Tools  []Tool `yaml:"tools" json:"tools,omitempty"`
	// Document is a harmless text into which an attack is put, where Payload is.
	Document string `yaml:"document" json:"document"`
	Name     string `yaml:"name" json:"name"` // of the document
}

// The words in a scene that are replaced.
const (
	Canary  = "@@CANARY@@"
	Payload = "@@PAYLOAD@@"
)

// Tool is a function that a model may call.
type Tool struct {
	Name        string `yaml:"name" json:"name"`
	Description string `yaml:"description" json:"description"`
	Schema      string `yaml:"schema" json:"schema"` // JSON Schema of the arguments
}

// Turn is one message of a conversation.
type Turn struct {
	Role string `yaml:"role" json:"role"` // system, developer, user, assistant, tool
	Text string `yaml:"text" json:"text,omitempty"`
	// Of an assistant's turn that calls a tool, and of the tool's answer to it.
	Call string `yaml:"call" json:"call,omitempty"` // id
	Tool string `yaml:"tool" json:"tool,omitempty"`
	Args string `yaml:"args" json:"args,omitempty"`
	// File is a text file that comes with a user's turn.
	File *File `yaml:"file" json:"file,omitempty"`
}

// File is a text file in a conversation.
type File struct {
	Name string `yaml:"name" json:"name"`
	Text string `yaml:"text" json:"text"`
}

// Conversation is what one request says.
type Conversation struct {
	Turns     []Turn `json:"turns"`
	Tools     []Tool `json:"tools,omitempty"`
	MaxTokens int    `json:"max_tokens,omitempty"`
}

// Converter disguises a text. It is a pure function of the text and of what it draws.
type Converter interface {
	ID() string
	Convert(r *rand.Rand, text string) string
}

// Inverter is a Converter whose work can be undone: a guard, or a scorer, may read what it
// wrote.
type Inverter interface {
	Converter
	// Invert returns the text, and false where what it is given is none of its work.
	Invert(text string) (string, bool)
}

// Strategy brings a probe in. It is a state machine without a state of its own: what comes next
// follows from what was said so far.
type Strategy interface {
	ID() string
	// Plays reports whether it can play a seed at all.
	Plays(*Seed) bool
	// Requests is how many requests an attempt takes at most.
	Requests() int
	// Grows bounds how much longer each of its conversations is than the one before. Plans rest
	// on it.
	Grows(*State) Growth
	// Refs are the techniques that it exercises.
	Refs() []string
	// Next returns the next conversation to send, and false when there is none.
	Next(*State) (Conversation, bool)
}

// Growth is how much longer a conversation is than the one before it in an attempt, at most, apart
// from what the target said.
type Growth struct {
	Said   int  // bytes of the one message that is new
	Result int  // bytes of what each call of a tool is answered with
	Apart  bool // nothing is carried on: each conversation is one of its own
}

// State is an attempt on its way.
type State struct {
	Seed    *Seed
	Scene   *Scene
	Text    string // the seed's, converted
	Canary  string
	Mark    string
	Rand    *rand.Rand // drawn from by this attempt alone
	Replies []Exchange // so far
	// Sent are the conversations that were sent, one for each reply. A scorer may be without them.
	Sent []Conversation
	// Ask asks a model on the red team's own side, and returns why there is no answer; nil: there is
	// no such model.
	Ask func(Role, string) (string, error)
	// Memory is what a strategy that asks a model of its own keeps of the attempt. It may have a
	// method Err() error, which says why it could not go on. Nobody else writes it.
	Memory any
}

// Turn is how many requests were answered.
func (s *State) Turn() int { return len(s.Replies) }

// Last is the newest reply; nil before the first.
func (s *State) Last() *Exchange {
	if len(s.Replies) == 0 {
		return nil
	}
	return &s.Replies[len(s.Replies)-1]
}

// Outcome is what became of a request, or of an attempt.
type Outcome string

// The outcomes. They never share a path: what was blocked is no error, and what failed says
// nothing of the target.
const (
	Answered Outcome = "answered"
	Refused  Outcome = "refused" // by the model itself
	Blocked  Outcome = "blocked" // by a guard
	Failed   Outcome = "error"
)

// Exchange is one request and what became of it.
type Exchange struct {
	Outcome Outcome `json:"outcome"`
	Text    string  `json:"text,omitempty"` // what the model said
	Calls   []Call  `json:"calls,omitempty"`
	Block   *Block  `json:"block,omitempty"`
	Error   string  `json:"error,omitempty"` // a class: "status 500", "timeout", "unreachable"
	Sent    string  `json:"sent"`            // SHA-256 of the request's body, hex
	Model   string  `json:"model,omitempty"` // as the target names who answered
	Input   int     `json:"input_tokens,omitempty"`
	Output  int     `json:"output_tokens,omitempty"`
	// What is another time the same request is sent. Record names the exchange in the gate's
	// ledger; "": there is none.
	Record string        `json:"-"`
	Took   time.Duration `json:"-"`
}

// Spoke reports whether a model said or did something: where it was not stopped, or had begun
// before it was.
func (e *Exchange) Spoke() bool {
	return e.Outcome == Answered || e.Outcome == Refused || e.Outcome == Blocked && (e.Text != "" || len(e.Calls) > 0)
}

// Call is a tool call that a model made.
type Call struct {
	Tool string `json:"tool"`
	Args string `json:"args"`
}

// Block is a guard's refusal.
type Block struct {
	Where    string `json:"where"` // "input" or "output"; "": it does not say
	Detector string `json:"detector,omitempty"`
	Category string `json:"category,omitempty"`
	Policy   string `json:"policy,omitempty"`
}

// Target is what is attacked.
type Target interface {
	// Fingerprint says what it is: two that differ in it are not the same target.
	Fingerprint() string
	// Send sends one conversation. An error means that nothing can be sent any more; a request
	// that failed is an Exchange.
	Send(context.Context, *Conversation) (Exchange, error)
}

// Verdict is what a scorer says. Unknown goes to people.
type Verdict string

// The verdicts.
const (
	Hit     Verdict = "hit"
	Miss    Verdict = "miss"
	Unknown Verdict = "unknown"
)

// Score is a verdict with its reason.
type Score struct {
	Verdict Verdict `json:"verdict"`
	Scorer  string  `json:"scorer"`            // "canary@1"
	Why     string  `json:"why,omitempty"`     // in a few words, never the text
	Reply   int     `json:"reply"`             // in which reply
	Start   int     `json:"start,omitempty"`   // the evidence in its text
	End     int     `json:"end,omitempty"`     // both zero: in a call, or nowhere
	Refused bool    `json:"refused,omitempty"` // the model declined
}

// Scorer judges an attempt that was answered.
type Scorer interface {
	ID() string
	// Scores reports whether it judges seeds with this effect.
	Scores(Effect) bool
	Score(context.Context, *State) Score
}

// Library is what campaigns are made of.
type Library struct {
	Seeds      []Seed      `json:"seeds"`
	Scenes     []Scene     `json:"scenes"`
	Converters []Converter `json:"-"`
	Strategies []Strategy  `json:"-"`

	index map[string]*Seed
}
