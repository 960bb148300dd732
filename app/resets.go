package app

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// maxResets is how many more calls of one HTTP/2 connection may be given up than
// answered. A proxy with many callers behind it stays far below; who opens streams
// only to reset them does not.
const maxResets = 1000

// resets counts what a connection's streams come to.
type resets struct {
	conn net.Conn
	n    atomic.Int64
}

type resetsKey struct{}

// withResets is the ConnContext of a server.
func withResets(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, resetsKey{}, &resets{conn: c})
}

// countResets closes connections whose streams are reset again and again. net/http
// bounds how many of them are served at once, not how many one connection may begin:
// each costs as much as a call, and none of the places that bound calls.
func countResets(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if of, ok := r.Context().Value(resetsKey{}).(*resets); ok && r.ProtoMajor == 2 {
			defer of.count(r.Context())
		}
		h.ServeHTTP(w, r)
	})
}

func (of *resets) count(ctx context.Context) {
	if ctx.Err() == nil {
		if of.n.Load() > 0 {
			of.n.Add(-1)
		}
		return
	}
	if of.n.Add(1) > maxResets {
		_ = of.conn.Close()
	}
}
