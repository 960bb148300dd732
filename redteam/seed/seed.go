// Package seed brings the words that attacks are made of: what is wanted, in several languages,
// each with how its success is proven, and harmless texts that look like them; and the scenes,
// made-up systems that they are played in.
//
// All of it is data in this folder, written for Bartizan. Most attacks are proven and not
// judged: a secret is told that only the scene knew, a word is said that only the attempt knew,
// a tool is called. Texts that ask for what is harmful are objectives: none says how.
//
// [Load] reads strictly: what is misspelt, missing, there twice or pointing nowhere is an
// error, and all of them are told at once. May change.
package seed

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"go.yaml.in/yaml/v3"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Plain is the scene of seeds that name none.
const Plain = "plain"

//go:embed scenes.yaml seeds/*.yaml
var files embed.FS

// Load returns the seeds and scenes that Bartizan ships.
func Load() ([]redteam.Seed, []redteam.Scene, error) { return Read(files) }

// group is one document of a file: seeds, and what they have in common.
type group struct {
	Defaults redteam.Seed   `yaml:"defaults"`
	Seeds    []redteam.Seed `yaml:"seeds"`
}

// Read reads scenes.yaml and seeds/*.yaml of a folder. A file of seeds has documents with
// defaults, which a seed takes for every field that it leaves out. A harmless seed names its
// twin; an attack that names none has the first harmless one that names it.
func Read(folder fs.FS) ([]redteam.Seed, []redteam.Scene, error) {
	var scenes []redteam.Scene
	errs := []error{decode(folder, "scenes.yaml", &scenes)}
	names, err := fs.Glob(folder, "seeds/*.yaml")
	if err != nil || len(names) == 0 {
		errs = append(errs, errors.New("seed: there are no files seeds/*.yaml"))
	}
	var seeds []redteam.Seed
	for _, name := range names {
		groups, err := readGroups(folder, name)
		errs = append(errs, err)
		for _, g := range groups {
			for _, s := range g.Seeds {
				seeds = append(seeds, filled(s, g.Defaults))
			}
		}
	}
	pair(seeds)
	errs = append(errs, check(seeds, scenes)...)
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	return seeds, scenes, nil
}

func decode(folder fs.FS, name string, into any) error {
	b, err := fs.ReadFile(folder, name)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("seed: %s: %w", name, err)
	}
	return nil
}

func readGroups(folder fs.FS, name string) ([]group, error) {
	b, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var out []group
	var errs []error
	for {
		var g group
		err := d.Decode(&g)
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *yaml.TypeError
		if err != nil {
			errs = append(errs, fmt.Errorf("seed: %s: %w", name, err))
			if !errors.As(err, &wrong) { // it cannot be read any further
				break
			}
		}
		out = append(out, g)
	}
	return out, errors.Join(errs...)
}

// filled takes what a seed leaves out from the defaults.
func filled(s, d redteam.Seed) redteam.Seed {
	for _, f := range []struct {
		own *string
		def string
	}{
		{&s.Objective, d.Objective}, {&s.Impact, d.Impact}, {&s.Lang, d.Lang}, {&s.Scene, d.Scene}, {&s.Licence, d.Licence}, {&s.Source, d.Source},
		{(*string)(&s.Category), string(d.Category)}, {(*string)(&s.Persona), string(d.Persona)},
	} {
		if *f.own == "" {
			*f.own = f.def
		}
	}
	if s.Scene == "" {
		s.Scene = Plain
	}
	if s.Effect == (redteam.Effect{}) {
		s.Effect = d.Effect
	}
	if s.Refs == nil {
		s.Refs = d.Refs
	}
	return s
}

// pair gives attacks the twins that name them.
func pair(seeds []redteam.Seed) {
	named := map[string]string{}
	for _, s := range seeds {
		if s.Persona == redteam.Benign && named[s.Twin] == "" {
			named[s.Twin] = s.ID
		}
	}
	for i := range seeds {
		if s := &seeds[i]; s.Twin == "" && s.Persona == redteam.Adversarial {
			s.Twin = named[s.ID]
		}
	}
}
