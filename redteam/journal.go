package redteam

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Result is one attempt and what became of it. Everything but Trace is the same whenever the
// same attempt is made of a target that answers the same.
type Result struct {
	N        int        `json:"n"`
	Key      string     `json:"key"`
	Pair     string     `json:"pair"`
	Arm      string     `json:"arm"`
	Seed     string     `json:"seed"`
	Strategy string     `json:"strategy"`
	Chain    []string   `json:"chain"`
	Repeat   int        `json:"repeat"`
	Cell     string     `json:"cell"`
	Outcome  Outcome    `json:"outcome"`
	Score    Score      `json:"score"`
	Sent     []string   `json:"sent"` // SHA-256 of each conversation, as JSON
	Replies  []Exchange `json:"replies"`
	// Asked are the questions to models on the red team's own side, in their order, and Error is why
	// such a model ended the attempt; then it says nothing of the target.
	Asked []Question `json:"asked,omitempty"`
	Error string     `json:"error,omitempty"`
	Trace Trace      `json:"trace"`
	// Link is the SHA-256 over the link before it and this result without Trace and Link, in
	// hex: nobody changes or leaves out a result unseen.
	Link string `json:"link"`
}

// Without returns a result in which another text stands for each that was said by the target, or that
// models on our own side were asked and said: in these, too, stand the attack and the answer. The
// result itself is not changed.
func (r *Result) Without(words func(string) string) *Result {
	out := *r
	out.Replies, out.Asked = slices.Clone(r.Replies), slices.Clone(r.Asked)
	for i := range out.Replies {
		e := &out.Replies[i]
		e.Text, e.Calls = words(e.Text), slices.Clone(e.Calls)
		for k := range e.Calls {
			e.Calls[k].Args = words(e.Calls[k].Args)
		}
	}
	for i := range out.Asked {
		out.Asked[i].Prompt, out.Asked[i].Answer = words(out.Asked[i].Prompt), words(out.Asked[i].Answer)
	}
	return &out
}

// Trace is what is different each time.
type Trace struct {
	At      time.Time       `json:"at"`
	Took    []time.Duration `json:"took_ns"`
	Records []string        `json:"records,omitempty"` // of the gate's ledger
}

// link chains a result to the one before.
func (r *Result) link(before string) string {
	bare := *r
	bare.Trace, bare.Link = Trace{}, ""
	h := sha256.New()
	io.WriteString(h, before)
	b, _ := json.Marshal(&bare) // plain data
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// trace fills in what a Result keeps beside its replies, and restore puts it back.
func (r *Result) trace() {
	for i := range r.Replies {
		r.Trace.Took = append(r.Trace.Took, r.Replies[i].Took)
		r.Trace.Records = append(r.Trace.Records, r.Replies[i].Record)
	}
}

func (r *Result) restore() {
	for i := range r.Replies {
		if i < len(r.Trace.Took) && i < len(r.Trace.Records) {
			r.Replies[i].Took, r.Replies[i].Record = r.Trace.Took[i], r.Trace.Records[i]
		}
	}
}

// The files of a campaign's folder.
const (
	campaignFile = "campaign.json"
	libraryFile  = "library.json"
	resultsFile  = "results.jsonl"
	disputesFile = "disputes.jsonl"
)

// maxLine bounds a line of a journal.
const maxLine = 64 << 20

// journal appends results.
type journal struct {
	f    *os.File
	w    *bufio.Writer
	last string // link
	n    int
	bad  error
}

// openJournal reads what is there and goes on behind it. A line that was torn by a crash is
// cut; anything else that is wrong is an error.
func openJournal(dir string, take func(*Result) error) (*journal, error) {
	path := filepath.Join(dir, resultsFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redteam: opening the journal: %w", err)
	}
	j := &journal{f: f}
	good, err := j.read(f, take)
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j.w = bufio.NewWriterSize(f, 1<<16)
	return j, nil
}

// read takes every whole line and returns where the last one ends.
func (j *journal) read(r io.Reader, take func(*Result) error) (good int64, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := readLine(in)
		if err == io.EOF || errors.Is(err, errTorn) {
			return good, nil
		}
		if err != nil {
			return good, err
		}
		one, err := j.parse(line)
		if err != nil {
			return good, err
		}
		if err := take(one); err != nil {
			return good, err
		}
		good += int64(len(line)) + 1
	}
}

