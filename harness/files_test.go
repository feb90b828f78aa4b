package harness

import (
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
	case after.Max < filesWanted: // not a failure of ours: many a container withholds the privilege
		t.Skipf("the limit is %d, and may not be raised (CAP_SYS_RESOURCE)", after.Max)
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
