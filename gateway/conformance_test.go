package gateway

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the matrix gives now into the files that publish it")

// publish holds the measured matrix against the two files that show it: the one in the
// binary and the one in the documents. An empty cell fails.
func publish(t *testing.T, rows []ConformanceRow) {
	t.Helper()
	for _, r := range rows {
		if len(r.Cells) != 8 {
			t.Errorf("%s, %s, %s: %d cells of 8", r.Dialect, r.Side, r.Place, len(r.Cells))
		}
		for _, c := range r.Cells {
			if c.Result == "" || c.Tries == 0 && c.Result != "none" {
				t.Errorf("%s, %s, %s, %s, stream=%v is empty", r.Dialect, r.Side, r.Place, c.Action, c.Stream)
			}
		}
	}
	if t.Failed() {
		return
	}
	var data bytes.Buffer
	data.WriteString("[\n")
	for i, r := range rows {
		b, err := json.Marshal(r)
		must(t, err)
		data.Write(b)
		if i < len(rows)-1 {
			data.WriteByte(',')
		}
		data.WriteByte('\n')
	}
	data.WriteString("]\n")
	for name, want := range map[string]string{"conformance.json": data.String(), filepath.Join("..", "docs", "conformance.md"): table(rows)} {
		if *update {
			must(t, os.WriteFile(name, []byte(want), 0o644))
		}
		if have, err := os.ReadFile(name); err != nil || string(have) != want {
			t.Errorf("%s is not what the matrix gives; run this test with -update", name)
		}
	}
	have, err := Conformance()
	if err != nil || len(have) == 0 {
		t.Errorf("the published matrix has %d rows: %v", len(have), err)
	}
}

// table is the matrix for people.
func table(rows []ConformanceRow) string {
	var b strings.Builder
	b.WriteString(`# Conformance

What becomes of a forbidden text, in every dialect, wherever it stands, under each action
of policy. Each cell was measured by ` + "`go test ./gateway -run TestMatrix`" + `, which fails when
this table is not what the code does. The number says how often a cell was tried: a streamed
answer is cut in two at every byte, and each time the decision, the first finding and the edits
are those of the whole answer.

"blocked": nothing of it passed, and the caller was told in its own dialect. "masked": it was
replaced in place. "flagged": it passed, with a finding. "recorded": monitor mode; it passed,
and the record says what would have happened. A dash: the API has no such answer. Signed
thoughts may be judged and not edited, so what would be masked there is blocked.
`)
	name := ""
	for _, r := range rows {
		if r.Dialect != name {
			name = r.Dialect
			fmt.Fprintf(&b, "\n## %s\n\n| where | block | block, streamed | mask | mask, streamed | flag | flag, streamed | monitor | monitor, streamed |\n|---|---|---|---|---|---|---|---|---|\n", name)
		}
		fmt.Fprintf(&b, "| %s: %s |", r.Side, r.Place)
		for _, c := range r.Cells {
			switch {
			case c.Result == "none":
				b.WriteString(" – |")
			case c.Tries > 1:
				fmt.Fprintf(&b, " %s (%d) |", c.Result, c.Tries)
			default:
				fmt.Fprintf(&b, " %s |", c.Result)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
