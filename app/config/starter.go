package config

import _ "embed"

//go:embed starter.yaml
var starter []byte

// Starter is a commented file to start from. It is good as it is once
// OPENAI_API_KEY is set.
func Starter() []byte { return starter }
