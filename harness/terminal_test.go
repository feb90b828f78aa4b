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
		term.Stop(jobtest.ControlZ)
		term.GoOn("fg")
	}
	term.Press(jobtest.ControlZ)
	term.Await("Stopped")
	term.GoOn("bg")
	term.GoOn("fg")
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
		term.Stop(jobtest.ControlZ)
		term.GoOn("fg")
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
	term.GoOn("fg")
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
		term.Stop(jobtest.ControlZ)
		term.GoOn("fg")
	}
	term.Press(jobtest.ControlD)
	term.Await("no more")
	term.Press("for the script\n")
	term.Await("[for the script]")
	term.AwaitStatus(0)
}

// ignoring is one of the programs, to be started with a signal ignored.
func ignoring(t *testing.T, signal, program string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `trap "" `+signal+`; exec "$@"`, "sh", self)
	cmd.Env, cmd.Stderr = command(program).Env, os.Stderr
	return cmd
}

// A script starts programs in the background with INT ignored (POSIX, 2.11
// Signals and Error Handling). Those who want it get it all the same.
func TestAProgramMayWantASignalThatIsIgnored(t *testing.T) {
	Need(t)
	program := begun(t, ignoring(t, "INT", "signals"), (*exec.Cmd).Start)
	program.says("ready")
	program.signal(unix.SIGINT)
	program.says("interrupt")
	program.closeInput()
	program.says("1")
	program.succeeds()
}

// As nohup(1) starts programs.
func TestMainLeavesIgnoredSignalsIgnored(t *testing.T) {
	Need(t)
	for name, signal := range map[string]unix.Signal{"HUP": unix.SIGHUP, "INT": unix.SIGINT, "TSTP": unix.SIGTSTP} {
		program := begun(t, ignoring(t, name, "typed"), (*exec.Cmd).Start)
		program.says("listening")
		program.signal(signal)
		if _, err := program.stdin.Write([]byte("after " + name + "\n")); err != nil {
			t.Fatal(err)
		}
		program.says("<after " + name + ">")
		program.closeInput()
		program.says("no more")
		program.succeeds()
	}
}
