package harness

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

func TestMainPassesTheStatusOn(t *testing.T) {
	// setupFailed is a status like any other, for a program that has run.
	for _, want := range []int{0, 1, 2, setupFailed, 255} {
		out, err := command("status", strconv.Itoa(want)).Output()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		got := 0
		if ended != nil {
			got = ended.ExitCode()
		}
		if got != want {
			t.Errorf("the status is %d, want %d", got, want)
		}
		if string(out) != "ran\n" {
			t.Errorf("status %d: the program printed %q, want that it ran once", want, out)
		}
	}
}

// As a shell has it (POSIX, 2.8.2).
func TestMainTellsOfASignalByTheStatus(t *testing.T) {
	err := command("suicide").Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 128+int(unix.SIGKILL) {
		t.Errorf("%v, want status %d", err, 128+int(unix.SIGKILL))
	}
}

func TestMainChangesTheNamespaceAndNothingElse(t *testing.T) {
	Need(t)
	third, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.WriteString("the third file"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writer.Close()); err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	dir := t.TempDir()
	cmd := command("setting", "-test.run", "", "two words", "ünïcode", "--", "*")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "VARIABLE=a value\nof two lines")
	cmd.Stdin = strings.NewReader("standard input")
	cmd.ExtraFiles = []*os.File{third}
	got := settingOf(t, cmd)

	outside, err := kernel.CurrentID()
	if err != nil {
		t.Fatal(err)
	}
	if got.Namespace == outside {
		t.Errorf("the program ran in %s, where it was started", outside)
	}
	if got.PID == 1 {
		t.Error("the program is the init of its namespace")
	}
	got.Namespace, got.PID = "", 0
	want := setting{
		Args:     []string{"-test.run", "", "two words", "ünïcode", "--", "*"},
		Variable: "a value\nof two lines", Dir: dir, Stdin: "standard input", Third: "the third file",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMainPassesEachSignalOnOnce(t *testing.T) {
	cmd := begun(t, command("signals"), (*exec.Cmd).Start)
	cmd.says("ready")
	sent := []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGINT}
	for _, s := range sent {
		cmd.signal(s)
		cmd.says(s.String())
	}
	cmd.closeInput()
	cmd.says(strconv.Itoa(len(sent)))
	cmd.succeeds()
}

// The first process of a PID namespace is born deaf: what comes before it has
// handlers is lost, unless it is kept for it. Nor is it lost where there can be
// no such namespace.
func TestMainLosesNoSignalWhileItStarts(t *testing.T) {
	for name, program := range map[string]func(*testing.T) *exec.Cmd{
		"in namespaces": func(*testing.T) *exec.Cmd { return command("typed") },
		"in place":      func(t *testing.T) *exec.Cmd { return forbidden(t, "typed") },
	} {
		t.Run(name, func(t *testing.T) {
			for after := time.Duration(0); after <= 80*time.Millisecond; after += max(time.Millisecond, after/8) {
				for _, s := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
					if !signal.Ignored(s) { // as whoever is in a script's background does with INT
						endsBy(t, program(t), s, after)
					}
				}
			}
		})
	}
}

// endsBy requires that a program ends by a signal that it gets so long after its
// start.
func endsBy(t *testing.T, cmd *exec.Cmd, s unix.Signal, after time.Duration) {
	t.Helper()
	program := begun(t, cmd, (*exec.Cmd).Start)
	time.Sleep(after) // the time itself is what is tried: any point of the start may be hit
	program.signal(s)
	late := time.AfterFunc(hopes, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // it says how the program ended
	w := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !late.Stop() {
		t.Fatalf("%v after %v: the program did not end", s, after)
	} else if w.Signal() != s && w.ExitStatus() != 128+int(s) {
		t.Errorf("%v after %v: %v", s, after, cmd.ProcessState)
	}
}

// Whatever the program has started ends with it: the pipe to which the child
// that it leaves behind could write has no writer any more.
func TestMainEndsWhatTheProgramLeavesBehind(t *testing.T) {
	Need(t)
	cmd := begun(t, command("orphan"), (*exec.Cmd).Start)
	_ = cmd.rest() // the child may print something or not
	cmd.succeeds()
}

// A program that is started inside a lab finds the marker of the process that
// started it, and is elsewhere all the same.
func TestAProgramOnAHostReentersAgain(t *testing.T) {
	alice := build(t, "open", nil).Host("alice")
	cmd := command("setting")
	cmd.Env = append(cmd.Env, marker+"="+os.Getenv(marker))
	var out strings.Builder
	cmd.Stdout = &out
	if err := alice.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	outside, err := kernel.CurrentID()
	if err != nil {
		t.Fatal(err)
	}
	for _, taken := range []string{outside, alice.ns.ID()} {
		if strings.Contains(out.String(), taken) {
			t.Errorf("the program ran in %s: %s", taken, &out)
		}
	}
	if !strings.Contains(out.String(), `"Refused":""`) {
		t.Errorf("the program can build no lab: %s", &out)
	}
}

// nobody is a user without any right.
const nobody = 65534

// asNobody has cmd run by a user other than root.
func asNobody(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	Need(t)
	if os.Geteuid() != 0 {
		return
	}
	mapped, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Fields(string(mapped))[2] == "1" {
		// In CI too, which runs all of the tests once as root and once as a user.
		t.Skip("this root of a user namespace knows no other user: the tests themselves run without root")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Dir = "/"
}

func TestLabsWithoutRoot(t *testing.T) {
	if err := tryUserNamespace(); err != nil {
		t.Skipf("needs a user namespace: %v", err) // in CI too: root's labs do without one
	}
	cmd := command("lab")
	asNobody(t, cmd)
	if got := output(t, cmd); got != "connected\n" {
		t.Errorf("the program printed %q, want that it connected", got)
	}
}

func TestMainRunsInPlaceWhereItIsRefused(t *testing.T) {
	cmd := forbidden(t, "setting")
	got := settingOf(t, cmd)
	outside, err := kernel.CurrentID()
	if err != nil {
		t.Fatal(err)
	}
	if got.Namespace != outside {
		t.Errorf("the program ran in %s, want %s", got.Namespace, outside)
	}
	for _, words := range []string{"no space left on device", "--privileged"} {
		if !strings.Contains(got.Refused, words) {
			t.Errorf("Available said %q, want %q in it", got.Refused, words)
		}
	}
}

func TestGinkgoInParallelStaysInPlaceAsRoot(t *testing.T) {
	Need(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root") // in CI too, which runs all of the tests as root as well
	}
	outside, err := kernel.CurrentID()
	if err != nil {
		t.Fatal(err)
	}
	for arg, stays := range map[string]bool{
		"--ginkgo.parallel.total=4": true,
		"-ginkgo.parallel.total=2":  true,
		"--ginkgo.parallel.total=1": false,
		"ginkgo":                    false,
	} {
		if got := settingOf(t, command("setting", arg)); (got.Namespace == outside) != stays {
			t.Errorf("%s: the program ran in %s, and was started in %s", arg, got.Namespace, outside)
		}
	}
}

func TestGinkgoInParallelIsAnErrorWithoutRoot(t *testing.T) {
	cmd := command("setting", "--ginkgo.parallel.total=4")
	asNobody(t, cmd)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 2 || len(out) > 0 {
		t.Errorf("%v and output %q, want status 2 and none", err, out)
	}
	if !strings.Contains(said.String(), "run it as root, or without -p") {
		t.Errorf("it said %q, which tells nobody what to do", &said)
	}
}
