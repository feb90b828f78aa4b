// Package jobtest has what tests of jobs need: a terminal with a shell, and who
// comes from whom.
package jobtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal with a shell in it, which controls jobs as POSIX
// has it (POSIX.1-2024, XBD section 11.1.4). Whatever does not come within ten
// seconds fails the test.
type Terminal struct {
	t     testing.TB
	keys  *os.File // what is typed goes in, and what is shown comes out
	shell *exec.Cmd
	shown chan []byte
	text  bytes.Buffer // of what was shown, what nobody has waited for yet
}

// What is typed with the control key.
const (
	ControlC = "\x03"
	ControlD = "\x04"
	ControlZ = "\x1a"
)

const (
	patience = 10 * time.Second
	// pause is between two looks at what the kernel tells only those who ask: who
	// is stopped, and whose the terminal is.
	pause  = time.Millisecond
	prompt = "$ "
)

// New starts a shell with this environment. It ends with the test.
func New(t testing.TB, env []string) *Terminal {
	t.Helper()
	keys, screen := pseudoTerminal(t)
	defer screen.Close()
	shell := exec.Command("sh", "-i")
	shell.Env = append(slices.Clone(env), "PS1="+prompt, "ENV=")
	shell.Stdin, shell.Stdout, shell.Stderr = screen, screen, screen
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, keys: keys, shell: shell, shown: make(chan []byte)}
	go func() {
		defer close(term.shown)
		for {
			part := make([]byte, 4096)
			n, err := keys.Read(part)
			if err != nil {
				return
			}
			term.shown <- part[:n]
		}
	}()
	t.Cleanup(term.close)
	return term
}

// pseudoTerminal opens both ends of a new terminal (pts(4)).
func pseudoTerminal(t testing.TB) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo-terminal: %v", err) // in CI too: some containers mount none
	}
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return keys, screen
}

// close ends the shell and what it runs, and takes in what it still shows.
func (term *Terminal) close() {
	for _, pid := range Descendants(term.t, term.shell.Process.Pid) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	_ = term.shell.Wait() // it says that it was killed
	for range term.shown {
	}
	_ = term.keys.Close()
}

// Press types keys.
func (term *Terminal) Press(keys string) {
	term.t.Helper()
	if _, err := term.keys.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// Await waits until the screen shows a text, and returns what it has shown
// before it since the last one.
func (term *Terminal) Await(want string) string {
	term.t.Helper()
	for timeout := time.After(patience); ; {
		text := term.text.String()
		if at := strings.Index(text, want); at >= 0 {
			term.text.Next(at + len(want))
			return text[:at]
		}
		select {
		case part := <-term.shown:
			term.text.Write(part)
		case <-timeout:
			term.t.Fatalf("the terminal does not show %q; since the last text it shows\n%s", want, text)
		}
	}
}

// AwaitStatus waits until the shell has the terminal again, and compares the
// status of the last program. What is typed sooner may be lost with what Ctrl-C
// throws away.
func (term *Terminal) AwaitStatus(want int) {
	term.t.Helper()
	term.Await(prompt)
	term.Press("echo the sta''tus is =$?=\n") // which is not what the screen shows of the keys
	term.Await("the status is =")
	if got := term.Await("="); got != strconv.Itoa(want) {
		term.t.Errorf("the status is %s, want %d", got, want)
	}
}

// Stop types what stops the job in the foreground, and waits until it has.
func (term *Terminal) Stop(keys string) {
	term.t.Helper()
	term.Press(keys)
	term.Await("Stopped")
	term.AwaitStopped(true)
}

// GoOn has the shell let a stopped job go on, by fg or bg, and waits until it does.
func (term *Terminal) GoOn(by string) {
	term.t.Helper()
	term.Press(by + "\n")
	term.Await(by)
	term.AwaitStopped(false)
}

// AwaitStopped waits until of all processes that come from the shell all are
// stopped, or none. The shell does not count, nor does the first process of a
// PID namespace, which nobody can stop (pid_namespaces(7)).
func (term *Terminal) AwaitStopped(stopped bool) {
	term.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		wrong := ""
		for _, pid := range Descendants(term.t, term.shell.Process.Pid)[1:] {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil {
				continue // it has ended
			}
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil || isInit(string(status)) {
				continue
			}
			// proc_pid_stat(5): pid (name) state
			state := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
			if (state == "T") != stopped {
				wrong += string(stat)
			}
		}
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("want all stopped: %t; not so:\n%s", stopped, wrong)
		}
	}
}

// isInit says whether a process is the first one of a PID namespace.
func isInit(status string) bool {
	_, rest, _ := strings.Cut(status, "\nNSpid:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.HasSuffix(line, "\t1")
}

// AwaitForeground waits until the terminal belongs to the process group of the
// process so many generations below the shell.
func (term *Terminal) AwaitForeground(generation int) {
	term.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		all := Descendants(term.t, term.shell.Process.Pid)
		group, err := unix.IoctlGetInt(int(term.keys.Fd()), unix.TIOCGPGRP)
		if err != nil {
			term.t.Fatal(err)
		}
		if len(all) > generation && group == all[generation] {
			return
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("of the processes %v the terminal is that of %d", all, group)
		}
	}
}

// Descendants are the processes that come from pid, itself first, then its
// children, then theirs.
func Descendants(t testing.TB, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// proc_pid_stat(5): pid (name) state parent
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		child, err1 := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, err2 := strconv.Atoi(fields[1])
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: %s", path, text)
		}
		children[parent] = append(children[parent], child)
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}
