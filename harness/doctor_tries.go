package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
)

// tryProfile applies the rules of a profile.
func tryProfile(ns *kernel.Namespace, p natprofiles.Profile) error {
	return natrules.NAT(p, natrules.Place{WAN: wanDevice}).Apply(ns.FD())
}

// The addresses of a patient.
var (
	leftAddr     = netip.MustParseAddr("203.0.113.2")
	leftGateway  = netip.MustParseAddr("203.0.113.1")
	rightAddr    = netip.MustParseAddr("198.51.100.2")
	rightGateway = netip.MustParseAddr("198.51.100.1")
)

// patientBits is the length of the prefix that either network has.
const patientBits = 24

// tryCables connects the patient's hosts to its router.
func tryCables(ctx context.Context, p *patient) error {
	for _, c := range []struct {
		host          *kernel.Namespace
		addr, gateway netip.Addr
		device        string // of the router
	}{
		{p.left, leftAddr, leftGateway, "left"},
		{p.right, rightAddr, rightGateway, "right"},
	} {
		ends := [2]kernel.End{{Namespace: c.host, Name: hostDevice}, {Namespace: p.router, Name: c.device}}
		if err := kernel.Join(ends[0], ends[1]); err != nil {
			return err
		}
		for i, addr := range []netip.Addr{c.addr, c.gateway} {
			configured := kernel.Interface{Name: ends[i].Name, Addrs: []netip.Prefix{netip.PrefixFrom(addr, patientBits)}}
			if err := ends[i].Namespace.Configure(configured); err != nil {
				return err
			}
		}
		if err := c.host.AddRoute(kernel.Route{To: everywhere, Via: c.gateway}); err != nil {
			return err
		}
		if err := c.host.WaitUp(ctx, hostDevice); err != nil {
			return err
		}
	}
	return nil
}

// patientDelay is long enough for a packet to be seen held.
const patientDelay = time.Millisecond

// tryHeldPackets has the router delay what the left host sends to the right.
func tryHeldPackets(ctx context.Context, p *patient) (err error) {
	if p.links, err = link.New(); err != nil {
		return err
	}
	at := link.Place{Name: "patient", Router: p.router, Uplink: "right"}
	if _, err := p.links.Hold(at, links.Delayed(patientDelay)); err != nil {
		return err
	}
	return sendUntil(ctx, p, func(s link.Stats) bool { return s.Held > 0 })
}

// tryTimeStamps waits for a packet with a stamp. The first ones may have none:
// the kernel switches stamping on when it finds the time.
func tryTimeStamps(ctx context.Context, p *patient) error {
	if p.links == nil {
		return errNothingHeld
	}
	return sendUntil(ctx, p, func(s link.Stats) bool { return s.Held > s.Unstamped })
}

var errNothingHeld = errors.New("no packet came through that was held")

// discard is the port that packets are sent to. That of RFC 863 would need the
// capability to bind ports below 1024, which labs do without.
const discard = 9009

// patience is how long a packet may take before the next is sent.
const patience = 100 * time.Millisecond

// sendUntil sends packets from left to right until one has arrived and the
// router's link has seen enough.
func sendUntil(ctx context.Context, p *patient, enough func(link.Stats) bool) error {
	to := netip.AddrPortFrom(rightAddr, discard)
	var receiver, sender *net.UDPConn
	err := errors.Join(
		p.right.Do(func() (err error) {
			receiver, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(to))
			return err
		}),
		p.left.Do(func() (err error) {
			sender, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
			return err
		}),
	)
	if receiver != nil {
		defer receiver.Close()
	}
	if sender != nil {
		defer sender.Close()
	}
	for err == nil && ctx.Err() == nil {
		if _, err := sender.Write([]byte{0}); err != nil {
			return err
		}
		if err := receiver.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err := receiver.Read(make([]byte, 1))
		stats, fault := p.links.Stats()
		switch {
		case fault != nil:
			return fault
		case err == nil && enough(stats):
			return nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
	}
	if err == nil {
		err = fmt.Errorf("%w: %w", errNothingHeld, context.Cause(ctx))
	}
	return err
}
