package desk

import (
	"fmt"
	"slices"

	"github.com/bartizan-ai/bartizan/privacy"
)

// Notices are the data notices of all systems, or of one, as the configuration in force has
// them. Whoever may read records may read what people are told about them.
func (d *Desk) Notices(a Actor, system string) ([]privacy.Notice, error) {
	if err := d.May(a, RecordRead); err != nil {
		return nil, err
	}
	if d.cfg.Watch.Notices == nil {
		return nil, nil
	}
	all, err := d.cfg.Watch.Notices()
	w := d.wall(a)
	all = slices.DeleteFunc(all, func(n privacy.Notice) bool { return !w.system(n.System) })
	if err != nil || system == "" {
		return all, err
	}
	for _, n := range all {
		if n.System == system {
			return []privacy.Notice{n}, nil
		}
	}
	return nil, fmt.Errorf("%w: the system %s", ErrUnknown, clean(system))
}
