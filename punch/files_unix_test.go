//go:build unix

package punch

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A limit cannot be raised again: the test runs in a process of its own.
const fewFiles = "PUNCH_TEST_FEW_FILES"

func TestFewFiles(t *testing.T) {
	if os.Getenv(fewFiles) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestFewFiles$", "-test.v")
		child.Env = append(os.Environ(), fewFiles+"=1")
		if text, err := child.CombinedOutput(); err != nil || !strings.Contains(string(text), "--- PASS") {
			t.Fatalf("%v: %s", err, text)
		}
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 100, Max: 300}); err != nil {
		t.Fatal(err)
	}
	if got := fileLimit(); got != 300 {
		t.Errorf("%d files may be open, want what the hard limit allows", got)
	}
	peer := keeper(t)
	a := bareAttempt(t, peer)
	if got := a.affordable(10); got != 10 || len(a.tally.notes) != 0 {
		t.Errorf("%d of 10 sockets, %q", got, a.tally.notes)
	}
	if got := a.affordable(700); got != 300-filesLeft {
		t.Errorf("%d of 700 sockets", got)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 50, Max: 50}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b := a.barrage()
	if err := b.send(ctx, many(visit, peer), 0, func() {}); err != nil || b.sent == 0 || b.sent >= 50 {
		t.Errorf("%d sent: %v", b.sent, err)
	}
	notes := strings.Join(a.tally.notes, "\n")
	if !strings.Contains(notes, "only 236 of 700 sockets") || !strings.Contains(notes, "too many open files") {
		t.Errorf("notes: %s", notes)
	}
	cancel()
	b.end()
}
