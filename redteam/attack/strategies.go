package attack

import "github.com/bartizan-ai/bartizan/redteam"

// Strategies returns every strategy that needs no model.
func Strategies() []redteam.Strategy { return nil }
