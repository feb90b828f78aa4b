package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/topologies"
)

func init() {
	programs["answer"] = programAnswer
	programs["wait"] = programWait
	programs["guardian"] = func() { Main(programGuardian) }
}

// programAnswer is a server that knows nothing of labs: it tells its first
// client where he comes from.
func programAnswer() {
	listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		panic(err)
	}
	fmt.Println("listening")
	conn, err := listener.Accept()
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(conn, conn.RemoteAddr())
}

// programWait tells that it runs, and waits for the end of its input.
func programWait() {
	fmt.Println("running")
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println("done")
}

// programGuardian starts programWait on a host, to die with itself.
func programGuardian() int {
	t, err := topologies.Get("open")
	if err != nil {
		panic(err)
	}
	lab, err := New(context.Background(), t, nil)
	if err != nil {
		panic(err)
	}
	child := command("wait")
	child.Stdin, child.Stdout = os.Stdin, os.Stdout
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := lab.Host("alice").Start(child); err != nil {
		panic(err)
	}
	return forever()
}

func TestAStartedProgramIsOnItsHost(t *testing.T) {
	lab := build(t, "open", nil)
	alice, bob := lab.Host("alice"), lab.Host("bob")
	server := begun(t, command("answer"), alice.Start)
	server.says("listening")
	conn, err := bob.Dial(t.Context(), netip.AddrPortFrom(alice.Addrs()[0], port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if want := conn.LocalAddr().String() + "\n"; got != want {
		t.Errorf("the server on alice saw %q, want %q", got, want)
	}
	server.succeeds()
}

// What the documentation of Start says about /proc and /sys.
func TestWhatAStartedProgramSees(t *testing.T) {
	alice := build(t, "open", nil).Host("alice")
	seen := func(path string) string {
		cmd := exec.Command("/bin/sh", "-c", "ls -1 "+path+" 2>&1; cat "+path+" 2>&1")
		var out strings.Builder
		cmd.Stdout = &out
		if err := alice.Start(cmd); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // one of the two fails: a folder or a file
		return out.String()
	}
	if got := seen("/proc/net/dev"); !strings.Contains(got, hostDevice+":") {
		t.Errorf("/proc/net/dev does not have the host's device %s:\n%s", hostDevice, got)
	}
	if devices, err := os.ReadDir("/sys/class/net"); err == nil {
		got := seen("/sys/class/net")
		for _, d := range devices {
			if !strings.Contains(got, d.Name()+"\n") {
				t.Errorf("/sys/class/net does not have the machine's device %s:\n%s", d.Name(), got)
			}
		}
	}
}

func TestStartingWhatThereIsNot(t *testing.T) {
	alice := build(t, "open", nil).Host("alice")
	err := alice.Start(exec.Command("/no/such/program"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "host alice: start /no/such/program: ") {
		t.Errorf("the error is %v", err)
	}
	if err := alice.Start(exec.Command("no-such-program")); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that is nowhere in PATH: %v", err)
	}
}

// Threads come and go; the one that a program was started by does not.
func TestAStartedProgramOutlivesThreads(t *testing.T) {
	alice := build(t, "open", nil).Host("alice")
	cmd := command("wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	waiting := begun(t, cmd, alice.Start)
	waiting.says("running")
	endThreads(t)
	waiting.closeInput()
	waiting.says("done")
	waiting.succeeds()
}

// endThreads ends every thread of this process that runs goroutines and is not
// locked to one, as long as it takes.
func endThreads(t *testing.T) {
	t.Helper()
	before, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan struct{})
	for range 4 * len(before) {
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			<-all
		}()
	}
	close(all)
	left := func() (n int) {
		for _, task := range before {
			if _, err := os.Stat("/proc/self/task/" + task.Name()); err == nil {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(5 * time.Second); left() == len(before); {
		if time.Now().After(deadline) {
			t.Fatalf("all of the %d threads are still there", len(before))
		}
		time.Sleep(time.Millisecond) // nothing tells of the end of a thread
	}
}

// The child has the only other end of the output. It is not in a PID namespace
// that would end with the guardian.
func TestAStartedProgramDiesWithItsStarter(t *testing.T) {
	Need(t)
	cmd := command("guardian")
	cmd.Env = append(cmd.Env, marker+"="+os.Getenv(marker)) // it runs in place
	guardian := begun(t, cmd, (*exec.Cmd).Start)
	guardian.says("running")
	guardian.signal(unix.SIGKILL)
	if rest := guardian.rest(); rest != "" {
		t.Errorf("the child printed %q after the end of its starter", rest)
	}
	_ = guardian.Wait() // it says that it was killed
}
