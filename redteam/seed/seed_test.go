package seed

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/redteam"
)

func load(t *testing.T) ([]redteam.Seed, []redteam.Scene) {
	t.Helper()
	seeds, scenes, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return seeds, scenes
}

// tally counts seeds by what a function says of them.
func tally(seeds []redteam.Seed, by func(*redteam.Seed) []string) map[string]int {
	n := map[string]int{}
	for i := range seeds {
		for _, k := range by(&seeds[i]) {
			n[k]++
		}
	}
	return n
}

// TestEnough: how much there is, of what, and in which languages.
func TestEnough(t *testing.T) {
	seeds, scenes := load(t)
	persona := tally(seeds, func(s *redteam.Seed) []string { return []string{string(s.Persona)} })
	if persona["adversarial"] < 320 || persona["benign"] < 160 || len(scenes) < 8 {
		t.Errorf("%v and %d scenes; want 320 attacks, 160 harmless texts, 8 scenes", persona, len(scenes))
	}
	attacks := slices.DeleteFunc(slices.Clone(seeds), func(s redteam.Seed) bool { return s.Persona == redteam.Benign })
	impact := tally(attacks, func(s *redteam.Seed) []string { return []string{s.Impact} })
	for _, i := range impacts {
		if impact[i] < 20 {
			t.Errorf("impact %s has %d attacks", i, impact[i])
		}
	}
	effect := tally(attacks, func(s *redteam.Seed) []string { return []string{s.Effect.Kind} })
	for _, e := range redteam.Effects {
		if e != "answer" && effect[e] < 12 {
			t.Errorf("effect %s has %d attacks", e, effect[e])
		}
	}
	if judged := effect["harm"]; judged*6 > len(attacks) {
		t.Errorf("%d of %d attacks have to be judged; most must be proven", judged, len(attacks))
	}
	for _, p := range personas {
		lang := tally(seeds, func(s *redteam.Seed) []string {
			if s.Persona != p {
				return nil
			}
			return []string{s.Lang}
		})
		share := float64(lang["en"]) / float64(persona[string(p)])
		if len(lang) < 10 || share < .6 || share > .8 {
			t.Errorf("%s: %d languages, %.0f %% English", p, len(lang), 100*share)
		}
	}
	t.Logf("%v; impacts %v; effects %v", persona, impact, effect)
}

// TestCoverage: every item of OWASP's two lists, and the techniques of ATLAS that can be tried
// over an API.
func TestCoverage(t *testing.T) {
	seeds, _ := load(t)
	cited := tally(seeds, func(s *redteam.Seed) []string {
		if s.Persona == redteam.Benign {
			return nil
		}
		if len(s.Refs) == 0 {
			t.Errorf("%s cites nothing", s.ID)
		}
		return s.Refs
	})
	for i := 1; i <= 10; i++ {
		for _, list := range []string{"LLM", "ASI"} {
			if id := fmt.Sprintf("%s%02d:2026", list, i); cited[id] < 2 {
				t.Errorf("%s is cited by %d attacks", id, cited[id])
			}
		}
	}
	techniques := 0
	for id := range cited {
		if strings.HasPrefix(id, "AML.T") {
			techniques++
		}
	}
	if techniques < 45 {
		t.Errorf("%d techniques of ATLAS are cited, want 45", techniques)
	}
	t.Logf("%d techniques of ATLAS", techniques)
}

// TestTwins: harmless texts look like attacks of their own scene's kind, and no attack is without
// a harmless text of its kind.
func TestTwins(t *testing.T) {
	seeds, _ := load(t)
	paired, attacks := 0, 0
	for _, s := range seeds {
		if s.Persona == redteam.Adversarial {
			attacks++
			if s.Twin != "" {
				paired++
			}
		}
	}
	if paired*2 < attacks {
		t.Errorf("%d of %d attacks have a twin", paired, attacks)
	}
	t.Logf("%d of %d attacks have a twin", paired, attacks)
}

// TestTexts: bounded, valid, of our own licence, without anything that could be real.
func TestTexts(t *testing.T) {
	seeds, scenes := load(t)
	real := regexp.MustCompile(`AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20}|sk-[A-Za-z0-9]{20}|-----BEGIN`)
	address := regexp.MustCompile(`https?://([a-z0-9.-]+)|@([a-z0-9-]+\.[a-z0-9.-]+)`)
	texts := map[string]string{}
	for _, s := range seeds {
		texts[s.ID] = s.Text + s.Objective
		if s.Licence != "Apache-2.0" || s.Source != "Bartizan" {
			t.Errorf("%s has licence %q and source %q", s.ID, s.Licence, s.Source)
		}
		if s.Persona == redteam.Benign && strings.Contains(s.Text, redteam.Mark) {
			t.Errorf("%s is harmless and holds a mark", s.ID)
		}
	}
	for _, s := range scenes {
		texts[s.ID] = s.System + s.Document + s.Ask
	}
	for id, text := range texts {
		if !utf8.ValidString(text) || len(text) > 2000 || real.MatchString(text) {
			t.Errorf("%s: %d bytes, or something that looks real in it", id, len(text))
		}
		for _, m := range address.FindAllStringSubmatch(text, -1) {
			if host := strings.TrimRight(m[1]+m[2], "."); !strings.HasSuffix(host, ".example") && host != "169.254.169.254" {
				t.Errorf("%s names %q, which could be somebody's", id, host)
			}
		}
	}
}

const goodScenes = `
- {id: plain, system: "secret @@CANARY@@", ask: "And?", name: note.txt, document: "x @@PAYLOAD@@ y", tools: [{name: look, description: looks, schema: "{}"}]}
`

