package dialect

import (
	"net/http"
	"testing"
	"time"
)

func TestClampRetry(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"Retry-After", "5", "5"}, {"Retry-After", "0", "1"}, {"Retry-After", "-3", "1"}, {"Retry-After", "86400", "60"},
		{"Retry-After", "2.5", "2"}, {"Retry-After", "1e300", "60"}, {"Retry-After", "NaN", ""}, {"Retry-After", "soon", ""},
		{"Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT", ""}, {"Retry-After", "", ""},
		{"Retry-After-Ms", "20", "1000"}, {"Retry-After-Ms", "1500", "1500"}, {"Retry-After-Ms", "9999999", "60000"},
	} {
		h := http.Header{}
		if c.in != "" {
			h.Set(c.name, c.in)
		}
		if ClampRetry(h); h.Get(c.name) != c.out {
			t.Errorf("%s: %s becomes %q, not %q", c.name, c.in, h.Get(c.name), c.out)
		}
	}
	for d, want := range map[time.Duration]int{0: 1, time.Millisecond: 1, 1001 * time.Millisecond: 2, time.Minute: 60, time.Hour: 60} {
		if got := RetryAfter(d); got != want {
			t.Errorf("%s is %d seconds", d, got)
		}
	}
}

func TestLimitHeaders(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 12, 0, time.UTC)
	limits := []Limit{{Of: "requests", Amount: 600, Left: 12, Reset: 12 * time.Second, ResetsAfter: at}, {Of: "tokens", Amount: 5000, Left: -3, Reset: 90 * time.Minute, ResetsAfter: at}}
	for _, c := range []struct{ id, name, want string }{
		{"openai", "x-ratelimit-limit-requests", "600"}, {"openai", "x-ratelimit-remaining-requests", "12"}, {"openai", "x-ratelimit-reset-requests", "12s"},
		{"openai", "x-ratelimit-remaining-tokens", "0"}, {"openai", "x-ratelimit-reset-tokens", "1h30m0s"},
		{"anthropic", "anthropic-ratelimit-requests-limit", "600"}, {"anthropic", "anthropic-ratelimit-requests-remaining", "12"},
		{"anthropic", "anthropic-ratelimit-tokens-reset", "2026-03-01T09:00:12Z"}, {"anthropic", "x-ratelimit-limit-requests", ""},
	} {
		if got := LimitHeaders(c.id, limits).Get(c.name); got != c.want {
			t.Errorf("%s: %s is %q", c.id, c.name, got)
		}
	}
	for status, want := range map[int]bool{200: false, 400: false, 401: false, 404: false, 429: true, 500: true, 501: false, 502: true, 503: true, 504: true, 529: true} {
		if Failing(status) != want {
			t.Errorf("%d", status)
		}
	}
}
