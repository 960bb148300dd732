package main

import (
	"bufio"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// logDelay is how long a line may wait: one write for many lines costs a busy
// gate less than one each.
const logDelay = 200 * time.Millisecond

// lines gathers log lines and writes them soon.
type lines struct {
	mu      sync.Mutex
	buf     *bufio.Writer
	pending bool
}

// newLog returns a JSON log on the error stream.
func newLog(s *streams) (*slog.Logger, *lines) {
	l := &lines{buf: bufio.NewWriterSize(s.err, 64<<10)}
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo})), l
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pending {
		l.pending = true
		time.AfterFunc(logDelay, l.flush)
	}
	return l.buf.Write(p)
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = false
	_ = l.buf.Flush()
}

var _ io.Writer = (*lines)(nil)

// ballast is never touched, so it takes no memory: it only makes the collector wait until
// as much again has been allocated. A quiet gate collects seldom, and a crowded one does
// not keep several times what it needs.
var ballast []byte

// tuneMemory trades memory, of which a gate needs little, for time in the garbage
// collector, unless the operator has said otherwise.
func tuneMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		ballast = make([]byte, 192<<20)
		debug.SetGCPercent(25)
		runtime.KeepAlive(ballast)
	}
}
