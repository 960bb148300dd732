package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/gateway"
)

// ErrInUse means that somebody else listens on an address already.
var ErrInUse = errors.New("in use by another program")

// Addresses is where a started App can be reached.
type Addresses struct {
	Gate, Console, Operations string // base URLs
	CAFile                    string // "" where all certificates are the operator's
	NewCA                     bool   // the authority was made by this start
	Socket                    string // of the desk, for commands on this machine
}

// Start listens. It returns once calls can be served.
func (a *App) Start(ctx context.Context) (Addresses, error) {
	f := a.file.Load()
	var out Addresses
	pages, err := a.consoleHandler(&out)
	if err != nil {
		return out, err
	}
	listeners := []struct {
		name, def string
		l         config.Listener
		handler   http.Handler
		url       *string
	}{
		{"gate", ":8443", f.Listen.Gate, a.gate, &out.Gate},
		{"console", ":8444", f.Listen.Console, pages, &out.Console},
		{"operations", "127.0.0.1:9090", f.Listen.Operations, a.operations(), &out.Operations},
	}
	for _, l := range listeners {
		if l.l.Addr == "" {
			l.l.Addr = l.def
		}
		s, err := a.listen(l.name, l.l, l.handler)
		if err != nil {
			_ = a.Stop(ctx)
			return out, err
		}
		*l.url = s.url()
		a.mu.Lock()
		a.servers = append(a.servers, s)
		a.mu.Unlock()
	}
	if err := a.listenSocket(&out); err != nil {
		_ = a.Stop(ctx)
		return out, err
	}
	if a.tls != nil {
		out.CAFile, out.NewCA = a.tls.file(), a.tls.made
	}
	for _, s := range a.servers {
		a.stopped.Add(1)
		go func() {
			defer a.stopped.Done()
			s.serve(a.cfg.Log)
		}()
	}
	a.stopped.Add(3)
	go a.follow()
	go a.retain()
	go a.try()
	return out, nil
}

// server is one listener and what answers on it.
type server struct {
	name  string
	http  *http.Server
	l     net.Listener
	plain bool
}

func (a *App) listen(name string, l config.Listener, h http.Handler) (*server, error) {
	tcp, err := net.Listen("tcp", l.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen.%s: %s is %w; stop it, or change the address", name, l.Addr, ErrInUse)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen.%s: this user may not listen on %s; choose a port above 1023", name, l.Addr)
	case err != nil:
		return nil, fmt.Errorf("listen.%s: %w", name, err)
	}
	s := &server{name: name, l: tcp, http: newServer(h, a.cfg.Log)}
	// Probes and scrapers on this machine speak plain HTTP; nobody else does.
	if name == "operations" && l.Cert == "" && isLoopback(tcp.Addr()) {
		s.plain, s.l = true, gateway.Listen(tcp, nil)
		return s, nil
	}
	if s.http.TLSConfig, err = a.tlsFor(l); err != nil {
		_ = tcp.Close()
		return nil, err
	}
	s.l = gateway.Listen(tcp, s.http.TLSConfig)
	return s, nil
}

// newServer sets the deadlines and bounds that hold before a handler is called.
func newServer(h http.Handler, l *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           countResets(h),
		ConnContext:       withResets,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10, // net/http adds 4 kB of its own
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          log.New(serverLog{l}, "", 0),
	}
}

// serverLog takes net/http's own complaints. They can hold what a client sent, so
// only that there was one is kept.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Write(p []byte) (int, error) {
	s.log.Debug("connection error", "bytes", len(p))
	return len(p), nil
}

func isLoopback(a net.Addr) bool {
	p, err := netip.ParseAddrPort(a.String())
	return err == nil && p.Addr().Unmap().IsLoopback()
}

// url is the address as a client on this machine calls it.
func (s *server) url() string {
	scheme := "https"
	if s.plain {
		scheme = "http"
	}
	p, err := netip.ParseAddrPort(s.l.Addr().String())
	if err != nil {
		return scheme + "://" + s.l.Addr().String()
	}
	host := p.Addr().Unmap().String()
	if p.Addr().IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(p.Port()))
}

func (s *server) serve(l *slog.Logger) {
	if err := s.http.Serve(s.l); !errors.Is(err, http.ErrServerClosed) {
		l.Error("a listener ended", "listener", s.name, "kind", fmt.Sprintf("%T", err))
	}
}

// shutdown lets open calls end until ctx does, then cuts them.
func (s *server) shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.http.Close()
	}
	return err
}

// follow takes in a changed configuration.
func (a *App) follow() {
	defer a.stopped.Done()
	if a.cfg.Path == "" {
		return
	}
	last := a.loaded // a change since then, even before this began, is a change
	t := time.NewTicker(2 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-t.C:
		}
		now := stamp(a.cfg.Path)
		if now == last {
			continue
		}
		last = now
		if err := a.Reload(context.Background()); err != nil {
			a.cfg.Log.Error("the changed configuration was refused; the old one stays", "reason", err.Error())
		}
	}
}

// stamp changes when a file does.
func stamp(path string) string {
	i, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(i.Size(), i.ModTime().UnixNano())
}

// SocketPath is where the desk of a running server is reached on this machine.
func SocketPath(data string) string { return filepath.Join(data, "desk.sock") }

func (a *App) listenSocket(out *Addresses) error {
	path := SocketPath(a.file.Load().Data)
	_ = os.Remove(path) // of a process that is gone: the ledger's lock says so
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return fmt.Errorf("the desk's socket %s cannot be made: %w", path, err)
	}
	out.Socket = path
	a.mu.Lock()
	defer a.mu.Unlock()
	a.servers = append(a.servers, &server{name: "desk", l: l, plain: true, http: newServer(a.socketHandler(out), a.cfg.Log)})
	return nil
}
