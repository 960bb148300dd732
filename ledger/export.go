package ledger

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// Formats are what [Archive.Export] can write.
var Formats = []string{"jsonl", "ocsf", "ecs", "cef"}

// Export writes the records of a folder that the log commits to, one a line,
// oldest first, without any content.
func Export(ctx context.Context, dir, format string, w io.Writer) error {
	a, err := OpenArchive(dir, "")
	if err != nil {
		return err
	}
	return errors.Join(a.Export(ctx, format, record.Query{}, w), a.Close())
}

// Export writes what a query selects, oldest first.
func (a *Archive) Export(ctx context.Context, format string, q record.Query, w io.Writer) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("ledger: exporting: there is no format %q", format)
	}
	q.Oldest, q.Content = true, false
	b := bufio.NewWriter(w)
	for r, err := range a.Records(ctx, q) {
		if err != nil {
			return err
		}
		line, err := exportLine(format, &r)
		if err == nil {
			_, err = b.Write(append(line, '\n'))
		}
		if err != nil {
			return fmt.Errorf("ledger: exporting: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("ledger: exporting: %w", err)
	}
	return nil
}

// exportLine writes one record in one format.
func exportLine(format string, r *record.Record) ([]byte, error) {
	e := describe(r)
	switch format {
	case "ocsf":
		return json.Marshal(e.ocsf())
	case "ecs":
		return json.Marshal(e.ecs())
	case "cef":
		return []byte(e.cef()), nil
	}
	return json.Marshal(e.jsonl(r))
}

// object is a JSON object without the fields that are empty.
type object map[string]any

// fields builds an object from names and values in turn. Collectors index every
// field they see, so empty ones are left out.
func fields(pairs ...any) object {
	o := object{}
	for i := 0; i+1 < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case string:
			if v == "" {
				continue
			}
		case object:
			if len(v) == 0 {
				continue
			}
		case []string:
			if len(v) == 0 {
				continue
			}
		}
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

// event is what the formats of others have words for.
type event struct {
	id, action, user, userKind, system, team, model, policy, end, target string
	status                                                               int
	at                                                                   time.Time
	took                                                                 time.Duration
	decision                                                             risk.Decision
	severity                                                             risk.Severity
	found                                                                bool
	categories, refs                                                     []string
	act, synthetic, failed                                               bool
	seq                                                                  uint64
	place                                                                string // "log@index"
	received, sent, answered, cost                                       int64
}

// describe reduces a record to what all formats share.
func describe(r *record.Record) *event {
	e := &event{id: r.ID(), at: r.At(), decision: r.Decision(), seq: r.Seq, place: fmt.Sprintf("%s@%d", r.Place.Log, r.Place.Index)}
	if a := r.Act; a != nil {
		e.act, e.action, e.user, e.userKind, e.target, e.end = true, a.Kind, a.By, "person", a.Target, a.Phase
		e.failed = a.Phase == "failed" || a.Phase == "refused"
		return e
	}
	in := r.Intent
	e.action, e.user, e.userKind, e.system, e.team = "exchange."+in.Op, in.Principal.ID, in.Principal.Kind, in.Principal.System, in.Principal.Team
	e.model, e.policy, e.synthetic, e.target = in.Model, in.Verdict.Policy, in.Synthetic, in.Candidate
	e.received, e.sent, e.end = in.Received.Bytes, in.Sent.Bytes, "interrupted"
	e.findings(&in.Verdict)
	if out := r.Outcome; out != nil {
		e.end, e.status, e.took, e.answered = out.End, out.Status, out.At.Sub(in.At), out.Answered.Bytes
		e.cost = out.Cost
		e.findings(&out.Verdict)
	}
	e.failed = e.end != "answered"
	return e
}

// findings takes the highest severity, and each category and reference once.
func (e *event) findings(v *risk.Verdict) {
	for _, f := range v.Findings {
		if f.Decision == risk.Allow {
			continue // observed, or allowed by policy: nothing happened
		}
		e.found, e.severity = true, max(e.severity, f.Severity)
		if c := string(f.Category); !slices.Contains(e.categories, c) {
			e.categories = append(e.categories, c)
		}
		for _, ref := range f.Refs {
			if s := ref.String(); !slices.Contains(e.refs, s) {
				e.refs = append(e.refs, s)
			}
		}
	}
}

// jsonl is the record as it is, with the digests that its JSON leaves out.
func (e *event) jsonl(r *record.Record) any {
	line := struct {
		record.Record
		Received string `json:"received_sha256,omitempty"`
		Sent     string `json:"sent_sha256,omitempty"`
		Answered string `json:"answered_sha256,omitempty"`
	}{Record: *r}
	if r.Intent != nil {
		line.Received, line.Sent = hexSum(r.Intent.Received), hexSum(r.Intent.Sent)
	}
	if r.Outcome != nil {
		line.Answered = hexSum(r.Outcome.Answered)
	}
	return line
}

// hexSum is empty for bytes that never were: their digest would look like evidence.
func hexSum(d record.Digest) string {
	if d.SHA256 == [32]byte{} {
		return ""
	}
	return hex.EncodeToString(d.SHA256[:])
}

// ocsf is an API Activity (class 6003) of OCSF 1.3.
func (e *event) ocsf() object {
	severity := 1 // informational
	if e.found {
		severity = int(e.severity) + 2
	}
	status, statusName := 1, "Success"
	if e.failed {
		status, statusName = 2, "Failure"
	}
	return fields("class_uid", 6003, "class_name", "API Activity", "category_uid", 6, "category_name", "Application Activity",
		"activity_id", 99, "activity_name", e.action, "type_uid", 600399, "time", e.at.UnixMilli(), "duration", e.took.Milliseconds(),
		"severity_id", severity, "status_id", status, "status", statusName, "status_detail", e.end,
		"metadata", fields("version", "1.3.0", "uid", e.id, "sequence", e.seq, "product", fields("name", "Bartizan", "vendor_name", "Bartizan")),
		"actor", fields("app_name", e.system, "user", fields("uid", e.user, "type", e.userKind)),
		"api", fields("operation", e.action, "service", fields("name", e.model)),
		"src_endpoint", fields("uid", e.user, "name", e.system),
		"unmapped", e.extra())
}

// ecs is an event of the Elastic Common Schema.
func (e *event) ecs() object {
	kind, allowed, result := "event", "allowed", "success"
	if e.decision >= risk.Hold {
		kind, allowed = "alert", "denied"
	}
	if e.failed {
		result = "failure"
	}
	category := "api"
	if e.act {
		category, allowed = "configuration", "change"
	}
	return fields("@timestamp", e.at.UTC().Format("2006-01-02T15:04:05.000Z"), "ecs", fields("version", "8.11.0"),
		"event", fields("id", e.id, "kind", kind, "category", []string{category}, "type", []string{allowed}, "action", e.action,
			"outcome", result, "reason", e.end, "sequence", e.seq, "duration", e.took.Nanoseconds(), "module", "bartizan", "dataset", "bartizan.ledger"),
		"user", fields("id", e.user), "service", fields("name", e.system), "group", fields("name", e.team), "bartizan", e.extra())
}

// extra is what the other formats have no words for.
func (e *event) extra() object {
	o := fields("decision", e.decision.String(), "model", e.model, "policy", e.policy, "target", e.target, "categories", e.categories, "refs", e.refs, "place", e.place)
	if e.synthetic {
		o["synthetic"] = true
	}
	if e.cost != 0 {
		o["cost_micro"] = e.cost
	}
	return o
}

// cef is ArcSight's Common Event Format, version 0.
func (e *event) cef() string {
	severity := 1
	if e.found {
		severity = 3 + 2*int(e.severity)
	}
	var b strings.Builder
	b.WriteString("CEF:0|Bartizan|Bartizan|1")
	for _, s := range []string{e.action + "." + e.decision.String(), e.action + " " + e.end, strconv.Itoa(severity)} {
		b.WriteByte('|')
		b.WriteString(cefHeader.Replace(s))
	}
	b.WriteByte('|')
	pairs := []string{"rt", strconv.FormatInt(e.at.UnixMilli(), 10), "externalId", e.id, "suid", e.user, "act", e.decision.String(), "outcome", e.end,
		"in", strconv.FormatInt(e.received, 10), "out", strconv.FormatInt(e.answered, 10)}
	for i, p := range [][2]string{{"system", e.system}, {"policy", e.policy}, {"model", e.model}, {"categories", strings.Join(e.categories, ",")},
		{"place", e.place}, {"target", e.target}} {
		if p[1] != "" {
			n := strconv.Itoa(i + 1)
			pairs = append(pairs, "cs"+n+"Label", p[0], "cs"+n, p[1])
		}
	}
	if e.synthetic {
		pairs = append(pairs, "cn1Label", "synthetic", "cn1", "1")
	}
	if e.cost != 0 {
		pairs = append(pairs, "cn2Label", "cost_micro", "cn2", strconv.FormatInt(e.cost, 10))
	}
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(pairs[i] + "=" + cefValue.Replace(pairs[i+1]))
	}
	return b.String()
}

// A line break would begin another event, in the header no escape exists for it.
var (
	cefHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ")
	cefValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`)
)
