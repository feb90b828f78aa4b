// Package busytest keeps a machine's processors busy with other work, for tests
// whose result must not depend on whether there is any.
package busytest

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// spinning is set for a process of the test binary that does nothing but keep a
// processor busy.
const spinning = "PUNCHLAB_SPIN"

// Main must be the first call of TestMain. It returns at once, unless [Keep] has
// started this process.
func Main() {
	if os.Getenv(spinning) == "" {
		return
	}
	for { //nolint:staticcheck // being busy is all that it is for
	}
}

// Keep starts a busy process for each processor; the function that it returns
// ends them. They are processes and not goroutines, so that they compete with the
// test for the kernel's scheduler and not for Go's.
func Keep(tb testing.TB) (stop func()) {
	tb.Helper()
	var all []*exec.Cmd
	stop = func() {
		for _, c := range all {
			_ = c.Process.Kill()
			_ = c.Wait() // it was killed
		}
	}
	for range runtime.NumCPU() {
		c := exec.Command("/proc/self/exe")
		c.Env = append(os.Environ(), spinning+"=1")
		if err := c.Start(); err != nil {
			stop()
			tb.Fatal(err)
		}
		all = append(all, c)
	}
	return stop
}
