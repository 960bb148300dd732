package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// handshakeTime bounds a TLS handshake.
const handshakeTime = 10 * time.Second

// Listen returns a listener for an [http.Server] whose HTTP/1.x connections carry only
// requests that every reader frames alike: what net/http would read all the same, a body
// framed twice, a folded header, a line ended by LF alone, ends there with 400, and the
// connection with it. With TLS, connections are accepted once their handshake is done, and
// HTTP/2, which has one framing, passes as it is. A nil config means no TLS.
func Listen(l net.Listener, config *tls.Config) net.Listener {
	if config == nil {
		return plainListener{l}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &secureListener{Listener: l, config: config, ctx: ctx, cancel: cancel, ready: make(chan accepted)}
	s.running.Go(s.run)
	return s
}

type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &plainConn{Conn: c}, nil
}

// plainConn reads through a framing.
type plainConn struct {
	net.Conn
	framing framing
}

func (c *plainConn) Read(p []byte) (int, error) { return c.framing.through(c.Conn, p) }

func (c *plainConn) Write(p []byte) (int, error) { return say(c.Conn, p) }

// CloseWrite lets net/http say that nothing more comes before it hangs up, or the
// caller might lose the last answer.
func (c *plainConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// secureConn does the same over TLS. It is no *tls.Conn, so net/http does not look for
// HTTP/2 on it, and still has its state.
type secureConn struct {
	*tls.Conn
	framing framing
}

func (c *secureConn) Read(p []byte) (int, error) { return c.framing.through(c.Conn, p) }

func (c *secureConn) Write(p []byte) (int, error) { return say(c.Conn, p) }

// say writes p to c, or what is said in its place.
func say(c net.Conn, p []byte) (int, error) {
	instead, ok := hangup(p)
	if !ok {
		return c.Write(p)
	}
	if _, err := c.Write(instead); err != nil {
		return 0, err
	}
	return len(p), nil
}

// through reads from c what may be read of it.
func (f *framing) through(c net.Conn, p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := c.Read(p)
	if n, bad := f.next(p[:n]); bad != nil {
		if n > 0 {
			return n, nil
		}
		return 0, bad
	}
	return n, err
}

// secureListener shakes hands beside the accepting of others.
type secureListener struct {
	net.Listener
	config  *tls.Config
	ctx     context.Context
	cancel  context.CancelFunc
	ready   chan accepted
	running sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

// Accept implements [net.Listener].
func (l *secureListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends handshakes that are under way, too.
func (l *secureListener) Close() error {
	err := l.Listener.Close()
	l.cancel()
	l.running.Wait()
	return err
}

func (l *secureListener) run() {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.deliver(accepted{err: err})
			continue
		}
		l.running.Go(func() { l.shake(c) })
	}
}

func (l *secureListener) deliver(a accepted) {
	select {
	case l.ready <- a:
	case <-l.ctx.Done():
		if a.conn != nil {
			_ = a.conn.Close()
		}
	}
}

// shake finds out what a caller speaks. A handshake that failed is given on as it is:
// net/http asks again, hears the same, and tells a caller who spoke no TLS at all.
func (l *secureListener) shake(c net.Conn) {
	t := tls.Server(c, l.config)
	ctx, done := context.WithTimeout(l.ctx, handshakeTime)
	defer done()
	if err := t.HandshakeContext(ctx); err == nil && t.ConnectionState().NegotiatedProtocol != "h2" {
		l.deliver(accepted{conn: &secureConn{Conn: t}})
		return
	}
	l.deliver(accepted{conn: t})
}
