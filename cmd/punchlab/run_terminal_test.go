package main

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/internal/jobtest"
)

// A shell on a host is like any other: what is typed is its, and it stops and
// goes on as a job of the shell outside.
func TestRunWithATerminal(t *testing.T) {
	needLab(t)
	term := jobtest.New(t, os.Environ())
	term.Press("punchlab run --topology open --a 'echo u\"\"p; exec sh'\n")
	term.Await("up")
	for range 2 {
		term.Press("echo I am on $PUNCHLAB_HOST\n")
		term.Await("I am on alice")
		term.Stop("kill -STOP $$\n")
		term.GoOn("fg")
	}
	term.Press("exit 5\n")
	term.Await("punchlab: alice: ended with status 5")
	term.AwaitStatus(5)
}

// In the background the program waits until the job has the terminal. Ctrl-C is
// for the program alone.
func TestRunInTheBackground(t *testing.T) {
	needLab(t)
	term := jobtest.New(t, os.Environ())
	term.Press("punchlab run --topology open --keep --a 'trap \"echo go\"\"t it; exit 3\" INT; read line; echo ={$line}=; while :; do sleep 0.05; done' &\n")
	term.Await("rendezvous")
	term.AwaitStopped(true)
	term.GoOn("fg")
	term.Press("typed\n")
	term.Await("={typed}=")
	term.Press(jobtest.ControlC)
	term.Await("got it")
	term.Await("the lab is open until Ctrl-C")
	term.Press(jobtest.ControlC)
	term.AwaitStatus(3)
}

// Several programs have no terminal: it is punchlab's, and they stop and end
// with it.
func TestControlCAndControlZStopEveryProgram(t *testing.T) {
	needLab(t)
	term := jobtest.New(t, os.Environ())
	term.Press("punchlab run --topology open --a 'echo alice is u\"\"p; sleep 600' --b 'echo bob is u\"\"p; sleep 600; :' | cat\n")
	term.Await("is up")
	term.Await("is up")
	for range 2 {
		term.Stop(jobtest.ControlZ)
		term.GoOn("fg")
	}
	term.Press(jobtest.ControlC)
	term.Await("$ ")
	term.Press("punchlab run --topology open --a 'echo alice is u\"\"p; sleep 600' --b 'sleep 600'\n")
	term.Await("is up")
	term.Press(jobtest.ControlC)
	term.AwaitStatus(128 + int(unix.SIGINT))
}
