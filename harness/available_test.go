package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// refusedStart is how os.StartProcess tells that it may not make namespaces.
func refusedStart(err error) error {
	return &fs.PathError{Op: "fork/exec", Path: "/proc/self/exe", Err: err}
}

func TestARefusalIsOneMessageWithAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		causes string   // the first line
		advice []string // the others
	}{
		"both ways forbidden": {
			errors.Join(refusedStart(unix.EPERM), refusedStart(unix.EPERM)),
			"start a process in new namespaces: operation not permitted", []string{advice()},
		},
		"both ways over the limit": {
			errors.Join(refusedStart(unix.ENOSPC), refusedStart(unix.ENOSPC)),
			"start a process in new namespaces: no space left on device", []string{adviceOnLimits},
		},
		"each way for a reason of its own": {
			errors.Join(refusedStart(unix.EPERM), refusedStart(unix.ENOSPC)),
			"start a process in new namespaces: operation not permitted; start a process in new namespaces: no space left on device",
			[]string{advice(), adviceOnLimits},
		},
		"no namespace for a node": {
			os.NewSyscallError("unshare(CLONE_NEWNET)", unix.ENOSPC),
			"unshare(CLONE_NEWNET): no space left on device", []string{adviceOnLimits},
		},
		"setup refused": {errors.Join(errSetup, errSetup), errSetup.Error(), []string{advice()}},
		"settings read-only": {
			fmt.Errorf("sysctl ipv4/ip_forward: %w", unix.EROFS),
			"sysctl ipv4/ip_forward: read-only file system", []string{advice()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := explain(c.err)
			if !errors.Is(got, c.err) {
				t.Errorf("%v is not the cause of %v", c.err, got)
			}
			if want := strings.Join(append([]string{c.causes}, c.advice...), "\n"); got.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", got, want)
			}
		})
	}
}

func TestErrorsThatForbidNothingStayAsTheyAre(t *testing.T) {
	for _, err := range []error{nil, unix.EINVAL, errors.Join(unix.EMFILE, unix.ENOENT)} {
		if got := explain(err); got != err { //nolint:errorlint // the very same is meant
			t.Errorf("%v became %v", err, got)
		}
	}
}
