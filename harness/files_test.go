package harness

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Main has raised the limit of open files, unless that is forbidden.
func TestMainRaisesTheLimitOfFiles(t *testing.T) {
	Need(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	switch {
	case limit.Max >= filesWanted:
		if limit.Cur < filesWanted {
			t.Errorf("the soft limit is %d, the hard one %d", limit.Cur, limit.Max)
		}
		return
	case allowed(t):
		t.Errorf("the limit is %d, and may be raised", limit.Max)
	}
	t.Skipf("the limit is %d, and may not be raised (CAP_SYS_RESOURCE)", limit.Max)
}

// allowed says whether this process may raise the limit.
func allowed(t *testing.T) bool {
	t.Helper()
	raiseFiles()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return limit.Max >= filesWanted
}
