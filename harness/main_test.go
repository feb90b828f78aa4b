package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// The test binary is also the programs that its tests start: an environment
// variable says which.
const programVariable = "PUNCHLAB_TEST_PROGRAM"

var programs = map[string]func(){
	"status":    func() { Main(programStatus) },
	"setting":   func() { Main(programSetting) },
	"signals":   func() { Main(programSignals) },
	"suicide":   func() { Main(programSuicide) },
	"lab":       func() { Main(programLab) },
	"orphan":    func() { Main(programOrphan) },
	"doctor":    programDoctor,
	"forbidden": programForbidden,
}

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv(programVariable)]; ok {
		program()
		return
	}
	Main(m.Run)
}

// command is one of the programs, to be started. Unlike other children it does
// not know that it is started inside of Main.
func command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, marker+"=") })
	cmd.Env = append(cmd.Env, programVariable+"="+program)
	cmd.Stderr = os.Stderr
	return cmd
}

// programStatus ends with the status that its argument says.
func programStatus() int {
	fmt.Println("ran")
	status, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	return status
}

// setting is what Main leaves as it was, and the place that it changes.
type setting struct {
	Args               []string
	Variable, Dir      string
	Stdin, Third       string
	Namespace, Refused string
	PID, UID           int
}

// programSetting prints its setting.
func programSetting() int {
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	s := setting{Args: os.Args[1:], Variable: os.Getenv("VARIABLE"), Stdin: string(stdin), PID: os.Getpid(), UID: os.Getuid()}
	if s.Dir, err = os.Getwd(); err != nil {
		panic(err)
	}
	if s.Namespace, err = kernel.CurrentID(); err != nil {
		panic(err)
	}
	if third, err := io.ReadAll(os.NewFile(3, "third")); err == nil {
		s.Third = string(third)
	}
	if err := Available(); err != nil {
		s.Refused = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		panic(err)
	}
	return 0
}

// programSignals prints each signal that it gets, and when its standard input
// ends, how many they were.
func programSignals() int {
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	fmt.Println("ready")
	for n := 0; ; {
		select {
		case s := <-signals:
			n++
			fmt.Println(s)
		case <-ended:
			fmt.Println(n)
			return 0
		}
	}
}

// programSuicide ends by a signal.
func programSuicide() int {
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	return forever()
}

// forever waits for somebody to kill the process. Without cgo the runtime takes an
// empty select for a deadlock and ends the process by itself.
func forever() int {
	for {
		time.Sleep(time.Hour)
	}
}

// programOrphan leaves a child behind that outlives it, unless its namespaces
// end it, and tells of itself.
func programOrphan() int {
	child := command("signals")
	child.Stdin, child.Stdout = os.Stdin, os.Stdout
	child.Env = append(child.Env, marker+"="+os.Getenv(marker)) // it runs in place
	if err := child.Start(); err != nil {
		panic(err)
	}
	return 0
}

// programForbidden starts the program that its argument names where nobody may
// make namespaces: in a user namespace that allows none inside of it
// (namespaces(7), /proc/sys/user). The machine's own limits stay as they are.
func programForbidden() {
	for _, limit := range []string{"max_user_namespaces", "max_net_namespaces"} {
		if err := os.WriteFile("/proc/sys/user/"+limit, []byte("0"), 0); err != nil {
			panic(err)
		}
	}
	if err := os.Setenv(programVariable, os.Args[1]); err != nil {
		panic(err)
	}
	panic(unix.Exec("/proc/self/exe", os.Args[1:], os.Environ()))
}

// forbidden is a program, to be started where nobody may make namespaces.
func forbidden(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	Need(t)
	if err := tryUserNamespace(); err != nil {
		t.Skipf("needs a user namespace: %v", err) // in CI too: root's labs do without one
	}
	cmd := command("forbidden", program)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	return cmd
}

// output runs a program to its end, which must be a success.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return string(out)
}

// settingOf runs programSetting and returns what it printed.
func settingOf(t *testing.T, cmd *exec.Cmd) (s setting) {
	t.Helper()
	if err := json.Unmarshal([]byte(output(t, cmd)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// lines reads what a running program prints, line by line.
func lines(t *testing.T, from io.Reader) func() string {
	scanner := bufio.NewScanner(from)
	return func() string {
		t.Helper()
		if !scanner.Scan() {
			t.Fatalf("the program's output ended: %v", scanner.Err())
		}
		return scanner.Text()
	}
}
