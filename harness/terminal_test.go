package harness

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/internal/jobtest"
)

func init() {
	programs["typed"] = func() { Main(programTyped) }
}

// programTyped prints each line that it reads.
func programTyped() int {
	fmt.Println("listening")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Printf("<%s>\n", lines.Text())
	}
	fmt.Println("no more")
	return 0
}

// newTerminal starts a shell that knows this program by the variable $P.
func newTerminal(t *testing.T) *jobtest.Terminal {
	t.Helper()
	Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return jobtest.New(t, append(command("").Environ(), "P="+self))
}

// jobOf is the command line of one of the programs.
func jobOf(program string) string { return programVariable + "=" + program + ` "$P"` }

func TestControlCAndControlZAreThoseOfAnyProgram(t *testing.T) {
	term := newTerminal(t)
	term.Press(jobOf("hold") + "\n")
	term.Await("built")
	for range 2 {
		term.Press(jobtest.ControlZ)
		term.Await("Stopped")
		term.AwaitStopped(true)
		term.Press("fg\n")
		term.Await("fg")
		term.AwaitStopped(false)
	}
	term.Press(jobtest.ControlZ)
	term.Await("Stopped")
	term.Press("bg\n")
	term.Await("bg")
	term.AwaitStopped(false)
	term.Press("fg\n")
	term.Await("fg")
	term.Press(jobtest.ControlC)
	term.AwaitStatus(128 + int(unix.SIGINT))
}

func TestAProgramReadsFromTheTerminal(t *testing.T) {
	term := newTerminal(t)
	term.Press(jobOf("typed") + "\n")
	term.Await("listening")
	for _, line := range []string{"hello", "world", "again"} {
		term.Press(line + "\n")
		term.Await("<" + line + ">")
		term.Press(jobtest.ControlZ)
		term.Await("Stopped")
		term.AwaitStopped(true)
		term.Press("fg\n")
		term.Await("fg")
		term.AwaitStopped(false)
	}
	term.Press(jobtest.ControlD)
	term.Await("no more")
	term.AwaitStatus(0)
}

// What the terminal sends to the program's group does not come again from
// those who pass signals on.
func TestAProgramWithTheTerminalGetsEachSignalOnce(t *testing.T) {
	term := newTerminal(t)
	term.Press(jobOf("signals") + "\n")
	term.Await("ready")
	term.Press("x\n")       // when it is read, the terminal is the program's
	term.AwaitForeground(3) // below the one that waits and init
	for range 3 {
		term.Press(jobtest.ControlC)
		term.Await("interrupt")
	}
	term.Press(jobtest.ControlD)
	if rest := strings.Fields(term.Await("3")); len(rest) > 0 {
		t.Errorf("between the last interrupt and the count there is %q", rest)
	}
	term.AwaitStatus(0)
}

func TestAProgramInTheBackgroundWaitsForTheTerminal(t *testing.T) {
	term := newTerminal(t)
	term.Press(jobOf("typed") + " &\n")
	term.Await("listening")
	term.AwaitStopped(true) // by TTIN
	term.Press("echo the she''ll is there\n")
	term.Await("the shell is there")
	term.Press("fg\n")
	term.Await("fg")
	term.Press("hello\n")
	term.Await("<hello>")
	term.Press(jobtest.ControlD)
	term.Await("no more")
	term.AwaitStatus(0)
}

// A script and its programs are one job, and it is not the shell that gives
// each the terminal.
func TestTheTerminalComesBackToAScript(t *testing.T) {
	term := newTerminal(t)
	term.Press(programVariable + `=typed sh -c '"$P"; read line; echo "[$line]"'` + "\n")
	term.Await("listening")
	term.Press("for the program\n")
	term.Await("<for the program>")
	for range 2 {
		term.Press(jobtest.ControlZ)
		term.Await("Stopped")
		term.AwaitStopped(true)
		term.Press("fg\n")
		term.Await("fg")
		term.AwaitStopped(false)
	}
	term.Press(jobtest.ControlD)
	term.Await("no more")
	term.Press("for the script\n")
	term.Await("[for the script]")
	term.AwaitStatus(0)
}

// A script starts programs in the background with INT ignored (POSIX, 2.11
// Signals and Error Handling). Those who want it get it all the same.
func TestAProgramMayWantASignalThatIsIgnored(t *testing.T) {
	Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `trap "" INT; exec "$@"`, "sh", self)
	cmd.Env, cmd.Stderr = command("signals").Env, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := lines(t, stdout)
	for _, want := range []string{"ready", "interrupt", "1"} {
		if got := line(); got != want {
			t.Errorf("the program printed %q, want %q", got, want)
		}
		switch want {
		case "ready":
			err = cmd.Process.Signal(unix.SIGINT)
		case "interrupt":
			err = stdin.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// As nohup(1) starts programs.
func TestMainLeavesIgnoredSignalsIgnored(t *testing.T) {
	Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, signal := range map[string]unix.Signal{"HUP": unix.SIGHUP, "INT": unix.SIGINT, "TSTP": unix.SIGTSTP} {
		cmd := exec.Command("sh", "-c", `trap "" `+name+`; exec "$@"`, "sh", self)
		cmd.Env, cmd.Stderr = command("typed").Env, os.Stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line := lines(t, stdout)
		if got := line(); got != "listening" {
			t.Fatalf("the program printed %q", got)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if _, err := stdin.Write([]byte("after " + name + "\n")); err != nil {
			t.Fatal(err)
		}
		if got := line(); got != "<after "+name+">" {
			t.Errorf("after %s the program printed %q", name, got)
		}
		if err := stdin.Close(); err != nil {
			t.Fatal(err)
		}
		if got := line(); got != "no more" {
			t.Errorf("after %s the program printed %q", name, got)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}
