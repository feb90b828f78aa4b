package harness

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// Main has raised the limit of open files, unless that is forbidden: then it is what it was.
func TestMainRaisesTheLimitOfFiles(t *testing.T) {
	Need(t)
	before := filesAllowed(t)
	raiseFiles()
	after := filesAllowed(t)
	switch {
	case after.Cur < before.Cur || after.Max < before.Max:
		t.Errorf("the limit was %+v, and is %+v", before, after)
	case after.Max < filesWanted: // many a container withholds CAP_SYS_RESOURCE
		wanted := unix.Rlimit{Cur: after.Cur, Max: filesWanted}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted); !errors.Is(err, unix.EPERM) {
			t.Errorf("the limit is %d, and could have been raised: %v", after.Max, err)
		}
	case before.Max < filesWanted:
		t.Errorf("the limit was %d, and could be raised to %d", before.Max, after.Max)
	case after.Cur < filesWanted:
		t.Errorf("the soft limit is %d, the hard one %d", after.Cur, after.Max)
	}
}

func filesAllowed(t *testing.T) (limit unix.Rlimit) {
	t.Helper()
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return limit
}
