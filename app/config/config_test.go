package config

import (
	"os"
	"testing"
)

func TestX(t *testing.T) {
	b, _ := os.ReadFile("/tmp/t.yaml")
	_, err := Parse("t.yaml", b)
	t.Log(err)
}
