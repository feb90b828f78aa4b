package harness

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// child is a program that a test has started, with a pipe at its input and one
// at its output.
type child struct {
	*exec.Cmd
	t      *testing.T
	stdin  io.WriteCloser // open until the test or the program ends
	stdout *os.File
	line   func() string // the next one that it prints
}

// begun starts a program by start: (*exec.Cmd).Start or [Host.Start].
func begun(t *testing.T, cmd *exec.Cmd, start func(*exec.Cmd) error) *child {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() }) // the test may have closed it
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	return &child{cmd, t, stdin, stdout.(*os.File), lines(t, stdout)}
}

// says requires that the next lines are these.
func (c *child) says(want ...string) {
	c.t.Helper()
	for _, line := range want {
		if got := c.line(); got != line {
			c.t.Fatalf("%s printed %q, want %q", c.Args, got, line)
		}
	}
}

// signal sends the program a signal.
func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// closeInput ends what the program reads.
func (c *child) closeInput() {
	c.t.Helper()
	if err := c.stdin.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// succeeds waits until the program has ended, which must be with success.
func (c *child) succeeds() {
	c.t.Helper()
	if err := c.Wait(); err != nil {
		c.t.Errorf("%s: %v", c.Args, err)
	}
}

// rest is what comes until nobody has the program's output any more.
func (c *child) rest() string {
	c.t.Helper()
	if err := c.stdout.SetReadDeadline(time.Now().Add(hopes)); err != nil {
		c.t.Fatal(err)
	}
	all, err := io.ReadAll(c.stdout)
	if err != nil {
		c.t.Errorf("somebody still has the output of %s: %v", c.Args, err)
	}
	return string(all)
}
