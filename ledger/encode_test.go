package ledger

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bartizan-ai/bartizan/record"
	"github.com/bartizan-ai/bartizan/risk"
)

// fill sets every field that JSON carries to something that is not zero, so that
// a field which the encoder does not know shows up.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, *n, time.UTC)))
		return
	case time.Duration:
		v.SetInt(int64(*n))
		return
	case risk.Decision, risk.State, risk.Severity, risk.Impact:
		v.SetUint(uint64(1 + *n%3))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \"quoted\" \\ ünï \u2028 \x01", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(1 / float64(*n))
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("fill does not know " + v.Kind().String())
	}
}

func TestEncoderKnowsEveryField(t *testing.T) {
	for _, c := range []struct {
		name   string
		v      any
		append func(any) []byte
	}{
		{"intent", new(record.Intent), func(v any) []byte { return appendIntent(nil, v.(*record.Intent)) }},
		{"outcome", new(record.Outcome), func(v any) []byte { return appendOutcome(nil, v.(*record.Outcome)) }},
	} {
		for _, full := range []bool{false, true} {
			v := reflect.ValueOf(c.v)
			if full {
				n := 0
				fill(v.Elem(), &n)
			}
			doc := c.append(c.v)
			back := reflect.New(v.Elem().Type())
			if err := json.Unmarshal(doc, back.Interface()); err != nil {
				t.Fatalf("%s: %v in %s", c.name, err, doc)
			}
			if d := cmp.Diff(c.v, back.Interface()); d != "" {
				t.Errorf("%s came back different:\n%s", c.name, d)
			}
		}
	}
}

func TestEncoderStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := record.Intent{ID: rapid.String().Draw(t, "id"), Model: rapid.String().Draw(t, "model"),
			Verdict: risk.Verdict{Findings: []risk.Finding{{Confidence: rapid.Float64Range(0, 1).Draw(t, "confidence")}}}}
		var back record.Intent
		if err := json.Unmarshal(appendIntent(nil, &in), &back); err != nil {
			t.Fatal(err)
		}
		if back.ID != in.ID || back.Model != in.Model || back.Verdict.Findings[0].Confidence != in.Verdict.Findings[0].Confidence {
			t.Fatalf("%+v came back as %+v", in, back)
		}
	})
}

// TestTrim holds that anything can be recorded, within bounds, without changing
// what was decided.
func TestTrim(t *testing.T) {
	long := strings.Repeat("ü\"", 40_000)
	in := intent("ex_long")
	out := outcome("ex_long")
	for i := range 20_000 {
		p := record.Passage{Path: fmt.Sprintf("messages[%d].%s", i, long[:i%300]), Origin: "user", Kind: "text", Bytes: i}
		in.Passages = append(in.Passages, p)
		out.Passages = append(out.Passages, p)
	}
	all := make([]int, 20_000)
	for i := range all {
		all[i] = i * 7919 % 20_000
	}
	for range 50 {
		in.Verdict.Checks = append(in.Verdict.Checks, risk.Check{Detector: long, State: risk.Failed, Passages: all, Err: long})
		out.Verdict.Findings = append(out.Verdict.Findings, risk.Finding{Category: "pii.email", Detector: long, Says: long, Decision: risk.Block})
	}
	in.Purpose, in.Model, out.Code = long, long, long
	in.Verdict.Decision, out.Verdict.Decision = risk.Block, risk.Hold
	ib, err := packIntent(nil, &in)
	if err != nil || len(ib) > maxIntent {
		t.Fatalf("%d bytes, %v", len(ib), err)
	}
	ob, err := packOutcome(nil, &out)
	if err != nil || len(ob) > maxOutcome {
		t.Fatalf("%d bytes, %v", len(ob), err)
	}
	var gotIn record.Intent
	var gotOut record.Outcome
	if err := decodeBody(ib, &gotIn); err != nil {
		t.Fatal(err)
	}
	if err := decodeBody(ob, &gotOut); err != nil {
		t.Fatal(err)
	}
	if gotIn.Verdict.Decision != risk.Block || gotOut.Verdict.Decision != risk.Hold || gotIn.ID != "ex_long" {
		t.Error("the decision or the id changed")
	}
	for _, steps := range [][]record.Step{gotIn.Steps, gotOut.Steps} {
		if n := len(steps); n == 0 || steps[n-1].Name != "trimmed" {
			t.Errorf("it does not say that it was trimmed: %v", steps)
		}
	}
	if len(in.Passages) != 20_001 || in.Purpose != long {
		t.Error("the caller's intent was changed")
	}
}

func TestLongHistoryIsKeptWhole(t *testing.T) {
	in := intent("ex_history")
	for i := range 1500 {
		in.Passages = append(in.Passages, record.Passage{Path: fmt.Sprintf("messages[%d].content[0].text", i), Origin: "user", Kind: "text", Bytes: i})
		in.Verdict.Checks[0].Passages = append(in.Verdict.Checks[0].Passages, i)
	}
	body, err := packIntent(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	var got record.Intent
	if err := decodeBody(body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Passages) != len(in.Passages) || len(got.Verdict.Checks[0].Passages) != len(in.Verdict.Checks[0].Passages) {
		t.Errorf("%d passages of %d are left", len(got.Passages), len(in.Passages))
	}
}

func TestLeafBound(t *testing.T) {
	long := strings.Repeat("x", 500)
	for _, f := range []Leaf{
		{},
		{Kind: "exchange", ID: strings.Repeat("e", nameMax), System: long, Note: long, End: "answered", Decision: risk.Block, Interrupted: true, Synthetic: true,
			Begin: 1 << 63, Seq: 1<<63 + 1, Began: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC), At: time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC), Record: [32]byte{1}},
		{Kind: "act", ID: "act_1", Note: "key.create done"},
	} {
		b := f.Bytes()
		if len(b) > LeafMax {
			t.Errorf("a leaf of %d bytes", len(b))
		}
		got, err := ParseLeaf(b)
		if err != nil {
			t.Fatal(err)
		}
		want := f
		want.System, want.Note = fit(f.System), fit(f.Note)
		if want.Kind == "" {
			want.Kind = "exchange"
		}
		if d := cmp.Diff(&want, got); d != "" {
			t.Error(d)
		}
		for i := range b {
			if _, err := ParseLeaf(b[:i]); err == nil {
				t.Errorf("a leaf cut at %d was read", i)
			}
		}
		if _, err := ParseLeaf(append(b, 0)); err == nil {
			t.Error("a leaf with a byte behind it was read")
		}
	}
}
