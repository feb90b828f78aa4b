package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// needLab skips a test where no lab can be built, as [!lab] does in scripts;
// where CI is "true", it fails it instead.
func needLab(t *testing.T) {
	t.Helper()
	if has, err := condition("lab"); err != nil {
		t.Fatal(err)
	} else if !has {
		t.Skip(labsAvailable())
	}
}

// Programs that go into the background, even in a session of their own, have
// the only writing end of a pipe: when it has none any more, all are gone.
func TestRunLeavesNoProcessBehind(t *testing.T) {
	needLab(t)
	for name, end := range map[string]func(*exec.Cmd) error{
		"when its programs end": func(*exec.Cmd) error { return nil },
		"at INT":                func(cmd *exec.Cmd) error { return cmd.Process.Signal(unix.SIGINT) },
		"at KILL":               func(cmd *exec.Cmd) error { return cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left, held, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer left.Close()
			command := `trap "" TERM HUP; sleep 600 & (trap "" TERM; setsid sleep 600) & echo up; `
			if !strings.HasPrefix(name, "when") {
				command += "sleep 600"
			}
			cmd := exec.Command("punchlab", "run", "--topology", "open", "--a", command, "--b", "true")
			cmd.ExtraFiles = []*os.File{held}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(cmd.Start(), held.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(stdout, make([]byte, len("alice | up\n"))); err != nil {
				t.Fatal(err)
			}
			if err := end(cmd); err != nil {
				t.Fatal(err)
			}
			if err := left.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := left.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("somebody is still there: %v", err)
			}
			_ = cmd.Wait() // the status is that of a signal
		})
	}
}

// Whether it comes before the lab, while it is built, or when programs run, TERM
// ends the run with the same status, and nothing is told of it.
func TestRunEndsAtTERMWhenever(t *testing.T) {
	needLab(t)
	t.Parallel()
	for after := time.Duration(0); after <= 80*time.Millisecond; after += 4 * time.Millisecond {
		var told bytes.Buffer
		cmd := exec.Command("punchlab", "run", "--nat-a", "openwrt", "--nat-b", "openwrt", "--a", "exec sleep 600")
		cmd.Stdout, cmd.Stderr = &told, &told
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after) // the time itself is what is tried: any point of the run may be hit
		if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it says how the run ended
		w := cmd.ProcessState.Sys().(syscall.WaitStatus)
		switch {
		case !late.Stop():
			t.Fatalf("after %v: the run did not end", after)
		case w.Signal() != unix.SIGTERM && w.ExitStatus() != 128+int(unix.SIGTERM), told.Len() > 0:
			t.Errorf("after %v: %v, and it told %q", after, cmd.ProcessState, &told)
		}
	}
}

// lineByLine collects what a transcript makes of a program's output.
func lineByLine(t *testing.T, asJSON bool, printed string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = was }()
	heard := make(chan string)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, r)
		heard <- all.String()
	}()
	newTranscript([]program{{host: "alice"}, {host: "rendezvous"}}, asJSON).follow("alice", streamOut, strings.NewReader(printed))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return <-heard
}

func TestTranscript(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	for _, test := range []struct{ name, printed, text, json string }{
		{"nothing", "", "", ""},
		{"a line", "one\n", "alice      | one\n", `{"event":"line","host":"alice","stream":"stdout","line":"one"}` + "\n"},
		{"no end", "one\ntwo", "alice      | one\nalice      | two\n", `{"event":"line","host":"alice","stream":"stdout","line":"one"}
{"event":"line","host":"alice","stream":"stdout","line":"two"}
`},
		{"empty lines", "\n\n", "alice      | \nalice      | \n", `{"event":"line","host":"alice","stream":"stdout","line":""}
{"event":"line","host":"alice","stream":"stdout","line":""}
`},
		{"what is special in JSON", "<\"\\>\t\n", "alice      | <\"\\>\t\n", `{"event":"line","host":"alice","stream":"stdout","line":"<\"\\>\t"}` + "\n"},
		{"bytes that are no text", "\xff\x00\n", "alice      | \xff\x00\n", `{"event":"line","host":"alice","stream":"stdout","line":"\ufffd\u0000"}` + "\n"},
		{"as long as a line may be", long + "\n\n", "alice      | " + long + "\nalice      | \n",
			`{"event":"line","host":"alice","stream":"stdout","line":"` + long + `"}
{"event":"line","host":"alice","stream":"stdout","line":""}
`},
		{"too long a line", long + "end\n", "alice      | " + long + "\nalice      | end\n",
			`{"event":"line","host":"alice","stream":"stdout","line":"` + long + `"}
{"event":"line","host":"alice","stream":"stdout","line":"end"}
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.text, lineByLine(t, false, test.printed)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.json, lineByLine(t, true, test.printed)); diff != "" {
				t.Errorf("JSON (-want +got)\n%s", diff)
			}
		})
	}
}
