package app

import (
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/guard/follow"
	"github.com/bartizan-ai/bartizan/mask/entity"
)

// Detectors lists every detector of this build: those of the guard, and the kinds of personal
// data, so that a text is read once for all of them.
func Detectors() []guard.Detector {
	all := append(detect.All(), follow.All()...)
	for _, d := range entity.Detectors() {
		all = append(all, d)
	}
	return all
}
