package app

import (
	"fmt"
	"os"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
	"github.com/bartizan-ai/bartizan/redteam/target"
)

// OpenModels opens the models on the red team's own side that a campaign names; nil stands for those
// that it does not. Paths are taken from dir. Nothing is sent.
func OpenModels(dir string, c *redteam.Campaign) (attacker, judge redteam.Target, err error) {
	if c.Attacker != nil {
		if attacker, err = openEndpoint(dir, &c.Attacker.Endpoint); err != nil {
			return nil, nil, fmt.Errorf("attacker: %w", err)
		}
	}
	if c.Judge != nil {
		if judge, err = openEndpoint(dir, c.Judge); err != nil {
			return nil, nil, fmt.Errorf("judge: %w", err)
		}
	}
	return attacker, judge, nil
}

func openEndpoint(dir string, e *redteam.Endpoint) (redteam.Target, error) {
	transport, err := trusting(dir, e.CA)
	if err != nil {
		return nil, err
	}
	key := ""
	if e.KeyEnv != "" {
		if key = os.Getenv(e.KeyEnv); key == "" {
			return nil, fmt.Errorf("the environment has no %s; set it to the key, or leave key_env out", e.KeyEnv)
		}
	}
	return target.New(target.Config{Dialect: e.Dialect, URL: e.URL, Model: e.Model, Key: key, Transport: transport, Temperature: e.Temperature, Seed: e.Seed,
		Timeout: time.Duration(e.Seconds * float64(time.Second))})
}