func (j *journal) parse(line []byte) (*Result, error) {
	var one Result
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&one); err != nil {
		return nil, fmt.Errorf("redteam: result %d of the journal cannot be read: %w", j.n, err)
	}
	if link := one.link(j.last); link != one.Link || one.N < j.n {
		return nil, fmt.Errorf("redteam: result %d of the journal is not what was written there; restore the file, or begin a new campaign", j.n)
	}
	j.last, j.n = one.Link, one.N+1
	one.restore()
	return &one, nil
}

// errTorn means that a file ends in the middle of a line.
var errTorn = errors.New("redteam: torn line")

// readLine reads one whole line without its end.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case len(line) > maxLine:
			return nil, fmt.Errorf("redteam: a line of the journal is longer than %d bytes", maxLine)
		case err == io.EOF && len(line) > 0:
			return nil, errTorn
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// write appends a result, and links it.
func (j *journal) write(r *Result) error {
	if j.bad != nil {
		return j.bad
	}
	r.trace()
	r.Link = r.link(j.last)
	b, err := json.Marshal(r)
	if err == nil {
		_, err = j.w.Write(append(b, '\n'))
	}
	if err != nil {
		j.bad = fmt.Errorf("redteam: writing the journal: %w", err)
		return j.bad
	}
	j.last, j.n = r.Link, r.N+1
	return nil
}

// flush makes what was written durable.
func (j *journal) flush() error {
	if j.bad == nil {
		err := j.w.Flush()
		if err == nil {
			err = j.f.Sync()
		}
		if err != nil {
			j.bad = fmt.Errorf("redteam: writing the journal: %w", err)
		}
	}
	return j.bad
}

func (j *journal) close() error { return errors.Join(j.flush(), j.f.Close()) }

// Results reads the results of a campaign's folder, in the order of their attempts, with people's
// disputes applied.
func Results(dir string, take func(*Result) error) error {
	said, err := readDisputes(dir)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, resultsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil // it has not begun
	}
	if err != nil {
		return fmt.Errorf("redteam: reading results: %w", err)
	}
	defer f.Close()
	_, err = new(journal).read(f, func(r *Result) error {
		if d, ok := said[r.Key]; ok {
			r.Score = Score{Verdict: d.Verdict, Scorer: "people", Why: "decided by " + d.By, Reply: r.Score.Reply}
		}
		return take(r)
	})
	return err
}

// Dispute is what a person decided about an attempt, in place of its scorer.
type Dispute struct {
	Key     string    `json:"key"`
	Verdict Verdict   `json:"verdict"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// Decide keeps what a person decided. The newest one counts.
func Decide(dir string, d Dispute) error {
	if d.Verdict != Hit && d.Verdict != Miss && d.Verdict != Unknown || d.Key == "" || d.By == "" {
		return errors.New("redteam: a decision names an attempt and says hit, miss or unknown, and who decides")
	}
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, disputesFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("redteam: keeping a decision: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

func readDisputes(dir string) (map[string]Dispute, error) {
	out := map[string]Dispute{}
	f, err := os.Open(filepath.Join(dir, disputesFile))
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redteam: reading decisions: %w", err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for {
		line, err := readLine(in)
		if err == io.EOF || errors.Is(err, errTorn) {
			return out, nil
		}
		var d Dispute
		if err == nil {
			err = json.Unmarshal(line, &d)
		}
		if err != nil {
			return nil, fmt.Errorf("redteam: reading decisions: %w", err)
		}
		out[d.Key] = d
	}
}
