package mask

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
)

// TestFakesAreNoWords: nothing that stands for a value is a word that a model says by itself, and
// so the words of its own stay as they are.
func TestFakesAreNoWords(t *testing.T) {
	words := slices.Concat(fakeGiven, fakeFamily, fakeTowns, fakeForms)
	kinds := []string{"email", "url", "ip_address", "credit_card", "iban", "date_of_birth", "person", "location", "organization", "address", "phone", "national_id", "passport", "driver_license", "device_id", "vehicle_id", "bank_account", "crypto_wallet", "health", "username"}
	own := "Petra is in Jordan, and so is " + strings.Join(words, ", ") + "; Valentin and Linus went from Silverton to Hartwell-on-Sea."
	for i := range 60 {
		c := cover(fmt.Sprint(i))
		seen := map[string]bool{}
		for _, kind := range kinds {
			for _, v := range []string{"Anna", "Köln", "Keller", "ABCDE", "C01X00T47", "12345678", "anna.keller", "Rome"} {
				got := c.Hide("pii."+kind, v, Fake, false)
				if slices.Contains(words, got) || !strings.ContainsAny(got, "[-@ .:/0123456789") {
					t.Fatalf("%s: %q stands for %q", kind, got, v)
				}
				if seen[got] {
					t.Fatalf("%s: %q stands for two values", kind, got)
				}
				seen[got] = true
			}
		}
		c.Count = Count{}
		if got := restore(t, c.Restorer(all), llm.Channel{}, []string{own}); got != own || c.Count != (Count{}) {
			t.Fatalf("the model's words became %s", got)
		}
		town := c.Hide("pii.location", "Rome", Fake, false)
		if got := restore(t, c.Restorer(all), llm.Channel{}, []string{"From " + town + "."}); got != "From Rome." {
			t.Fatal(got)
		}
	}
}
