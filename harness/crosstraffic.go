package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// CrossTraffic is what others behind a NAT do in the meantime: flows that have
// nothing to do with an experiment, and take ports and mappings. A NAT whose
// next port can be predicted is only that while nobody else uses it.
type CrossTraffic struct {
	// PerSecond is how many flows begin in a second in the long run. They begin
	// independently of each other: the gaps between them are distributed
	// exponentially.
	PerSecond float64
	// Seed draws the gaps. The same seed and rate draw the same ones.
	Seed uint64
	// Protocol is tcp, also if it is empty, or udp.
	Protocol string
}

// The rates that cross traffic may have. The highest is such that an inside
// endpoint comes again after two minutes, by when Linux has forgotten it
// (nf_conntrack_tcp_timeout_syn_sent), and NATs that RFC 4787 and RFC 5382
// recommend have.
const (
	lowestRate  = 0.001
	highestRate = 4000
)

var trafficProtocols = map[string]byte{"": unix.IPPROTO_TCP, "tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP}

// Check says what is wrong with the traffic, if something is.
func (c CrossTraffic) Check() error {
	if !(c.PerSecond >= lowestRate && c.PerSecond <= highestRate) { // not a number, too
		return fmt.Errorf("%v flows per second are not from %v to %v", c.PerSecond, lowestRate, highestRate)
	}
	if _, is := trafficProtocols[c.Protocol]; !is {
		return fmt.Errorf("protocol %q is neither tcp nor udp", c.Protocol)
	}
	return nil
}

// trafficStream tells the numbers drawn for cross traffic from those that
// others draw with the same seed.
const trafficStream = 0x63726f7373 // "cross"

// gaps draws the times between one flow and the next.
func (c CrossTraffic) gaps() func() time.Duration {
	random := rand.New(rand.NewPCG(c.Seed, trafficStream))
	return func() time.Duration {
		return time.Duration(random.ExpFloat64() / c.PerSecond * float64(time.Second))
	}
}

// Traffic is cross traffic under way. Its methods may be used concurrently.
type Traffic struct {
	stop  context.CancelFunc
	ended chan struct{}

	mu    sync.Mutex
	stats TrafficStats
	err   error
}

// TrafficStats is what cross traffic has done so far.
type TrafficStats struct {
	// Opened counts the flows.
	Opened uint64
	// Lateness is by how much the latest of them began after its time, as may
	// happen on a busy machine. A flow that is late is not left out.
	Lateness time.Duration
}

// CrossTraffic opens flows through the NAT of that name, from hosts behind it
// that are there for that alone. Each comes from an endpoint of its own, and
// consists of a SYN or a datagram to an address that answers nothing: in the
// NAT it is a mapping that lasts as long as the profile's timeout for that
// case. The packets use the links like all others, and count in [Lab.Links].
//
// The traffic goes on until it is stopped, ctx ends, or the lab is closed.
// [Lab.Reset] does not stop it: the NAT forgets its flows and sees new ones.
func (l *Lab) CrossTraffic(ctx context.Context, nat string, c CrossTraffic) (_ *Traffic, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("lab %s: cross traffic through %s: %w", l.topology.Name, nat, err)
		}
	}()
	if err := c.Check(); err != nil {
		return nil, err
	}
	r := l.routers[nat]
	if r == nil {
		return nil, fmt.Errorf("no such NAT; the lab has: %s", strings.Join(slices.Sorted(maps.Keys(l.routers)), ", "))
	}
	crowd, err := l.gather(ctx, r.node)
	if err != nil {
		return nil, err
	}
	socket, err := crowd.socket()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	t := &Traffic{stop: stop, ended: make(chan struct{})}
	l.gathering.Lock()
	l.traffic = append(l.traffic, t)
	l.gathering.Unlock()
	go func() {
		defer close(t.ended)
		defer l.forget(t)
		t.run(ctx, crowd, socket, c)
	}()
	return t, nil
}

// forget lets go of traffic that has ended.
func (l *Lab) forget(t *Traffic) {
	l.gathering.Lock()
	defer l.gathering.Unlock()
	l.traffic = slices.DeleteFunc(l.traffic, func(other *Traffic) bool { return other == t })
}

// run opens flows, each at its time, until ctx ends. A flow's time does not
// depend on how late the one before it was.
func (t *Traffic) run(ctx context.Context, from *crowd, socket *os.File, c CrossTraffic) {
	defer socket.Close()
	gap, protocol := c.gaps(), trafficProtocols[c.Protocol]
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	<-alarm.C
	for due := time.Now(); ; {
		due = due.Add(gap())
		alarm.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-alarm.C:
		}
		_, err := socket.Write(from.next(protocol))
		if t.opened(time.Since(due), err); err != nil {
			return
		}
	}
}

// opened notes a flow, or why there will be no more.
func (t *Traffic) opened(late time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.err = fmt.Errorf("cross traffic: %w", err)
		return
	}
	t.stats.Opened++
	t.stats.Lateness = max(t.stats.Lateness, late)
}

// Stats tells what the traffic has done, and the error that ended it, if one
// did.
func (t *Traffic) Stats() (TrafficStats, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats, t.err
}

// Stop ends the traffic. No flow is opened after it has returned. It returns
// the error that ended the traffic before, if one did; a further call, the same.
func (t *Traffic) Stop() error {
	t.stop()
	<-t.ended
	_, err := t.Stats()
	return err
}

// disperse ends all cross traffic. What ended some of it before is told to who
// asks for its statistics.
func (l *Lab) disperse() error {
	l.gathering.Lock()
	all := slices.Clone(l.traffic) // each that ends is removed
	l.gathering.Unlock()
	for _, t := range all {
		_ = t.Stop()
	}
	var errs []error
	for _, c := range l.crowds {
		errs = append(errs, c.ns.Close())
	}
	return errors.Join(errs...)
}
