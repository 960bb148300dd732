package dialect

import (
	"net/http"
	"strconv"
	"time"
)

// Failing reports whether a status says that an upstream fails or has too much to
// do, so that another one may serve the same call.
func Failing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, 529: // Anthropic's "overloaded"
		return true
	}
	return false
}

// Limit says how much of a limit is left, in no dialect's own words.
type Limit struct {
	Of          string // "requests" or "tokens"
	Amount      int64  // in a period
	Left        int64
	Reset       time.Duration // until the next period
	ResetsAfter time.Time     // the same as a time
}

// LimitHeaders writes limits as the SDKs of a dialect read them: in the names of
// Anthropic or of OpenAI.
func LimitHeaders(id string, limits []Limit) http.Header {
	h := http.Header{}
	for _, l := range limits {
		amount, left := strconv.FormatInt(l.Amount, 10), strconv.FormatInt(max(l.Left, 0), 10)
		if id == "anthropic" {
			h.Set("Anthropic-Ratelimit-"+l.Of+"-Limit", amount)
			h.Set("Anthropic-Ratelimit-"+l.Of+"-Remaining", left)
			h.Set("Anthropic-Ratelimit-"+l.Of+"-Reset", l.ResetsAfter.UTC().Format(time.RFC3339))
			continue
		}
		h.Set("X-Ratelimit-Limit-"+l.Of, amount)
		h.Set("X-Ratelimit-Remaining-"+l.Of, left)
		h.Set("X-Ratelimit-Reset-"+l.Of, l.Reset.Round(time.Second).String())
	}
	return h
}

// The bounds of a hint to retry, in seconds: SDKs obey less, or give up at more.
const (
	minRetry = 1
	maxRetry = 60
)

// RetryAfter is the hint for a wait, within the bounds that every SDK obeys.
func RetryAfter(d time.Duration) int {
	return int(min(max((d+time.Second-1)/time.Second, minRetry), maxRetry))
}

// hint returns an upstream's hint to retry, in seconds within the same bounds; 0: there
// is none.
func hint(from http.Header) int {
	h := http.Header{}
	for _, name := range []string{"Retry-After", "Retry-After-Ms"} {
		h.Set(name, from.Get(name))
	}
	ClampRetry(h)
	if ms, err := strconv.Atoi(h.Get("Retry-After-Ms")); err == nil { // the finer one, where both are there
		return RetryAfter(time.Duration(ms) * time.Millisecond)
	}
	after, _ := strconv.Atoi(h.Get("Retry-After"))
	return after
}

// ClampRetry brings an upstream's hints to retry within the same bounds, and takes
// out what is none.
func ClampRetry(h http.Header) {
	for name, unit := range map[string]int{"Retry-After": 1, "Retry-After-Ms": 1000} {
		v := h.Get(name)
		if v == "" {
			continue
		}
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || f != f { // a date, or no number
			h.Del(name)
			continue
		}
		n := min(max(f, float64(minRetry*unit)), float64(maxRetry*unit))
		h.Set(name, strconv.Itoa(int(n)))
	}
}
