package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/bartizan-ai/bartizan/dialect"
)

// What follows the status where net/http refuses a head before any handler sees it, and
// the most that such a refusal has, in bytes.
const (
	bareHead = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	maxBare  = 512
)

// hangup returns what is said instead of b, when b is a refusal of net/http's own: an
// error that SDKs read. They come in one piece, and no answer of a handler looks like
// one, since each of those has a date.
func hangup(b []byte) ([]byte, bool) {
	if len(b) > maxBare || !bytes.HasPrefix(b, []byte("HTTP/1.1 ")) {
		return nil, false
	}
	line, _, ok := bytes.Cut(b, []byte(bareHead))
	code, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("HTTP/1.1 ")), []byte(" "))
	status, err := strconv.Atoi(string(code))
	if !ok || err != nil || status < http.StatusBadRequest || bytes.Contains(line, []byte("\n")) {
		return nil, false
	}
	f := &dialect.Fault{Status: status, Type: "invalid_request_error", Code: "malformed_request",
		Message: "The head of the call, or what divides its body, is not written as HTTP/1.1 demands, so nothing of it was read; send it with an HTTP library."}
	if status == http.StatusRequestHeaderFieldsTooLarge {
		f.Code, f.Message = "headers_too_large", "The head of the call is larger than this gate reads; send fewer or shorter headers."
	}
	body := dialect.OpenAI{}.Fault(f) // nobody knows which dialect the caller speaks
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nCache-Control: no-store\r\nX-Should-Retry: false\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), body), true
}
