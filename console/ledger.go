package console

import (
	"net/http"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/record"
)

// ledgerPage answers: is the record whole, and how do I check that myself?
type ledgerPage struct {
	ledger.Status
	Data string
	Acts []row
}

func (c *Console) ledgerPage(w http.ResponseWriter, r *http.Request, s *access.Session) {
	p := ledgerPage{Status: c.cfg.Ledger(), Data: c.cfg.Data}
	seen := map[string]bool{}
	for rec, err := range c.cfg.Desk.Records(r.Context(), actor(s), record.Query{Kind: "act", Limit: 40}) {
		if err != nil {
			c.failed(w, r, err)
			return
		}
		// The newest record of an act says how it ended, if it did.
		if !seen[rec.ID()] {
			seen[rec.ID()] = true
			p.Acts = append(p.Acts, newRow(rec))
		}
	}
	c.render(w, r, http.StatusOK, "ledger", "Ledger", s, p)
}
