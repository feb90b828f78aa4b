package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// "Nothing arrived" is never a matter of time here. A packet that is sent over
// a veth pair is put at the end of the backlog queue of the sender's processor,
// which is emptied in order, and what a router makes of it goes to the end of
// the same queue (net/core/dev.c: netif_rx, enqueue_to_backlog, process_backlog;
// veth does so unless NAPI was switched on, drivers/net/veth.c). So a packet that
// is sent later by a thread of the same processor, and goes through the queue
// as often, comes out of it later. A fence is such a packet: it goes to and fro
// next door to the NAT until it has been in the queue more often than a probe
// and all that follows from it can have been. Once it has arrived, everything
// that was sent before it has arrived as well, or never will.

const (
	// probeTTL bounds the hops of a probe, should a NAT and its upstream router
	// send it to and fro.
	probeTTL = 8
	// crossings is how often a fence goes from one host to the other. Each
	// crossing takes two turns in the queue: one from the host to the bridge of
	// the segment, one on to the other host. A probe that is turned round to the
	// inside takes four, and as many again if it is answered there.
	crossings = 8
	// lost is how long a fence may take, on a machine that is busy with other
	// things, before something must be wrong with the lab. It is no evidence of
	// anything else.
	lost = 20 * time.Second
	// volleySize is how many packets are sent between two fences: the queue, which
	// all labs of a processor share, holds a thousand (net.core.netdev_max_backlog).
	volleySize = 64
)

// errFence says that a lab did not deliver what it must.
var errFence = errors.New("a packet between two hosts outside did not arrive")

// shot is a packet to be sent by a station.
type shot struct {
	from *station
	packet
}

// arrival is a packet that has come to a station.
type arrival struct {
	at *station
	packet
}

// shoot sends packets one after the other and returns what arrives anywhere
// because of them, in the order of arrival at each station.
func (s *scene) shoot(shots ...shot) ([]arrival, error) {
	var all []arrival
	for len(shots) > 0 {
		n := min(volleySize, len(shots))
		for _, sh := range shots[:n] {
			to := s.wan
			if s.inside(sh.from) {
				to = s.lan
			}
			if err := sh.from.send(sh.packet, to); err != nil {
				return nil, err
			}
		}
		arrived, err := s.settle()
		if err != nil {
			return nil, err
		}
		all, shots = append(all, arrived...), shots[n:]
	}
	return all, nil
}

// settle waits until all that was sent has arrived, and returns what has.
func (s *scene) settle() ([]arrival, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	var all []arrival
	ends := [2]*station{s.observer, s.stranger}
	for i := range crossings {
		from, to := ends[i%2], ends[(i+1)%2]
		fence := s.fence(from, to)
		if err := from.send(fence, to.device.HardwareAddr); err != nil {
			return nil, err
		}
		before, err := s.await(to, fence)
		if err != nil {
			return nil, err
		}
		all = append(all, before...)
	}
	for _, at := range s.stations() {
		for {
			p, ok, err := at.receive()
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			all = append(all, arrival{at, p})
		}
	}
	return all, nil
}

// discard is the port of fences (RFC 863), which no probe uses.
const discard = 9

func (s *scene) fence(from, to *station) packet {
	s.fences++
	return packet{
		protocol: udp, ttl: 64,
		source:  netip.AddrPortFrom(from.addrs[0], discard),
		target:  netip.AddrPortFrom(to.addrs[0], discard),
		payload: binary.BigEndian.AppendUint32(nil, s.fences),
	}
}

// await waits for a fence and returns what has come to the same station before.
func (s *scene) await(at *station, fence packet) ([]arrival, error) {
	var before []arrival
	for end := time.Now().Add(lost); ; {
		p, ok, err := at.receive()
		switch {
		case err != nil:
			return nil, err
		case ok && p.source == fence.source && p.target == fence.target && string(p.payload) == string(fence.payload):
			return before, nil
		case ok:
			before = append(before, arrival{at, p})
			continue
		case time.Now().After(end):
			return nil, fmt.Errorf("%w within %v", errFence, lost)
		}
		if err := at.wait(); err != nil {
			return nil, err
		}
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// wait returns when something has arrived, or after a while.
func (s *station) wait() error {
	const while = 100 // milliseconds, between two looks at whether to go on
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, while)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("%s: poll: %w", s.name, err)
	}
	return nil
}
