package gateway

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestVeiledValues: values in base64 and addresses with blanks around their signs do not leave,
// and come back to the caller as they were written.
func TestVeiledValues(t *testing.T) {
	run := base64.StdEncoding.EncodeToString([]byte("login: anna.keller@example.org, card 4012 8888 8888 1881"))
	for value, kind := range map[string]string{
		run:                                  "[EMAIL_",
		"anna.keller @ example . org":        "[EMAIL_",
		"anna.keller (at) example (dot) org": "[EMAIL_",
		"anna.keller @ example.org":          "[EMAIL_",
	} {
		for _, as := range []string{"", "fake", "redact"} {
			h := newHouse(t, houseConfig{policy: hiding(as), detectors: everything()})
			echo(h)
			text := "Please keep <" + value + "> for me."
			got := h.chat(user(text, false))
			up := string(h.up.received()[0])
			if strings.Contains(up, value) || strings.Contains(up, "keller") || strings.Contains(up, run[:12]) || strings.Contains(up, run[len(run)-12:]) || as == "" && !strings.Contains(up, kind) {
				t.Errorf("%s, %q: the upstream got %s", value, as, up)
			}
			if as != "redact" && !slices.Contains(slices.Collect(maps.Values(heard(t, got))), text) {
				t.Errorf("%s, %q: the caller reads %q", value, as, heard(t, got))
			}
		}
	}
}
