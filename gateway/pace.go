package gateway

import (
	"io"
	"net/http"
	"time"
)

// minPace is how many bytes of a body must come in a second.
const minPace = 1000

// paced reads a body that may come slowly, but not so slowly that it only holds a
// connection: within the deadline for the whole, and never behind the least pace by
// more than a grace.
type paced struct {
	io.Reader
	conn  *http.ResponseController
	began time.Time
	whole time.Duration
	grace time.Duration
	n     int64
	limit time.Time // as it was set last
}

func (x *exchange) paced() *paced {
	return &paced{Reader: x.r.Body, conn: http.NewResponseController(x.w.ResponseWriter), began: time.Now(), whole: x.gate.cfg.Body, grace: x.gate.cfg.Grace}
}

func (p *paced) Read(b []byte) (int, error) {
	limit := p.began.Add(min(p.whole, p.grace+time.Duration(p.n)*time.Second/minPace))
	if limit.Sub(p.limit) > p.grace/8 { // not for each packet
		p.limit = limit
		_ = p.conn.SetReadDeadline(limit)
	}
	n, err := p.Reader.Read(b)
	p.n += int64(n)
	return n, err
}

// unread bounds how long the server waits for a body that nobody will read: a
// stranger who announces one must not hold a connection with it.
func (x *exchange) unread() {
	if x.request == nil && x.r.ContentLength != 0 {
		_ = http.NewResponseController(x.w.ResponseWriter).SetReadDeadline(time.Now().Add(x.gate.cfg.Grace))
	}
}
