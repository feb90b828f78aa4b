package harness

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func init() {
	programs["entrances"] = func() { Main(programEntrances) }
}

// programEntrances tells of a host and of a router its namespace and how to
// enter it, and waits for the end of its input.
func programEntrances() int {
	lab, err := shipped(context.Background(), "one-nat", "none")
	if err != nil {
		panic(err)
	}
	alice, router := lab.Host("alice"), lab.Router("nat-a")
	fmt.Printf("%s\n%s\n", alice.ns.ID(), alice.Enter())
	fmt.Printf("%s\n%s\n", router.node.ns.ID(), router.Enter())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// Another terminal of the same user enters by the very line that it is told.
func TestEnterIsALineThatWorks(t *testing.T) {
	Need(t)
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("needs nsenter of util-linux") // in CI too: labs do without it
	}
	sameUser := func(_ *testing.T, _ *exec.Cmd) {}
	for name, as := range map[string]func(*testing.T, *exec.Cmd){"the same user": sameUser, "not root": asNobody} {
		t.Run(name, func(t *testing.T) {
			program := command("entrances")
			as(t, program)
			tryEntrances(t, program, as)
		})
	}
}

// Where nobody called Main, as here by the looks of it.
func TestEnterWithoutMain(t *testing.T) {
	lab := build(t, "open", nil)
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("needs nsenter of util-linux") // in CI too: labs do without it
	}
	t.Setenv(marker, "")
	bob := lab.Host("bob")
	got := output(t, exec.Command("sh", "-c", bob.Enter()+" readlink /proc/self/ns/net"))
	if want := bob.ns.ID() + "\n"; got != want {
		t.Errorf("%s led to %s, want %s", bob.Enter(), got, want)
	}
}

// tryEntrances starts programEntrances and enters by its lines.
func tryEntrances(t *testing.T, program *exec.Cmd, as func(*testing.T, *exec.Cmd)) {
	t.Helper()
	lab := begun(t, program, (*exec.Cmd).Start)
	for range 2 {
		want, enter := lab.line(), lab.line()
		cmd := exec.Command("sh", "-c", enter+" sh -c 'readlink /proc/self/ns/net; id -u; pwd'")
		as(t, cmd)
		cmd.Dir = "/"
		var said strings.Builder
		cmd.Stderr = &said
		got, err := cmd.Output()
		if err != nil || string(got) != want+"\n0\n/\n" {
			t.Errorf("%s: %v %s\n%q instead of root of %s in /", enter, err, &said, got, want)
		}
	}
	lab.closeInput()
	lab.succeeds()
}
