package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/mask"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// subjectsPolicy keeps what it masks, and what it only flags.
var subjectsPolicy = guard.Policy{Keep: guard.Keep{Content: "masked"}, Secrets: guard.Secrets{Input: "flag", Output: "flag"},
	Rules: []guard.Rule{{ID: "ticket", Pattern: `TCK-\d{6}`, Action: "mask"}, {ID: "people", Pattern: "Ann Owl", Entity: "pii.person", Action: "flag", On: []string{"input"}}},
	Mask:  guard.Masking{Entities: []guard.Entity{{Name: "pii.email", Action: "flag"}}}}

// values opens what stands behind the placeholders of kept texts.
func (h *house) values(all []record.Kept) (out []string) {
	h.t.Helper()
	for _, k := range all {
		for _, v := range k.Values {
			plain, err := h.subjects.Open(v.Sealed)
			must(h.t, err)
			out = append(out, v.Kind+" "+k.Text[v.Start:v.End]+" "+string(plain))
		}
	}
	return out
}

// TestKeptUnderItsSubjects: texts lie under the caller's key, values under their own, and
// credentials not at all.
func TestKeptUnderItsSubjects(t *testing.T) {
	h := newHouse(t, houseConfig{policy: subjectsPolicy, detectors: everything(), subjects: true})
	secret := "ghp_" + "Zq7Rk2Vw9Xb4Nc6Md1Lf8Hs3Jt5Pg0Ya1Ue2"
	h.up.says(completion("Ann Owl has TCK-123456, ask bob@example.com."))
	req := h.request(http.MethodPost, "/v1/chat/completions", strings.Replace(user("Ann Owl is TCK-654321, ann@example.com, token "+secret, false), `"messages"`, `"metadata":{"of ann@example.com":"x"},"messages"`, 1))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Bartizan-Conversation", "with ann@example.com")
	a := h.do(req)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	in, out := h.kept(a)
	got := h.values(slices.Concat(in, out))
	got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "metadata") })
	slices.Sort(got)
	got = slices.Compact(got)
	want := []string{"pii.email [PII.EMAIL] ann@example.com", "pii.email [PII.EMAIL] bob@example.com", "pii.person [PII.PERSON] Ann Owl", "ticket [TICKET] TCK-123456", "ticket [TICKET] TCK-654321"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	r := h.record(a)
	for _, text := range []string{r.Intent.Conversation, strings.Join(paths(r.Intent.Passages), " ")} {
		if strings.Contains(text, "ann@example.com") {
			t.Errorf("the record says %q", text)
		}
	}
	ctx := context.Background()
	found, err := h.subjects.Find(ctx, h.subjects.Named("ann owl"), "")
	if err != nil || len(found) < 2 || !slices.ContainsFunc(found, func(l privacy.Location) bool { return l.Output }) || found[0].Exchange != a.header.Get("Bartizan-Exchange") {
		t.Errorf("%+v %v", found, err)
	}
	if found, err := h.subjects.Find(ctx, h.subjects.Named("key:"+h.key.ID), ""); err != nil || len(found) != 2 || found[0].Kind != "text" {
		t.Errorf("%+v %v", found, err)
	}
	if found, _ := h.subjects.Find(ctx, h.subjects.Named(secret), ""); len(found) != 0 {
		t.Errorf("a credential is somebody: %+v", found)
	}
	_, err = h.subjects.Erase(ctx, h.subjects.Named("key:"+h.key.ID))
	must(t, err)
	if in, out := h.kept(a); len(in) == 0 || len(out) != 1 || !in[0].Erased || in[0].Text != record.ErasedText || !out[0].Erased {
		t.Errorf("%+v %+v", in, out)
	}
}

func paths(all []record.Passage) (out []string) {
	for _, p := range all {
		out = append(out, p.Path)
	}
	return out
}

// nobody cannot note.
type nobody struct{}

func (nobody) Note(context.Context, record.Noting) (record.Sealer, error) {
	return nil, errors.New("the store is away")
}

// TestKeptOnlyWhereNoted: what could not be found again is not kept, the record says so, and
// the call is answered.
func TestKeptOnlyWhereNoted(t *testing.T) {
	h := newHouse(t, houseConfig{policy: subjectsPolicy, detectors: everything(), gate: Config{Subjects: nobody{}}})
	h.up.says(completion("Ask bob@example.com."))
	a := h.chat(user("I am ann@example.com", false))
	if in, out := h.kept(a); a.status != http.StatusOK || in != nil || out != nil {
		t.Errorf("%d: %+v %+v", a.status, in, out)
	}
	r, notes := h.record(a), 0
	for _, s := range slices.Concat(r.Intent.Steps, r.Outcome.Steps) {
		if s.Name == "keep" && strings.Contains(s.Note, "not kept") {
			notes++
		}
	}
	if notes != 2 {
		t.Errorf("%+v %+v", r.Intent.Steps, r.Outcome.Steps)
	}
}

// TestNamesLoseTheirValues: names on record lose what is private, the longest value first, and
// in time that does not grow with values times names.
func TestNamesLoseTheirValues(t *testing.T) {
	texts := []llm.Passage{{Text: "ann ann@example.com anna"}}
	hidden := []mask.Place{{Start: 0, End: 3, Kind: "pii.person"}, {Start: 4, End: 19, Kind: "pii.email"}, {Start: 20, End: 24, Kind: "pii.person"}}
	if got := scrubber(texts, hidden).Replace("metadata.ann@example.com.anna.ann"); got != "metadata.[PII.EMAIL].[PII.PERSON].ann" {
		t.Error(got)
	}
	const n = 50_000
	var b strings.Builder
	hidden = nil
	for i := range n {
		at := b.Len()
		fmt.Fprintf(&b, "p%d@example.com", i)
		hidden = append(hidden, mask.Place{Start: at, End: b.Len(), Kind: "pii.email"})
	}
	x := &exchange{request: &llm.Request{Passages: []llm.Passage{{Text: b.String()}}}, hidden: hidden}
	names := make([]record.Passage, n)
	for i := range names {
		names[i].Path = fmt.Sprintf("messages[%d].content", i)
	}
	began := time.Now()
	if x.scrub(names); time.Since(began) > 20*time.Second {
		t.Errorf("%d values and as many names took %s", n, time.Since(began))
	}
}
