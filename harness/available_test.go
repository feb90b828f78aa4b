package harness

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fakeTB is a test that goes on after its end.
type fakeTB struct{ skipped, failed string }

func (f *fakeTB) Helper()                           {}
func (f *fakeTB) Skipf(format string, args ...any)  { f.skipped += fmt.Sprintf(format, args...) }
func (f *fakeTB) Fatalf(format string, args ...any) { f.failed += fmt.Sprintf(format, args...) }

// unavailable has labs forbidden for the rest of the test.
func unavailable(t *testing.T, err error) {
	before := available
	t.Cleanup(func() { available = before })
	available = func() error { return err }
}

func TestNeedSkipsWithTheReason(t *testing.T) {
	unavailable(t, errors.New("the reason"))
	for _, ci := range []string{"", "false", "1"} {
		t.Setenv("CI", ci)
		var tb fakeTB
		Need(&tb)
		if !strings.Contains(tb.skipped, "the reason") || !strings.Contains(tb.skipped, "NOTHING WAS TESTED") || tb.failed != "" {
			t.Errorf("CI=%s: skipped with %q, failed with %q", ci, tb.skipped, tb.failed)
		}
	}
}

func TestNeedFailsInCI(t *testing.T) {
	unavailable(t, errors.New("the reason"))
	t.Setenv("CI", "true")
	var tb fakeTB
	Need(&tb)
	if !strings.Contains(tb.failed, "the reason") || tb.skipped != "" {
		t.Errorf("skipped with %q, failed with %q", tb.skipped, tb.failed)
	}
}

func TestNeedLetsTestsRun(t *testing.T) {
	unavailable(t, nil)
	t.Setenv("CI", "true")
	var tb fakeTB
	Need(&tb)
	if tb != (fakeTB{}) {
		t.Errorf("skipped with %q, failed with %q", tb.skipped, tb.failed)
	}
}

func TestErrorsOfPermissionComeWithAdvice(t *testing.T) {
	for err, advised := range map[error]bool{
		unix.EPERM: true, unix.ENOSPC: true, errSetup: true, unix.EROFS: true, unix.EINVAL: false, nil: false,
	} {
		got := explain(err)
		if !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
		if strings.Contains(fmt.Sprint(got), advice()) != advised {
			t.Errorf("%v became %v; with advice: %v", err, got, advised)
		}
	}
}
