package guard

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Inspector says what the guard makes of single texts, for programs ([Inspector.Lines])
// and for people ([Inspector.Text]). Unlike the gate it also reports what the
// policy lets pass.
type Inspector struct {
	Compiled  *Compiled
	Direction Direction
}

// ErrBadLine means that at least one line could not be read; its place in the
// output says so, and the run went on.
var ErrBadLine = errors.New("guard: at least one line could not be inspected")

// MaxLine bounds one line of input.
const MaxLine = 32 << 20

// request is one line in.
type request struct {
	ID   json.RawMessage `json:"id"`
	Text *string         `json:"text"`
	Role string          `json:"role"`
}

// report is one line out.
type report struct {
	ID       json.RawMessage    `json:"id,omitempty"`
	Decision risk.Decision      `json:"decision"`
	Scores   map[string]float64 `json:"scores"`
	Findings []reported         `json:"findings"`
	Masked   *string            `json:"masked,omitempty"`
	Took     int64              `json:"took_us"`
}

// reported is a finding as programs read it.
type reported struct {
	Category   risk.Category `json:"category"`
	Detector   string        `json:"detector"`
	Severity   risk.Severity `json:"severity"`
	Confidence float64       `json:"confidence"`
	Start      int           `json:"start"`
	End        int           `json:"end"`
	Decision   risk.Decision `json:"decision"`
	Line       string        `json:"line"` // its probability against the policy's lines
	Why        []string      `json:"why"`  // what the detector saw; quotes the text
	Refs       []string      `json:"refs"`
}

// fault is a line out for a line in that could not be read.
type fault struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

var roles = map[string]llm.Origin{"user": llm.OriginUser, "system": llm.OriginSystem, "developer": llm.OriginDeveloper,
	"tool": llm.OriginTool, "document": llm.OriginRetrieved, "model": llm.OriginModel}

// Lines reads JSON lines and writes one line for each, in order. It returns
// [ErrBadLine] when one of them could not be read.
func (in *Inspector) Lines(ctx context.Context, r io.Reader, w io.Writer) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var bad error
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return errors.Join(fmt.Errorf("guard: inspecting: %w", err), out.Flush())
		}
		line, tooLong, err := readLine(lines)
		if err == io.EOF && len(line) == 0 && !tooLong {
			break
		}
		if err != nil && err != io.EOF {
			return errors.Join(fmt.Errorf("guard: inspecting: %w", err), out.Flush())
		}
		if len(bytes.TrimSpace(line)) > 0 || tooLong {
			answer := in.line(ctx, n, line, tooLong)
			if _, isFault := answer.(fault); isFault {
				bad = ErrBadLine
			}
			if err := enc.Encode(answer); err != nil {
				return fmt.Errorf("guard: writing: %w", err)
			}
		}
		// Flushed only when the input pauses: fast for files, prompt for pipes.
		if lines.Buffered() == 0 { // whoever waits for the answer gets it
			if err := out.Flush(); err != nil {
				return fmt.Errorf("guard: writing: %w", err)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("guard: writing: %w", err)
	}
	return bad
}

// readLine reads one line of at most MaxLine bytes; a longer one is read past.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			tooLong, line = true, nil
		}
		if !tooLong {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, tooLong, err
		}
	}
}

// line inspects one line and returns a report or a fault. No fault quotes the
// line.
func (in *Inspector) line(ctx context.Context, n int, line []byte, tooLong bool) any {
	var q request
	switch {
	case tooLong:
		return fault{n, fmt.Sprintf("longer than %d bytes", MaxLine)}
	case json.Unmarshal(line, &q) != nil:
		return fault{n, "not a JSON object with a text"}
	case q.Text == nil:
		return fault{n, "text is missing"}
	}
	origin, ok := in.origin(q.Role)
	if !ok {
		return fault{n, "role is none of user, system, developer, tool, document, model"}
	}
	saw := in.inspect(ctx, *q.Text, origin)
	rep := report{ID: q.ID, Decision: saw.judgement.Verdict.Decision, Scores: saw.scores, Findings: []reported{}, Took: saw.took.Microseconds()}
	why := in.Compiled.reasons(passageOf(*q.Text, origin), saw.findings)
	for i, f := range saw.findings {
		one := reported{f.Category, f.Detector, f.Severity, f.Confidence, f.Start, f.End, f.Decision, in.Compiled.standing(in.Direction, f, origin), append([]string{}, why[i]...), []string{}}
		for _, r := range f.Refs {
			one.Refs = append(one.Refs, r.String())
		}
		rep.Findings = append(rep.Findings, one)
	}
	if len(saw.judgement.Changes) > 0 {
		masked := apply(*q.Text, saw.judgement.Changes)
		rep.Masked = &masked
	}
	return rep
}

