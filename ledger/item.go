package ledger

import (
	"hash/fnv"
	"math"
	"strings"
	"time"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// item is an exchange or an act on its way from the journal into the log. Once
// it is closed it does not change.
type item struct {
	facts
	day                      uint32 // whose keys seal it
	intent, outcome, act     []byte // plaintexts as the journal has them
	begin, pin               uint64 // frames of the intent: the first, and the one that must stay
	ended                    time.Time
	end, note                string
	received, sent, answered [32]byte
	interrupted              bool
	durable, finishing       bool   // while it is open
	kept                     []byte // sealed content, until it is written
}

// facts is what the index knows of a record, so that most of those a query does
// not want are passed over unopened.
type facts struct {
	act                     bool
	id, system, team, model string
	decision                risk.Decision
	categories              uint64 // a bit for each, and for each dotted parent
	synthetic               bool
	at                      time.Time
	seq                     uint64 // of the latest frame
}

// intentFacts takes what the caller knew before the upstream was called.
func (f *facts) intentFacts(in *record.Intent) {
	f.id, f.system, f.team, f.model = in.ID, in.Principal.System, in.Principal.Team, in.Model
	f.synthetic, f.at = in.Synthetic, in.At
	f.verdictFacts(&in.Verdict)
}

// verdictFacts adds a verdict: of the decisions in and out the stronger counts.
func (f *facts) verdictFacts(v *risk.Verdict) {
	f.decision = max(f.decision, v.Decision)
	for i := range v.Findings {
		f.categories |= categoryBits(v.Findings[i].Category)
	}
}

// categoryBits sets bits for "secret.github_pat" and for "secret", so that a query
// for a family finds its members.
func categoryBits(c risk.Category) uint64 {
	bits := uint64(0)
	for s := string(c); s != ""; {
		bits |= 1 << (hash64(s) % 64)
		s = s[:max(0, strings.LastIndexByte(s, '.'))]
	}
	return bits
}

// hash64 is only ever compared within one machine's index; it is no commitment.
func hash64(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func hash32(s string) uint32 { return uint32(hash64(s)) }

// contentOpener opens what policy kept of one side of an exchange.
type contentOpener func(day uint32, id, side string, sum [32]byte) ([]record.Kept, error)

// record joins what the item holds, with content where open is set.
func (it *item) record(open contentOpener) (record.Record, error) {
	r := record.Record{Seq: it.seq, Interrupted: it.interrupted, Place: record.Place{Index: -1}}
	if it.facts.act {
		r.Act = new(record.Act)
		_, body, err := cutID(it.act, 0)
		if err != nil {
			return r, err
		}
		return r, decodeBody(body, r.Act)
	}
	p, err := parseIntentPlain(it.intent)
	if err != nil {
		return r, err
	}
	if r.Intent, err = p.decode(); err != nil {
		return r, err
	}
	d := day(r.Intent.At)
	if open != nil {
		if r.Intent.Kept, err = open(d, p.id, "in", p.content); err != nil {
			return r, err
		}
	}
	if it.outcome == nil {
		return r, nil
	}
	o, err := parseOutcomePlain(it.outcome)
	if err != nil {
		return r, err
	}
	if r.Outcome, err = o.decode(); err != nil || open == nil {
		return r, err
	}
	r.Outcome.Kept, err = open(d, o.id, "out", o.content)
	return r, err
}

// restoreIntent makes an open item from an intent frame.
func restoreIntent(plain []byte, f *frame) (*item, error) {
	p, err := parseIntentPlain(plain)
	if err != nil {
		return nil, err
	}
	in, err := p.decode()
	if err != nil {
		return nil, err
	}
	it := &item{day: f.day, intent: plain, begin: f.seq, pin: f.seq, received: p.received, sent: p.sent, durable: true}
	it.intentFacts(in)
	it.seq = f.seq
	return it, nil
}

// close returns the item with its outcome. The open one stays as it is, since
// readers may hold it.
func (it *item) close(plain []byte, out *record.Outcome, answered [32]byte) *item {
	c := *it
	c.outcome, c.ended, c.end, c.answered = plain, out.At, out.End, answered
	c.verdictFacts(&out.Verdict)
	return &c
}

// interrupt returns the item as closed without an outcome.
func (it *item) interrupt(at time.Time) *item {
	c := *it
	c.interrupted, c.end, c.ended = true, "interrupted", at
	return &c
}

// actItem makes the item of an act, which is closed from the start.
func actItem(plain []byte, act *record.Act, day uint32) *item {
	it := &item{day: day, act: plain, ended: act.At, note: actNote(act)}
	it.facts = facts{act: true, id: act.ID, at: act.At}
	return it
}

// actNote is what a leaf says of an act. Who did it and to whom stays in the
// record; what a deletion covers must outlive the record.
func actNote(act *record.Act) string {
	note := act.Kind + " " + act.Phase
	if act.Kind == retainKind {
		note += " " + act.Detail["class"] + " " + act.Detail["before"]
	}
	return note
}

// leaf commits to the item. plain is the record with its salt, sealed is what
// lies on the disk.
func (it *item) leaf(salt []byte, recordSum, sealedSum [32]byte) *Leaf {
	f := &Leaf{Kind: "exchange", ID: it.id, System: it.system, Note: it.note, Decision: it.decision, End: it.end,
		Interrupted: it.interrupted, Synthetic: it.synthetic, Begin: it.begin, Seq: it.seq, Began: it.at, At: it.ended,
		Record: recordSum, Sealed: sealedSum,
		Received: saltedHash("received", salt, it.received),
		Sent:     saltedHash("sent", salt, it.sent),
		Answered: saltedHash("answered", salt, it.answered)}
	if it.facts.act {
		f.Kind, f.Begin = "act", it.seq
	}
	return f
}

// live is the lowest journal number that the item still needs.
func (it *item) live() uint64 {
	if it.pin == 0 {
		return it.seq
	}
	return it.pin
}

// lowest lowers live to what the items still need.
func lowest(live uint64, items []*item) uint64 {
	for _, it := range items {
		live = min(live, it.live())
	}
	return live
}

// nothingLive frees every segment.
const nothingLive = math.MaxUint64
