package entity

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// shaped is the detector of what goes by its shape, and both are all.
func shaped() Entity { d := *Detectors()[0]; d.rivals = false; return &d }

func both() []Entity {
	n := *Detectors()[1]
	n.rivals = false
	return []Entity{shaped(), &n}
}

// TestRivals: what one kind claims with more right is still reported as the other, which a
// policy may want hidden while it says nothing of the first.
func TestRivals(t *testing.T) {
	for text, want := range map[string]string{
		"open https://x.org/?q=anna.keller@example.org now": "email:anna.keller@example.org",
		"account number 4012 8888 8888 1881":                "credit_card:4012 8888 8888 1881",
		"https://x.org/?tel=+4915123456789":                 "phone:+4915123456789",
	} {
		if got := reported(t, Detectors()[0], text); !strings.Contains(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// reported lists what a detector is sure of, as "kind:value".
func reported(t *testing.T, e Entity, text string) string {
	t.Helper()
	found, err := e.Look(context.Background(), []llm.Passage{{Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		if f.Confidence >= .5 {
			out = append(out, strings.TrimPrefix(string(f.Category), "pii.")+":"+text[f.Start:f.End])
		}
	}
	return strings.Join(out, " | ")
}

// TestTables: the name of a column speaks for every row, and only for its column.
func TestTables(t *testing.T) {
	rows := strings.Repeat("7,4155552671,4155552671,536904399,1985-04-17\n", 30)
	got := reported(t, shaped(), "id,order,phone,ssn,dob\n"+rows)
	if n := strings.Count(got, "phone:4155552671 | national_id:536904399 | date_of_birth:1985-04-17"); n != 30 {
		t.Errorf("%d of 30 rows: %s", n, got)
	}
	if n := strings.Count(got, "4155552671"); n != 30 {
		t.Errorf("%d of 30 numbers: the order's is one of them", n)
	}
	for text, want := range map[string]string{
		"a;Telefon\n\"x;y\";030 5550123\n":             "phone:030 5550123",
		"| Who | Tel |\n|---|---|\n| A | 4155552671 |": "phone:4155552671",
		"id\tmobile\n1\t07911123456\n":                 "phone:07911123456",
		"order,amount\n4155552671,12\n":                "",
		"call, or write,\nor order 4155552671":         "",
	} {
		if got := reported(t, shaped(), text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestArbitration: one number is one finding, of the kind that the words name.
func TestArbitration(t *testing.T) {
	for text, want := range map[string]string{
		"phone 4155552671":                                     "phone:4155552671",
		"SSN 536-90-4399, phone (415) 555-2671":                "national_id:536-90-4399 | phone:(415) 555-2671",
		"NHS number 943 476 5870":                              "health:943 476 5870",
		"BSN 482019475, bel 06-15550123":                       "national_id:482019475 | phone:06-15550123",
		"passport 482019473":                                   "passport:482019473",
		"IMEI 490154203237518":                                 "device_id:490154203237518",
		"account number 4820194737":                            "bank_account:4820194737",
		"https://example.org/?mail=anna@example.org":           "url:https://example.org/?mail=anna@example.org",
		"https://example.org/a anna@example.org":               "email:anna@example.org",
		"born 1990-05-03, tel 030 5550123":                     "date_of_birth:1990-05-03 | phone:030 5550123",
		"card 4509 4820 1947 3717":                             "credit_card:4509 4820 1947 3717",
		"IBAN DE49 5001 0517 0482 0194 73, BIC DEUTDEFF500":    "iban:DE49 5001 0517 0482 0194 73 | bank_account:DEUTDEFF500",
		"http://203.0.113.45/x":                                "ip_address:203.0.113.45",
		"TC 48201947342 tel 0532 555 01 23":                    "national_id:48201947342 | phone:0532 555 01 23",
		"personnummer 850412-3715":                             "national_id:850412-3715",
		"MRN 00482019; DOB 4/17/85":                            "health:00482019 | date_of_birth:4/17/85",
		"driver's license D4820194, passport C4820194":         "driver_license:D4820194 | passport:C4820194",
		"my phone is not my order number, which is 4155552671": "",
	} {
		if got := reported(t, shaped(), text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

// TestSpans: what is found is the value, with no label and no mark, in the bytes of
// the text as it was written.
func TestSpans(t *testing.T) {
	for text, want := range map[string]string{
		"Tel.: ＋８１-９０-５５５５-０１２３。": "phone:＋８１-９０-５５５５-０１２３",
		"a=%2B4930555012&b":               "phone:%2B4930555012",
		"(+49\u00a030\u00a05550123).":     "phone:+49\u00a030\u00a05550123",
		"tel 030\u20115550123!":           "phone:030\u20115550123",
		"x \u202d+49 30 5550123\u202c":    "phone:+49 30 5550123",
		"mail&#58; anna&#64;example.org,": "email:anna&#64;example.org",
		"DOB '1990-05-03'":                "date_of_birth:1990-05-03",
		"{\"ssn\":\"536-90-4399\"}":       "national_id:536-90-4399",
		"<b>536-90-4399</b>":              "national_id:536-90-4399",
		"CPF ४८२.०१९.४७३-९८.":             "national_id:४८२.०१९.४७३-९८",
		"born\\n1990-05-03\\n":            "date_of_birth:1990-05-03",
		"«4509 4820 1947 3717»":           "credit_card:4509 4820 1947 3717",
	} {
		if got := reported(t, shaped(), text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

// TestDetectors: the whole family is two detectors that name every kind, and a text is judged
// by both as by each kind.
func TestDetectors(t *testing.T) {
	d, n := shaped(), both()[1]
	if d.ID() != "pii/shapes@2" || n.ID() != "pii/names@1" || !d.Inline() || len(d.Finds())+len(n.Finds()) != len(All()) || len(n.Finds()) != 4 {
		t.Errorf("%s finds %v, %s %v", d.ID(), d.Finds(), n.ID(), n.Finds())
	}
	text := "Maria Keller, tel +49 30 5550123, Gartenstraße 12, 50674 Köln, account DE41 5001 0517 0123 4567 89"
	if got := reported(t, n, text); got != "person:Maria Keller | address:Gartenstraße 12, 50674 Köln" {
		t.Errorf("%q", got)
	}
	if got := reported(t, d, text); got != "phone:+49 30 5550123 | iban:DE41 5001 0517 0123 4567 89" {
		t.Errorf("%q", got)
	}
	var all []string
	for _, f := range Find(text, nil) {
		if f.Confidence >= likely {
			all = append(all, f.Kind)
		}
	}
	if got := strings.Join(all, " "); got != "person phone address iban" {
		t.Errorf("%q", got)
	}
	found, err := d.Look(context.Background(), []llm.Passage{{Text: "x"}, {}, {Text: "tel +49 30 5550123"}})
	if err != nil || len(found) != 1 || found[0].Detector != "pii/phone@2" || found[0].Passage != 2 || found[0].Category != risk.Category("pii.phone") {
		t.Errorf("%+v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Look(ctx, []llm.Passage{{Text: "x"}}); err == nil {
		t.Error("a cancelled look went on")
	}
}

// TestLookOn: what the second detector finds when it goes on from what the first left is what it
// finds by itself, and so it is when what it is handed is nothing that it knows.
func TestLookOn(t *testing.T) {
	d := Detectors()
	texts := []string{"", "Maria Keller, tel +49 30 5550123", "mail&#58; anna&#64;example.org, Jürgen Brandt, ＋８１-９０-５５５５-０１２３",
		"https://x.org/?q=anna.keller@example.org of Anna Keller, account number 4012 8888 8888 1881, Gartenstraße 12, 50674 Köln"}
	var passages []llm.Passage
	for _, s := range texts {
		passages = append(passages, llm.Passage{Text: s})
	}
	shaped, left, err := d[0].LookOn(context.Background(), passages, nil)
	if err != nil || left == nil {
		t.Fatal(left, err)
	}
	alone, _ := d[1].Look(context.Background(), passages)
	if len(shaped) < 5 || len(alone) < 4 {
		t.Errorf("%d and %d findings", len(shaped), len(alone))
	}
	for _, handed := range []any{left, "what is that", &reading{}} {
		for range 2 { // what was handed over is as it was
			got, _, err := d[1].LookOn(context.Background(), passages, handed)
			if err != nil || !reflect.DeepEqual(got, alone) {
				t.Errorf("%T: %v, not %v: %v", handed, got, alone, err)
			}
		}
	}
	again, _, _ := d[0].LookOn(context.Background(), passages, nil)
	if !reflect.DeepEqual(again, shaped) {
		t.Error("the first finds something else than before")
	}
}

// TestSettle: of values that overlap the surer stays, and what it does not touch.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"0-5:.9 3-8:.5", "0-5"},
		{"0-5:.5 3-8:.9", "3-8"},
		{"0-5:.9 0-9:.9", "0-9"},
		{"0-5:.9 4-9:.5 8-12:.9", "0-5 8-12"},
		{"0-5:.3 4-9:.6 8-12:.9", "0-5 8-12"},
		{"0-5:.9 5-9:.2", "0-5 5-9"},
	} {
		var hits []hit
		for f := range strings.FieldsSeq(c.in) {
			var h hit
			if _, err := fmt.Sscanf(strings.NewReplacer("-", " ", ":", " ").Replace(f), "%d %d %g", &h.start, &h.end, &h.weight); err != nil {
				t.Fatal(err)
			}
			hits = append(hits, h)
		}
		var got []string
		for _, h := range settle(hits) {
			got = append(got, fmt.Sprintf("%d-%d", h.start, h.end))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, not %s", c.in, s, c.want)
		}
	}
}
