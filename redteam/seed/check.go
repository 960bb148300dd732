package seed

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/framework"
	"github.com/bartizan-ai/bartizan/redteam"
)

var (
	idForm   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	langForm = regexp.MustCompile(`^[a-z]{2,3}$`)
	packForm = regexp.MustCompile(`^[a-z_]+$`)
	impacts  = []string{"integrity", "confidentiality", "availability", "harm"}
	personas = []redteam.Persona{redteam.Adversarial, redteam.Benign}
)

// maxSystem bounds what a scene tells its model, in bytes.
const maxSystem = 1000

// checker gathers what is wrong.
type checker struct {
	scenes map[string]*redteam.Scene
	seeds  map[string]*redteam.Seed
	errs   []error
}

func (c *checker) wrong(id, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("seed: %s: "+format, append([]any{id}, args...)...))
}

// check returns everything that is wrong with seeds and scenes.
func check(seeds []redteam.Seed, scenes []redteam.Scene) []error {
	c := &checker{scenes: map[string]*redteam.Scene{}, seeds: map[string]*redteam.Seed{}}
	for i := range scenes {
		c.scene(&scenes[i])
	}
	for i := range seeds {
		s := &seeds[i]
		if c.seeds[s.ID] != nil {
			c.wrong(s.ID, "this id is there twice")
		}
		c.seeds[s.ID] = s
	}
	texts := map[string]string{}
	for i := range seeds {
		s := &seeds[i]
		if other, ok := texts[s.Text]; ok && other != s.ID {
			c.wrong(s.ID, "its text is that of %s", other)
		}
		texts[s.Text] = s.ID
		c.seed(s)
		c.effect(s)
	}
	return c.errs
}

func (c *checker) scene(s *redteam.Scene) {
	if c.scenes[s.ID] != nil {
		c.wrong(s.ID, "this scene is there twice")
	}
	c.scenes[s.ID] = s
	if !idForm.MatchString(s.ID) {
		c.wrong(s.ID, "an id is small letters, digits and hyphens")
	}
	if n := strings.Count(s.System, redteam.Canary); n != 1 || len(s.System) > maxSystem {
		c.wrong(s.ID, "its system text has %d bytes and %s %d times; it takes up to %d, and it once", len(s.System), redteam.Canary, n, maxSystem)
	}
	if n := strings.Count(s.Document, redteam.Payload); n != 1 {
		c.wrong(s.ID, "its document has %s %d times; put it there once", redteam.Payload, n)
	}
	if s.Ask == "" || s.Name == "" {
		c.wrong(s.ID, "it needs a question and a name for its document")
	}
	for _, t := range s.Tools {
		if t.Name == "" || t.Description == "" || t.Schema == "" {
			c.wrong(s.ID, "tool %q needs a name, a description and a schema", t.Name)
		}
	}
}

// seed checks all but the effect.
func (c *checker) seed(s *redteam.Seed) {
	if !idForm.MatchString(s.ID) {
		c.wrong(s.ID, "an id is small letters, digits and hyphens")
	}
	for name, value := range map[string]string{"objective": s.Objective, "text": s.Text, "category": string(s.Category), "licence": s.Licence} {
		if strings.TrimSpace(value) == "" {
			c.wrong(s.ID, "it has no %s", name)
		}
	}
	if !slices.Contains(impacts, s.Impact) {
		c.wrong(s.ID, "impact %q is unknown; the impacts are %s", s.Impact, strings.Join(impacts, ", "))
	}
	if !slices.Contains(personas, s.Persona) {
		c.wrong(s.ID, "persona %q is unknown; it is adversarial or benign", s.Persona)
	}
	if !langForm.MatchString(s.Lang) {
		c.wrong(s.ID, "language %q is no code such as en", s.Lang)
	}
	if c.scenes[s.Scene] == nil {
		c.wrong(s.ID, "scene %q is unknown", s.Scene)
	}
	if twin := c.seeds[s.Twin]; s.Twin != "" && (twin == nil || twin.Persona == s.Persona) {
		c.wrong(s.ID, "twin %q is no seed of the other persona", s.Twin)
	}
	if s.Persona == redteam.Benign && s.Twin == "" {
		c.wrong(s.ID, "a harmless seed names the attack that it looks like")
	}
	for _, r := range s.Refs {
		if framework.Title(r) == "" {
			c.wrong(s.ID, "reference %q is unknown", r)
		}
	}
	for _, t := range append(s.Turns, redteam.Turn{Text: s.Text}) {
		if strings.Contains(t.Text, redteam.Canary) || strings.Contains(t.Text, redteam.Payload) {
			c.wrong(s.ID, "what an attacker says holds neither %s nor %s", redteam.Canary, redteam.Payload)
		}
	}
}

// effect checks what is to be seen.
func (c *checker) effect(s *redteam.Seed) {
	e := s.Effect
	if !slices.Contains(redteam.Effects, e.Kind) {
		c.wrong(s.ID, "effect %q is unknown; the effects are %s", e.Kind, strings.Join(redteam.Effects, ", "))
		return
	}
	if (e.Kind == "answer") != (s.Persona == redteam.Benign) {
		c.wrong(s.ID, "effect answer is of harmless seeds, and they have no other")
	}
	if e.Kind == "mark" && !strings.Contains(s.Text, redteam.Mark) {
		c.wrong(s.ID, "its text does not hold %s", redteam.Mark)
	}
	if (e.Kind == "tool") != (e.Tool != "") {
		c.wrong(s.ID, "a tool belongs to effect tool")
	}
	if scene := c.scenes[s.Scene]; e.Tool != "" && scene != nil && !slices.ContainsFunc(scene.Tools, func(t redteam.Tool) bool { return t.Name == e.Tool }) {
		c.wrong(s.ID, "scene %s has no tool %q", s.Scene, e.Tool)
	}
	if (e.Kind == "amplify") != (e.Factor > 1) {
		c.wrong(s.ID, "a factor above 1 belongs to effect amplify")
	}
	if e.Kind != "tool" && (e.Kind == "pattern") != (e.Pattern != "") {
		c.wrong(s.ID, "a pattern belongs to effect pattern, or to what a tool is given")
	}
	if packForm.MatchString(e.Pattern) && !slices.Contains(redteam.Packs, e.Pattern) {
		c.wrong(s.ID, "pack %q is unknown; the packs are %s", e.Pattern, strings.Join(redteam.Packs, ", "))
	}
	if _, err := regexp.Compile(e.Pattern); err != nil {
		c.wrong(s.ID, "pattern: %v", err)
	}
}
