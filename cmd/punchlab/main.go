// Punchlab measures which pairs of NATs let peers connect to each other, in
// labs of network namespaces. `punchlab help` tells what it can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/punchlab/punchlab/harness"
)

// The exit statuses, the same for every verb.
const (
	statusDone   = 0
	statusFailed = 1 // it ran, and something failed
	statusMisuse = 2 // wrong usage or input; nothing ran
)

// A command line that a verb did not accept ends in misuse; verbs that have
// begun their work mark what went wrong there as failed.
func main() { os.Exit(exit(newRoot().Execute(), statusMisuse)) }

// exit says on stderr what went wrong and gives the status to exit with:
// otherwise, if the error has none of its own.
func exit(err error, otherwise int) int {
	if err == nil {
		return statusDone
	}
	told := errors.Is(err, errTold)
	if !told {
		complain(err)
	}
	var own *statusError
	switch {
	case errors.As(err, &own):
		return own.status
	case told:
		return statusFailed
	}
	return otherwise
}

// errTold is a failure that the output has told already. Its status is
// statusFailed unless it has one of its own.
var errTold = errors.New("failed")

// statusError is an error that knows its exit status.
type statusError struct {
	error
	status int
}

func (e *statusError) Unwrap() error { return e.error }

// misuse marks an error as one of usage or input.
func misuse(err error) error { return marked(err, statusMisuse) }

// failed marks an error as one of something that ran.
func failed(err error) error { return marked(err, statusFailed) }

func marked(err error, status int) error {
	if err == nil {
		return nil
	}
	return &statusError{err, status}
}

// complain writes an error to stderr. Lines that are indented belong to the
// one before them.
func complain(err error) {
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			line = "punchlab: " + line
		}
		fmt.Fprintln(os.Stderr, line)
	}
}

// inLab runs f where labs can be built, and ends the process. The program
// starts again to get there, so everything before it happens more than once.
func inLab(f func(context.Context) error) {
	within(func(ctx context.Context) error {
		if err := harness.Available(); err != nil {
			return misuse(err)
		}
		return f(ctx)
	})
}

// within is inLab for those who want to be called also where no lab can be
// built.
func within(f func(context.Context) error) {
	harness.Main(func() int {
		ctx, stop := interruptible()
		defer stop()
		return exit(f(ctx), statusFailed)
	})
}

// interruption is the signal that has ended a context, as its cause.
type interruption struct{ by os.Signal }

func (i interruption) Error() string { return i.by.String() + " signal received" }

// Is says that whoever looks for a context's end has found it.
func (interruption) Is(err error) bool { return err == context.Canceled }

// interrupted is the signal that has ended a context of interruptible, or nil.
func interrupted(ctx context.Context) os.Signal {
	var i interruption
	_ = errors.As(context.Cause(ctx), &i)
	return i.by
}

// interruptible returns a context that ends at the first INT, TERM or HUP, with
// an interruption as its cause. From then on signals have their usual effect
// again, so that a second one ends the process at once.
func interruptible() (context.Context, context.CancelFunc) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup(1) has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		select {
		case s := <-signals:
			cancel(interruption{s})
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	return ctx, func() { cancel(nil) }
}
