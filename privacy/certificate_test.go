package privacy

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

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
