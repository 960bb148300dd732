package second

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/llm"
)

// asker asks about a whole text.
type asker interface {
	Ask(ctx context.Context, q guard.Question) (guard.Answer, error)
}

// Bounds: of an answer in bytes, and of a text in pieces and in characters around each cut.
const (
	maxAnswer = 256 << 10
	maxPieces = 8
	overlap   = 200
)

// What an answer without a number is worth: a plain yes is beyond any sensible line.
const (
	yes = .999
	no  = .001
)

// caller posts JSON to one place.
type caller struct {
	base      string
	header    http.Header
	transport http.RoundTripper
}

// post sends in and reads the answer into out. Redirects are not followed: they would lead
// the text somewhere that nobody has named.
func (c *caller) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return guard.ErrStageDown
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return guard.ErrStageDown
	}
	req.Header = c.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header["User-Agent"] = nil
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return failure(ctx)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return guard.ErrStageBusy
	default:
		return guard.ErrStageDown
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return guard.ErrStageAnswer
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return failure(ctx)
	case len(answer) > maxAnswer || json.Unmarshal(answer, out) != nil:
		return guard.ErrStageAnswer
	}
	return nil
}

// failure says what ended a call, in words that name no address.
func failure(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return guard.ErrStageDown
}

// piece is a part of a text, and where it begins.
type piece struct {
	text string
	at   int
}

// pieces cuts a text into parts of at most size characters, each beginning a little before
// the one before it ends, so that nothing is hidden by a cut.
func pieces(text string, size int) ([]piece, error) {
	if len(text) <= size || utf8.RuneCountInString(text) <= size {
		return []piece{{text, 0}}, nil
	}
	var out []piece
	from := 0
	for {
		to := forward(text, from, size)
		if out = append(out, piece{text[from:to], from}); to == len(text) {
			return out, nil
		}
		if len(out) == maxPieces {
			return nil, guard.ErrStageLong
		}
		from = back(text, to, overlap)
	}
}

// forward and back count characters.
func forward(s string, at, n int) int {
	for ; n > 0 && at < len(s); n-- {
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return at
}

func back(s string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		_, w := utf8.DecodeLastRuneInString(s[:at])
		at -= w
	}
	return at
}

// each asks about all pieces of a text at once and takes the worst answer. One piece
// without an answer is a text without one.
func each(ctx context.Context, text string, size int, ask func(context.Context, string) (guard.Answer, error)) (guard.Answer, error) {
	all, err := pieces(text, size)
	if err != nil {
		return guard.Answer{}, err
	}
	return worst(ctx, len(all), func(ctx context.Context, i int) (guard.Answer, error) {
		a, err := ask(ctx, all[i].text)
		if a.End > a.Start {
			a.Start, a.End = a.Start+all[i].at, a.End+all[i].at
		}
		return a, err
	})
}

// worst makes n calls at once and returns the highest probability, or an error.
func worst(ctx context.Context, n int, ask func(context.Context, int) (guard.Answer, error)) (guard.Answer, error) {
	answers, errs := make([]guard.Answer, n), make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { answers[i], errs[i] = ask(ctx, i) })
	}
	wait.Wait()
	out := guard.Answer{}
	for i := range n {
		if errs[i] != nil {
			return guard.Answer{}, errs[i]
		}
		if answers[i].Probability >= out.Probability {
			out = answers[i]
		}
	}
	return out, nil
}

// isData reports whether nobody who may give orders wrote what has that origin.
func isData(o llm.Origin) bool {
	switch o {
	case llm.OriginUser, llm.OriginDeveloper, llm.OriginSystem, llm.OriginModel:
		return false
	}
	return true
}
