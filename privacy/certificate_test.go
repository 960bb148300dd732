package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func testConsents(t *testing.T, h *house) {
	s, ctx := h.open(), t.Context()
	agreed := func(want bool) {
		t.Helper()
		if ok, err := s.Agreed(ctx, s.ID(ann), "us-region", "support"); ok != want || err != nil {
			t.Errorf("%v %v", ok, err)
		}
	}
	agreed(false)
	c, err := s.AddConsent(ctx, Consent{Subject: s.ID(ann), What: "us-region", Purpose: "support", Until: h.now().Add(time.Hour), By: "ada"})
	fatal(t, err)
	agreed(true)
	h.pass(2 * time.Hour)
	agreed(false)
	c, err = s.AddConsent(ctx, Consent{Subject: s.ID(ann), What: "us-region", Purpose: "support", By: "ada"})
	fatal(t, err)
	agreed(true)
	fatal(t, s.RevokeConsent(ctx, c.ID, "bob"))
	if err := s.RevokeConsent(ctx, c.ID, "bob"); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	agreed(false)
	if list, err := s.Consents(ctx, s.ID(ann)); err != nil || len(list) != 2 || list[0].RevokedBy != "bob" || list[0].By != "ada" {
		t.Errorf("%+v %v", list, err)
	}
	if e, err := s.Erase(ctx, s.ID(ann)); err != nil || e.Consents != 2 {
		t.Errorf("%+v %v", e, err)
	}
	if list, err := s.Consents(ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

func sample() *Certificate {
	return NewCertificate("sub_00112233445566778899aabbccddeeff", "act_1", time.Unix(1e9, 5), Erased{Keys: 1, Values: 3, Texts: 2, Exchanges: 4, Rows: 5}, 30*24*time.Hour, json.RawMessage(`{"index":1}`))
}

func TestCertificate(t *testing.T) {
	text, err := sample().Text()
	fatal(t, err)
	c, err := ParseCertificate(text)
	fatal(t, err)
	if c.Exchanges != 4 || c.KeyBackupsUntil.Sub(c.Erased) != 30*24*time.Hour || len(c.Reached) != 8 || c.Reached[2].Count != 5 {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{"", "{}", "null", string(text) + "x", string(text) + string(text), `{"certificate":"bartizan erasure 1"}`, `{"other":1,` + string(text[1:])} {
		if _, err := ParseCertificate([]byte(bad)); err == nil {
			t.Errorf("%.40q is a certificate", bad)
		}
	}
}

func FuzzCertificate(f *testing.F) {
	text, err := sample().Text()
	fatal(f, err)
	f.Add(text)
	f.Add([]byte("{}"))
	f.Add(bytes.ReplaceAll(text, []byte("sub_0"), []byte("sub_x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCertificate(b)
		if err != nil {
			return
		}
		again, err := c.Text()
		fatal(t, err)
		if _, err := ParseCertificate(again); err != nil {
			t.Errorf("%s: %v", again, err)
		}
	})
}
