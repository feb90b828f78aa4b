package main

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
)

// running is a run whose lab is built.
type running struct {
	*labRun
	lab  *harness.Lab
	tell *transcript
	all  []*process
	// awaited are those with whose end the run ends.
	awaited []*process
}

// run runs everything, and returns an error with the exit status.
func (r *labRun) run(ctx context.Context) (err error) {
	lab, err := r.build(ctx)
	if s := interrupted(ctx); err != nil && s != nil {
		return marked(errTold, afterSignal(s))
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, failed(lab.Close())) }()
	now := &running{labRun: r, lab: lab, tell: newTranscript(r.programs(), r.json)}
	status, err := now.toTheEnd(ctx)
	err = errors.Join(err, stopAll(now.all), now.tellFaults(), now.tell.failure())
	if err == nil && status != statusDone {
		err = marked(errTold, status)
	}
	return err
}

// programs are all in the order of their start.
func (r *labRun) programs() []program {
	if r.server == nil {
		return r.peers
	}
	return append([]program{*r.server}, r.peers...)
}

// toTheEnd starts the programs and waits until the run is over.
func (r *running) toTheEnd(ctx context.Context) (status int, err error) {
	env := labEnvironment(r.lab)
	if err := r.open(env); err != nil {
		return 0, err
	}
	programs := r.programs()
	for _, p := range programs {
		if err := r.start(p, env, len(programs) == 1); err != nil {
			return 0, failed(err)
		}
	}
	for _, p := range r.awaited {
		select {
		case <-p.ended:
		case <-ctx.Done():
			return afterSignal(interrupted(ctx)), nil
		}
	}
	if r.keep {
		if len(r.awaited) > 0 {
			r.tell.say("the programs have ended; the lab is open until Ctrl-C")
		}
		<-ctx.Done()
		if s := interrupted(ctx); s != os.Interrupt {
			return afterSignal(s), nil
		}
	}
	for _, p := range r.awaited {
		if p.status != statusDone {
			return p.status, nil
		}
	}
	return statusDone, nil
}

// tellFaults tells how often each fault has met its packets.
func (r *running) tellFaults() error {
	counts, err := r.lab.Faults()
	for _, c := range counts {
		f := results.Fault{Rule: c.Fault.String(), Matched: c.Matched, Acted: c.Acted}
		r.tell.event(faultEvent{"fault", f})
		r.tell.say("fault %s", f)
	}
	return failed(err)
}

// open tells of the lab.
func (r *running) open(env environment) error {
	e := labEvent{Event: "lab", Topology: r.topology.Name, NATs: map[string]string{}, Environment: env, Seed: r.options.Seed}
	for slot, p := range r.nats {
		e.NATs[slot] = p.Name
	}
	if r.keep {
		e.Entrances = entrances(r.lab)
	}
	r.tell.event(e)
	if r.keep && !r.json {
		return write(os.Stdout, entrancePage(e.Entrances))
	}
	return nil
}

// start starts a program. One that is alone has the terminal, if there is one.
func (r *running) start(p program, env environment, alone bool) error {
	host := r.lab.Host(p.host)
	process := newProcess(p, host, env, r.tell)
	if alone && !r.json {
		process.attach = terminalFor(r.tell)
	}
	r.tell.event(startEvent{"start", p.host, host.Addrs(), p.command})
	if err := process.start(host); err != nil {
		return err
	}
	r.all = append(r.all, process)
	if alone || r.server == nil || p != *r.server {
		r.awaited = append(r.awaited, process)
	}
	return nil
}

// afterSignal is the status after a signal, as a shell has it.
func afterSignal(s os.Signal) int { return 128 + int(s.(syscall.Signal)) }
