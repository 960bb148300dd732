package app

import (
	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/mask/entity"
)

// Detectors lists every detector of this build: those of the guard and the kinds
// of personal data.
func Detectors() []guard.Detector {
	all := detect.All()
	for _, e := range entity.All() {
		all = append(all, e)
	}
	return all
}
