//go:build soak

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// peak returns the most memory that a process ever had, in bytes.
func peak(t testing.TB, pid int) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if rest, ok := strings.CutPrefix(in.Text(), "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			must(t, err)
			return n << 10
		}
	}
	t.Fatal("the kernel does not say how much memory the process had")
	return 0
}

// TestSoakR2Streams: two thousand streams are open at once, within 512 MiB, and
// all of them end whole.
func TestSoakR2Streams(t *testing.T) {
	const streams = 2000
	up, release := newUpstream(t), make(chan struct{})
	up.does(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 4 {
			_, _ = io.WriteString(w, chunk(fmt.Sprintf("Sentence %d is long enough to leave by itself. ", i), "null"))
			_ = http.NewResponseController(w).Flush()
		}
		<-release
		_, _ = io.WriteString(w, chunk("The end.", `"stop"`)+"data: [DONE]\n\n")
	})
	d := deploy(t, up, plain)
	p := d.serve()
	p.client.Timeout = 5 * time.Minute
	var opened, ended sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	open := make(chan struct{}, 64) // at once, while they are being opened
	opened.Add(streams)
	for range streams {
		ended.Go(func() {
			open <- struct{}{}
			req, err := http.NewRequest(http.MethodPost, p.gate+"/v1/chat/completions", strings.NewReader(body("hello", true)))
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+p.key)
			req.Header.Set("Content-Type", "application/json")
			resp, err := p.client.Do(req)
			<-open
			opened.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil || !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
				mu.Lock()
				failed[fmt.Sprintf("%d %v %.200s", resp.StatusCode, err, b)]++
				mu.Unlock()
			}
		})
	}
	opened.Wait()
	_, metrics, _ := strings.Cut(p.get(t, p.operations+"/metrics").body, "\nbartizan_places_taken ")
	taken, _, _ := strings.Cut(metrics, "\n")
	t.Logf("%d streams are open on %s places, the process had %d MB at most", streams, taken, peak(t, p.cmd.Process.Pid)>>20)
	close(release)
	ended.Wait()
	if len(failed) != 0 {
		t.Errorf("%v", failed)
	}
	if most := peak(t, p.cmd.Process.Pid); most > 512<<20 {
		t.Errorf("the process had %d MB", most>>20)
	}
}
