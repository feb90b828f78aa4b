package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/topologies"
)

// deep is three NATs, one behind the other, without any delay.
var deep = topologies.Topology{Name: "deep", Nodes: []topologies.Node{
	{Name: "transit-a", Kind: topologies.Transit, Behind: topologies.Core},
	{Name: "transit-s", Kind: topologies.Transit, Behind: topologies.Core},
	{Name: "outer", Kind: topologies.NAT, Behind: "transit-a", Slot: "outer"},
	{Name: "middle", Kind: topologies.NAT, Behind: "outer", Slot: "middle"},
	{Name: "inner", Kind: topologies.NAT, Behind: "middle", Slot: "inner"},
	{Name: "alice", Kind: topologies.Host, Behind: "inner"},
	{Name: "bob", Kind: topologies.Host, Behind: "transit-s"},
	{Name: "rendezvous", Kind: topologies.Host, Behind: "transit-s", Addresses: 2},
}}

// Whatever stands in front of, between and behind what, TCP and UDP pass in
// both directions, with an external address of the outermost that translates.
func TestEveryKindWorksBehindEveryOther(t *testing.T) {
	Need(t)
	different := []string{"linux", "symmetric", "firewall", "router"}
	for _, outer := range different {
		for _, middle := range different {
			for _, inner := range different {
				t.Run(outer+"/"+middle+"/"+inner, func(t *testing.T) {
					lab := buildTopology(t, deep, NATs{"outer": kind(t, outer), "middle": kind(t, middle), "inner": kind(t, inner)})
					want := lab.seenAs(t, "alice")
					for network, seen := range map[string]netip.AddrPort{"tcp": overTCP(t, lab), "udp": overUDP(t, lab)} {
						if !slices.Contains(want, seen.Addr()) {
							t.Errorf("%s: the rendezvous saw %s, want one of %s", network, seen, want)
						}
					}
				})
			}
		}
	}
}

// seenAs is what addresses a host's packets have in the core.
func (l *Lab) seenAs(t *testing.T, host string) []netip.Addr {
	t.Helper()
	seen := l.Host(host).Addrs()
	for m := l.node(t, host).machine; m != nil; m = m.parent {
		if m.hides() {
			seen = l.Router(m.Name).External()
		}
	}
	return seen
}

// overTCP has alice ask the rendezvous over TCP what address it sees.
func overTCP(t *testing.T, lab *Lab) netip.AddrPort {
	t.Helper()
	server := lab.Host("rendezvous")
	listener, err := server.Listen(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	failed := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = fmt.Fprint(conn, conn.RemoteAddr())
			err = errors.Join(err, conn.Close())
		}
		failed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), hopes)
	defer cancel()
	conn, err := lab.Host("alice").Dial(ctx, netip.AddrPortFrom(server.Addrs()[0], port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	seen := answer(t, conn)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return seen
}

// answer reads an endpoint.
func answer(t *testing.T, conn net.Conn) netip.AddrPort {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(hopes)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 100)
	n, err := conn.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := netip.ParseAddrPort(string(text[:n]))
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// overUDP asks the same over UDP.
func overUDP(t *testing.T, lab *Lab) netip.AddrPort {
	t.Helper()
	m := mailbox(t, lab)
	m.send(t, "question")
	if err := m.receiver.SetReadDeadline(time.Now().Add(hopes)); err != nil {
		t.Fatal(err)
	}
	_, from, err := m.receiver.ReadFromUDPAddrPort(make([]byte, 100))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.receiver.WriteToUDPAddrPort([]byte(from.String()), from); err != nil {
		t.Fatal(err)
	}
	if seen := answer(t, m.sender); seen != from {
		t.Errorf("asked by %s and answered %s", from, seen)
	}
	return from
}

// Three NATs that let everybody in let bob in as far as alice.
func TestConesBehindConesLetEverybodyIn(t *testing.T) {
	lab := buildTopology(t, deep, everySlot(deep, kind(t, "cone")))
	if got := dialed(t, lab.Host("bob"), mapped(t, lab)); got != "connected" {
		t.Errorf("bob's SYN was %s", got)
	}
}

// Subscribers of one carrier meet at their external endpoints if their
// carrier's NAT and the homes' let everybody in. Linux's own NAT does not turn
// packets round: its address is its own, and its own TCP refuses the SYN.
func TestACarrierTurnsPacketsRound(t *testing.T) {
	for name, want := range map[string]string{"cone": "connected", "linux": "reset"} {
		lab := build(t, "carrier", everySlot(topology(t, "carrier"), kind(t, name)))
		alice, bob := mappedFor(t, lab, "alice"), mappedFor(t, lab, "bob")
		for _, c := range []struct {
			from string
			to   netip.AddrPort
		}{{"alice", bob}, {"bob", alice}, {"carol", bob}} {
			if got := dialed(t, lab.Host(c.from), c.to); got != want {
				t.Errorf("%s: %s's SYN to %s was %s, want %s", name, c.from, c.to, got, want)
			}
		}
	}
}