// origin returns who is taken to have written a text.
func (in *Inspector) origin(role string) (llm.Origin, bool) {
	if role == "" {
		if in.Direction == Output {
			return llm.OriginModel, true
		}
		return llm.OriginUser, true
	}
	o, ok := roles[role]
	return o, ok
}

// inspection is all that is known of one text.
type inspection struct {
	judgement Judgement
	findings  []risk.Finding // those that policy lets pass, too
	scores    map[string]float64
	took      time.Duration
}

func (in *Inspector) inspect(ctx context.Context, text string, origin llm.Origin) inspection {
	passages := passageOf(text, origin)
	began := time.Now()
	saw := inspection{judgement: in.Compiled.Judge(ctx, in.Direction, passages)}
	saw.took = time.Since(began)
	all, scores := in.Compiled.everything(ctx, passages)
	saw.scores = scores
	saw.findings = saw.judgement.Verdict.Findings
	for _, f := range all {
		// What is unlikely is a score, not a finding.
		if f.Confidence >= likely && !known(saw.judgement.Verdict.Findings, f) {
			saw.findings = append(saw.findings, f)
		}
	}
	return saw
}

func known(found []risk.Finding, f risk.Finding) bool {
	for _, k := range found {
		if k.Detector == f.Detector && k.Category == f.Category && f.Start < k.End && k.Start < f.End {
			return true
		}
	}
	return false
}

// Scores are the highest calibrated probability of each category in a text of an origin, whatever
// policy wants: for those who measure, not for those who decide.
func (c *Compiled) Scores(ctx context.Context, text string, origin llm.Origin) map[string]float64 {
	_, scores := c.everything(ctx, passageOf(text, origin))
	return scores
}

// everything returns what all detectors find, wanted or not, and the highest
// probability of each category that a detector looked for. Kinds of value are
// scored only where one was found: there are too many to say no to each.
func (c *Compiled) everything(ctx context.Context, passages []llm.Passage) ([]risk.Finding, map[string]float64) {
	// A copy that wants everything; the policy in force is not touched.
	open := *c
	for dir := range open.wanted {
		open.wanted[dir] = make([]bool, len(c.engine.detectors))
		for i := range open.wanted[dir] {
			open.wanted[dir][i] = true
		}
	}
	s := c.engine.scratch.Get().(*scratch)
	defer c.engine.release(s)
	saw := open.look(ctx, Input, passages, s)
	scores := map[string]float64{"attack": 0}
	for i, d := range c.engine.detectors {
		for _, cat := range d.finds {
			if _, ok := families[cat]; ok && i < len(saw.checks) && saw.checks[i].State == risk.Ran {
				scores[string(cat)] = 0
			}
		}
	}
	for _, f := range saw.findings {
		scores[string(f.Category)] = max(scores[string(f.Category)], f.Confidence)
		// Harm has no score until a detector looks for it: zero would be a claim.
		if fam := family(f.Category); fam == "attack" {
			scores[fam] = max(scores[fam], f.Confidence)
		}
	}
	return saw.findings, scores
}

// apply returns text with the changes of its one passage made.
func apply(text string, changes []PassageChange) string {
	var b strings.Builder
	at := 0
	for _, c := range changes {
		b.WriteString(text[at:c.Start])
		b.WriteString(c.New)
		at = c.End
	}
	b.WriteString(text[at:])
	return b.String()
}
