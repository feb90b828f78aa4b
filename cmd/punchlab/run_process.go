package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/punchlab/punchlab/harness"
)

// process is a program of a run, with a process group of its own.
type process struct {
	program
	cmd     *exec.Cmd
	tell    *transcript
	ended   chan struct{} // closed at its end
	status  int           // then, as a shell has it
	told    atomic.Bool   // to end
	pipes   []*os.File
	streams sync.WaitGroup
	heard   chan struct{} // closed when its streams have ended
	attach  *attached     // nil unless it has the terminal
}

// lastWords is how long the streams of a program are listened to after its end:
// something that it has left behind may hold them open.
const lastWords = 200 * time.Millisecond

// newProcess prepares a program.
func newProcess(p program, host *harness.Host, env environment, tell *transcript) *process {
	cmd := exec.Command("/bin/sh", "-c", p.command)
	cmd.Env = env.of(host)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &process{program: p, cmd: cmd, tell: tell, ended: make(chan struct{}), heard: make(chan struct{})}
}

// start starts it. What it prints goes to the transcript, except what goes to
// the terminal that it has.
func (p *process) start(host *harness.Host) error {
	if p.attach != nil && !p.attach.take() {
		return errNoTerminal
	}
	theirs, err := p.connect()
	if err == nil {
		err = host.Start(p.cmd)
	}
	for _, end := range theirs {
		err = errors.Join(err, end.Close())
	}
	if err != nil {
		return errors.Join(err, p.closePipes())
	}
	if p.attach != nil {
		p.attach.handOver(p.cmd.Process.Pid)
	}
	go func() {
		p.streams.Wait()
		close(p.heard)
	}()
	go p.wait()
	return nil
}

// connect connects the program's streams: to the terminal where this program
// has it and the other one may, and otherwise to a pipe whose other end it
// returns.
func (p *process) connect() (theirs []*os.File, err error) {
	if p.attach != nil {
		p.cmd.Stdin = os.Stdin
	}
	for _, s := range []struct {
		name string
		own  *os.File
		its  *io.Writer
	}{{streamOut, os.Stdout, &p.cmd.Stdout}, {streamErr, os.Stderr, &p.cmd.Stderr}} {
		if p.attach != nil && term.IsTerminal(int(s.own.Fd())) {
			*s.its = s.own
			continue
		}
		ours, end, err := os.Pipe()
		if err != nil {
			return theirs, err
		}
		*s.its = end
		p.pipes, theirs = append(p.pipes, ours), append(theirs, end)
		p.streams.Go(func() { p.tell.follow(p.host, s.name, ours) })
	}
	return theirs, nil
}

// wait tells of the end of the program, as far as it can after what it printed.
func (p *process) wait() {
	e := exitEvent{Event: "exit", Host: p.host}
	e.Status, e.Signal = p.reap()
	if p.attach != nil {
		p.attach.release()
	}
	select {
	case <-p.heard:
	case <-time.After(lastWords):
	}
	p.status, e.Stopped = e.Status, p.told.Load()
	p.tell.exit(e)
	close(p.ended)
}

// reap waits for the program's end. Where it has the terminal, it also follows
// its stops.
func (p *process) reap() (status int, signal string) {
	pid, options := p.cmd.Process.Pid, 0
	if p.attach != nil {
		options = unix.WUNTRACED
	}
	for {
		var w unix.WaitStatus
		_, err := unix.Wait4(pid, &w, options, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			p.tell.say("%s: wait: %v", p.host, err)
			return statusFailed, ""
		case w.Stopped():
			p.attach.stopped(pid, w.StopSignal())
		case w.Signaled():
			return 128 + int(w.Signal()), w.Signal().String()
		default:
			return w.ExitStatus(), ""
		}
	}
}

// signal sends a signal to the program and to what it has started, and says
// whether anybody was there.
func (p *process) signal(s unix.Signal) bool {
	return unix.Kill(-p.cmd.Process.Pid, s) == nil
}

// closePipes stops listening.
func (p *process) closePipes() error {
	var errs []error
	for _, pipe := range p.pipes {
		errs = append(errs, pipe.Close())
	}
	return errors.Join(errs...)
}

const (
	// grace is how long programs have to end after TERM.
	grace = 2 * time.Second
	// glance is how often process groups are looked at: nothing tells of the
	// end of those whose first process has ended.
	glance = 10 * time.Millisecond
)

// stopAll ends programs and what they have started, and hears them out. What
// has left its process group ends with the PID namespace, and this program.
func stopAll(all []*process) error {
	for _, p := range all {
		p.told.Store(true)
		p.signal(unix.SIGTERM)
		p.signal(unix.SIGCONT) // a stopped one does not hear
	}
	deadline := time.After(grace)
	looks := time.NewTicker(glance)
	defer looks.Stop()
	for anyLeft(all) {
		select {
		case <-looks.C:
			continue
		case <-deadline:
		}
		for _, p := range all {
			p.signal(unix.SIGKILL)
		}
		break
	}
	var errs []error
	for _, p := range all {
		<-p.ended
		for _, pipe := range p.pipes {
			errs = append(errs, pipe.SetReadDeadline(time.Now().Add(lastWords)))
		}
		<-p.heard
		errs = append(errs, p.closePipes())
	}
	return failed(errors.Join(errs...))
}

// anyLeft says whether there is still a process of any group.
func anyLeft(all []*process) bool {
	left := false
	for _, p := range all {
		left = left || p.signal(0)
	}
	return left
}
