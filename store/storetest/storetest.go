// Package storetest gives tests a PostgreSQL of their own, started from the
// machine's packages on a loopback port and gone when the test ends.
//
// It never skips: a test that silently did not run would count as one that
// passed. This package's API may change.
package storetest

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// missing is what a person must do when there is no server to start.
const missing = "PostgreSQL's server programs are not in /usr/lib/postgresql/*/bin nor on PATH: install them (Debian: apt-get install postgresql)"

// PostgreSQL starts a server and returns the DSN of an empty database.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{bin: bin, password: rand.Text()}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("storetest: stopping PostgreSQL: %v", err)
		}
	})
	if err := s.prepare(); err != nil {
		t.Fatalf("storetest: preparing PostgreSQL: %v", err)
	}
	// Between choosing a free port and using it another process may take it.
	for range 5 {
		if err = s.start(); err == nil {
			return s.dsn()
		}
	}
	t.Fatalf("storetest: starting PostgreSQL: %v", err)
	return ""
}

// programs returns the directory of the newest server that is installed.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errors.New(missing)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortStableFunc(found, func(a, b string) int { return version(b) - version(a) })
	return filepath.Dir(found[0]), nil
}

type server struct {
	bin, dir, password string
	port               int
	as                 *syscall.Credential
	process            *os.Process
	exited             chan error
}

// prepare makes a cluster. Root may not run one, so root lends itself the
// packages' user, or nobody.
func (s *server) prepare() error {
	var err error
	if s.dir, err = os.MkdirTemp("", "storetest-"); err != nil {
		return err
	}
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.password), 0o600); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if s.as, err = unprivileged(); err != nil {
			return err
		}
		for _, path := range []string{s.dir, password} {
			if err := os.Chown(path, int(s.as.Uid), int(s.as.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := s.command("initdb", "--pgdata", filepath.Join(s.dir, "data"), "--username", "test", "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("neither a user postgres nor nobody exists to run it as")
}

func (s *server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	dieWithParent(cmd.SysProcAttr)
	return cmd
}

func (s *server) start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	out, err := os.CreateTemp(s.dir, "log-")
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
		"-c", "shared_buffers=16MB", "-c", "max_connections=50")
	cmd.Stdout, cmd.Stderr = out, out
	started := make(chan error, 1)
	s.exited = make(chan error, 1)
	// The parent-death signal is bound to the thread that forks, so that
	// thread has to live as long as the server.
	go func(exited chan<- error) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		exited <- cmd.Wait()
	}(s.exited)
	if err := <-started; err != nil {
		return err
	}
	s.process = cmd.Process
	if err := s.ready(); err != nil {
		log, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%w: %s", err, log)
	}
	return nil
}

// ready waits until the server answers a query, or has exited.
func (s *server) ready() error {
	db, err := sql.Open("pgx", s.dsn())
	if err != nil {
		return err
	}
	defer db.Close()
	for range 600 {
		if err = db.Ping(); err == nil {
			return nil
		}
		select {
		case exit := <-s.exited:
			s.process = nil
			return fmt.Errorf("it exited: %w", exit)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return err
}

func (s *server) dsn() string {
	return fmt.Sprintf("postgres://test:%s@127.0.0.1:%d/postgres?sslmode=disable", s.password, s.port)
}

// stop ends the server (SIGQUIT: at once, its data goes anyway) and removes it.
func (s *server) stop() error {
	var err error
	if s.process != nil {
		err = s.process.Signal(syscall.SIGQUIT)
		<-s.exited
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