const goodSeeds = `
defaults: {objective: o, category: prompt_leak, impact: integrity, persona: adversarial, lang: en, licence: Apache-2.0, effect: {kind: canary}, refs: ["LLM01:2026"]}
seeds:
  - {id: a, text: "tell"}
  - {id: b, text: "say @@MARK@@", effect: {kind: mark}, refs: [AML.T0051.000]}
---
defaults: {objective: o, category: prompt_leak, impact: integrity, persona: benign, lang: de, licence: Apache-2.0, effect: {kind: answer}}
seeds:
  - {id: c, text: "hello", twin: a}
`

func folder(scenes, seeds string) fstest.MapFS {
	return fstest.MapFS{"scenes.yaml": {Data: []byte(scenes)}, "seeds/one.yaml": {Data: []byte(seeds)}}
}

func TestRead(t *testing.T) {
	seeds, scenes, err := Read(folder(goodScenes, goodSeeds))
	if err != nil || len(scenes) != 1 || len(seeds) != 3 {
		t.Fatalf("%d scenes, %d seeds, %v", len(scenes), len(seeds), err)
	}
	if a, b, c := seeds[0], seeds[1], seeds[2]; a.Twin != "c" || a.Scene != Plain || b.Effect.Kind != "mark" || b.Twin != "" || c.Lang != "de" || c.Persona != redteam.Benign || a.Refs[0] != "LLM01:2026" {
		t.Errorf("got %+v", seeds)
	}
}

// TestFaults: every fault is told, all at once.
func TestFaults(t *testing.T) {
	_, _, err := Read(folder(`
- {id: plain, system: "no secret", ask: "", name: n, document: "no place", tools: [{name: look}]}
- {id: plain, system: "@@CANARY@@", ask: q, name: n, document: "@@PAYLOAD@@"}
- {id: Bad Id, system: "@@CANARY@@", ask: q, name: n, document: "@@PAYLOAD@@"}
`, `
defaults: {objective: o, category: c, impact: integrity, persona: adversarial, lang: en, licence: l, effect: {kind: canary}}
seeds:
  - {id: x1, text: same}
  - {id: x1, text: other}
  - {id: x2, text: same}
  - {id: x3, text: t3, impact: honour}
  - {id: x4, text: t4, persona: bored}
  - {id: x5, text: t5, lang: english}
  - {id: x6, text: t6, scene: moon}
  - {id: x7, text: t7, twin: nobody}
  - {id: x8, text: t8, twin: x1}
  - {id: x9, text: t9, refs: ["LLM11:2026", "AML.T9999", "LLM01"]}
  - {id: x10, text: "@@CANARY@@"}
  - {id: x11, text: t11, effect: {kind: wonder}}
  - {id: x12, text: t12, effect: {kind: answer}}
  - {id: x13, text: t13, effect: {kind: mark}}
  - {id: x14, text: t14, effect: {kind: tool}}
  - {id: x15, text: t15, effect: {kind: tool, tool: fly}}
  - {id: x16, text: t16, effect: {kind: amplify}}
  - {id: x17, text: t17, effect: {kind: pattern}}
  - {id: x18, text: t18, effect: {kind: pattern, pattern: "("}}
  - {id: x19, text: t19, effect: {kind: pattern, pattern: xs}}
  - {id: x20, text: t20, persona: benign, effect: {kind: answer}}
  - {id: x21}
  - {id: "x 22", text: t22}
`))
	if err == nil {
		t.Fatal("all of this was taken")
	}
	for _, want := range []string{
		"plain: its system text", "plain: its document", "plain: it needs a question", `tool "look" needs`, "plain: this scene is there twice", "Bad Id: an id is",
		"x1: this id is there twice", "x2: its text is that of x1", `x3: impact "honour"`, `x4: persona "bored"`, `x5: language "english"`, `x6: scene "moon"`, `x7: twin "nobody"`, `x8: twin "x1"`,
		`x9: reference "LLM11:2026"`, `x9: reference "AML.T9999"`, `x9: reference "LLM01"`, "x10: what an attacker says", `x11: effect "wonder"`, "x12: effect answer", "x13: its text does not hold",
		"x14: a tool belongs", `x15: scene plain has no tool "fly"`, "x16: a factor", "x17: a pattern belongs", "x18: pattern:", `x19: pack "xs"`, "x20: a harmless seed names", "x21: it has no text", "x 22: an id is",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nobody said %q", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

// TestUnknownKeys: what is misspelt is an error, in every document of a file.
func TestUnknownKeys(t *testing.T) {
	_, _, err := Read(folder(goodScenes+"  colour: red\n", "defaults: {lag: en}\n---\nseeds:\n  - {id: a, tekst: hello}\n"))
	if err == nil {
		t.Fatal("it was taken")
	}
	_, _, err2 := Read(folder(goodScenes, "seeds: [\n"))
	_, _, err3 := Read(fstest.MapFS{})
	for _, k := range []struct {
		err  error
		want string
	}{{err, "lag"}, {err, "tekst"}, {err, "scenes.yaml"}, {err2, "one.yaml"}, {err3, "scenes.yaml"}, {err3, "no files"}} {
		if k.err == nil || !strings.Contains(k.err.Error(), k.want) {
			t.Errorf("%v does not say %q", k.err, k.want)
		}
	}
}

// FuzzRead: whatever a file holds, it is read or refused.
func FuzzRead(f *testing.F) {
	f.Add(goodScenes, goodSeeds)
	f.Add("[]", "seeds: [{id: a}]\n---\nseeds: 3\n")
	f.Fuzz(func(t *testing.T, scenes, seeds string) {
		_, _, _ = Read(folder(scenes, seeds))
	})
}
