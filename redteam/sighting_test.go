package redteam

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/store"
)

// TestSketch: versions of one text are alike, other texts are not, and nothing of a text stands in its
// sketch.
func TestSketch(t *testing.T) {
	prompt := func(date, name string) string {
		return "You are the assistant of Kettle and Sons. Today is " + date + ". You speak to " + name + ". Answer in short sentences, name the article number of each kettle that you speak of, " +
			"never promise a refund, and pass whoever wants to speak to a person on to the desk. Opening hours are nine to five. Prices are in the catalogue."
	}
	one, two := newSketch(5, prompt("Monday 3 May", "Ada")), newSketch(5, prompt("Friday 19 June 2026", "Grace Hopper"))
	other := newSketch(5, "You write release notes for engineers. List what changed, what breaks and what to do about it, each in one line, the newest first. Leave out what nobody can see.")
	keyed := newSketch(6, prompt("Monday 3 May", "Ada"))
	if !one.alike(&two) || one.alike(&other) || one.alike(&keyed) || !one.alike(&one) {
		t.Error("versions are unlike, or others alike")
	}
	if a, b := newSketch(1, "Be kind."), newSketch(1, "Be brief."); a.alike(&b) || !a.alike(&a) {
		t.Error("short texts")
	}
	b, err := json.Marshal(one)
	fatal(t, err)
	var back Sketch
	if err := json.Unmarshal(b, &back); err != nil || back != one {
		t.Errorf("%s: %v", b, err)
	}
	for _, bad := range []string{`"zz"`, `"00"`, `7`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s is a sketch", bad)
		}
	}
}

// TestSightings: what there was from the beginning is no news; a prompt or tools that come for the third
// time are, and only once.
func TestSightings(t *testing.T) {
	s := newSightings(3, Known{})
	call := func(system, tool string) []llm.Passage {
		return []llm.Passage{{Origin: llm.OriginSystem, Path: "messages[0].content", Text: system}, {Origin: llm.OriginUser, Text: "whatever"}, {Origin: llm.OriginToolSpec, Text: tool}, {Origin: llm.OriginSystem, Path: llm.Headers, Text: "x"}}
	}
	sell, write := "You sell kettles and nothing but kettles to people who want tea.", "You write poems about the sea and about ships that come home late."
	for _, c := range []struct {
		system, tool, answerer string
		news                   string
	}{
		{sell, "search", "m 1", ""}, {sell + " Today is Monday.", "search", "m 1", ""},
		{write, "search", "m 1", ""}, {write, "send", "", ""}, {sell, "send", "m 1", ""},
		{write, "send", "m 1", "prompt_seen tools_seen"}, {write, "search", "m 1", ""}, {write, "search", "m 2", "answerer"}, {write + " It is late.", "send", "m 1", ""},
	} {
		s.saw("fast", c.answerer, call(c.system, c.tool))
		if got := strings.Join(s.news(Known{}), " "); got != c.news {
			t.Errorf("%+v: %q", c, got)
		}
		k := s.take()
		s.tried(k)
		if len(k.Prompts) < 1 || len(k.Tools) < 1 || len(k.Answerers["fast"]) < 1 {
			t.Errorf("%+v", k)
		}
	}
	long := "Once upon a time there was a kettle that nobody wanted, and it stood on a shelf beside a lamp that had not been lit for years. "
	for range 2 * seenAgain { // what users, tools and models say is no prompt
		s.saw("fast", "m 2", append(call(sell, "search"), llm.Passage{Origin: llm.OriginUser, Text: long}, llm.Passage{Origin: llm.OriginModel, Text: long + "The end."}, llm.Passage{Origin: llm.OriginTool, Text: long}))
	}
	if got := s.news(Known{}); len(got) > 0 {
		t.Errorf("what was said in a conversation is news: %q", got)
	}
	for i := range 500 { // a caller whose every call is another one fills nothing
		s.saw(fmt.Sprint("model", i), fmt.Sprint("m", i), call(fmt.Sprintf("%d words %d that %d nobody %d knows", i, i*7, i*13, i*17), fmt.Sprint(i)))
	}
	k := s.take()
	if len(k.Prompts) > maxKnown || len(k.Tools) > maxKnown || len(k.Answerers) > maxKnown || len(s.fresh) > maxKnown || len(s.times) > 16*maxKnown || len(s.exact) > 16*maxKnown {
		t.Errorf("%d prompts, %d tools, %d models, %d fresh, %d times, %d exact", len(k.Prompts), len(k.Tools), len(k.Answerers), len(s.fresh), len(s.times), len(s.exact))
	}
}

// TestTokens: a canary is found in an answer as it was written, in capitals, and inside a longer word
// with dashes; what looks like one is not.
func TestTokens(t *testing.T) {
	c := newCage(t, database(t, store.Config{Path: filepath.Join(t.TempDir(), "redteam.db")}), t.TempDir(), ward(40), &model{name: "bot"})
	c.once(t.Context())
	if !c.Observes("bot") || c.Observes("cat") {
		t.Error("who is looked at")
	}
	var secret string
	for w := range c.seen["bot"].tokens {
		secret = w
	}
	for _, text := range []string{secret, "It is " + strings.ToUpper(secret) + ".", "x-" + secret + "-y", `{"code":"` + secret + `"}`} {
		if !c.Token(text) {
			t.Errorf("not found in %q", text)
		}
	}
	for _, text := range []string{"", "state-of-the-art", secret[:len(secret)-1], "anvil-barley-0000000", strings.ReplaceAll(secret, "-", " ")} {
		if c.Token(text) {
			t.Errorf("found in %q", text)
		}
	}
	for i := range 300 { // callers can have it as often as they like
		fatal(t, c.Leaked(t.Context(), "bot", fmt.Sprint("ex_", i+1)))
	}
	if a := <-c.alarms; a.Kind != AlarmToken || a.Series != "ex_1" || len(c.alarms) > 0 {
		t.Errorf("%+v", a)
	}
}
