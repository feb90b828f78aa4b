package harness

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/internal/jobtest"
)

func init() {
	programs["hold"] = func() { Main(programHold) }
}

// programHold builds a lab with a connection through it, prints the namespaces
// of the lab, and waits for its end.
func programHold() int {
	lab, err := shipped(context.Background(), "two-nats", "linux-masquerade")
	if err != nil {
		panic(err)
	}
	listener, err := lab.Host("rendezvous").Listen(context.Background(), fmt.Sprintf(":%d", port))
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	if _, err := connect(context.Background(), lab.Host("alice"), lab.Host("rendezvous").Addrs()[0]); err != nil {
		panic(err)
	}
	for _, n := range lab.nodes {
		fmt.Println(n.ns.ID())
	}
	fmt.Println("built")
	return forever()
}

// holders tells for each of the namespaces which processes hold it, by a
// descriptor or by a thread in it.
func holders(t *testing.T, namespaces []string) map[string][]string {
	t.Helper()
	held := map[string][]string{}
	for _, pattern := range []string{"/proc/[0-9]*/fd/*", "/proc/[0-9]*/task/*/ns/net"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if id, err := os.Readlink(path); err == nil && slices.Contains(namespaces, id) {
				held[id] = append(held[id], path)
			}
		}
	}
	return held
}

// Killed in the middle, a program takes all of its processes with it, and with
// these its namespaces, which nothing else holds.
func TestSIGKILLLeavesNothingBehind(t *testing.T) {
	Need(t)
	cmd := begun(t, command("hold"), (*exec.Cmd).Start)
	var namespaces []string
	for id := cmd.line(); id != "built"; id = cmd.line() {
		namespaces = append(namespaces, id)
	}
	processes := jobtest.Descendants(t, cmd.Process.Pid)
	if len(processes) != 4 {
		t.Errorf("the processes are %v, want one that waits, an init, the program, and the one that keeps its links", processes)
	}
	held := holders(t, namespaces)
	if len(namespaces) == 0 || len(held) != len(namespaces) {
		t.Errorf("of the namespaces %v only %v are held by anybody", namespaces, slices.Collect(maps.Keys(held)))
	}

	cmd.signal(unix.SIGKILL)
	_ = cmd.Wait() // it says that the program was killed
	gone := func() bool {
		return !slices.ContainsFunc(processes, func(pid int) bool { return unix.Kill(pid, 0) == nil })
	}
	for deadline := time.Now().Add(5 * time.Second); !gone(); {
		if time.Now().After(deadline) {
			t.Fatalf("some of the processes %v are still there", processes)
		}
		time.Sleep(time.Millisecond) // whose children they were not is not told of their end
	}
	if held := holders(t, namespaces); len(held) > 0 {
		t.Errorf("namespaces are still held: %v", held)
	}
}
