package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/dialect"
	"github.com/bartizan-ai/bartizan/ledger"
)

// Proofs finds the proof that an exchange is in the log.
type Proofs func(ctx context.Context, id string) (*ledger.Proof, error)

// receiptPath returns the exchange that GET /bartizan/v1/exchanges/{id}/receipt
// asks about.
func receiptPath(r *http.Request) (id string, ok bool) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/bartizan/v1/exchanges/")
	if !ok || r.Method != http.MethodGet {
		return "", false
	}
	id, ok = strings.CutSuffix(rest, "/receipt")
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// receipt answers with leaf, proof and checkpoint of one of the caller's own
// exchanges. Those of others do not exist for them.
func (g *Gate) receipt(w http.ResponseWriter, r *http.Request, id string) {
	body, fault := g.proof(r, id)
	status := http.StatusOK
	if fault != nil {
		status, body = fault.Status, dialect.OpenAI{}.Fault(fault)
		merge(w.Header(), fault.Header())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (g *Gate) proof(r *http.Request, id string) ([]byte, *dialect.Fault) {
	p, err := g.cfg.Keys.Authenticate(r.Header)
	if err != nil {
		return nil, g.stranger(r, err)
	}
	none := &dialect.Fault{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "not_in_log", Retry: true,
		Message: "No exchange of your system with this id is in the log; one that just ended is within a second."}
	if g.cfg.Proofs == nil {
		return nil, none
	}
	proof, err := g.cfg.Proofs(r.Context(), id)
	if errors.Is(err, ledger.ErrNotYet) {
		return nil, none
	}
	if err != nil {
		return nil, unrecorded(err)
	}
	leaf, err := ledger.ParseLeaf(proof.Leaf)
	if err != nil || leaf.System != p.System {
		return nil, none
	}
	body, err := json.Marshal(proof)
	if err != nil {
		return nil, unrecorded(err)
	}
	return body, nil
}
