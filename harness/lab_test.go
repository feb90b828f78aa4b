package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/leaktest"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

func TestNewSaysEverythingThatIsWrongWithTheSlots(t *testing.T) {
	topo := topology(t, "double-nat")
	_, err := New(t.Context(), topo, NATs{"a": profile(t, "none"), "c": profile(t, "none")})
	want := "lab double-nat: slot b has no profile\nno slot \"c\"; the slots are: a, b, carrier"
	if fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestASlotTakesItsDefault(t *testing.T) {
	p := profile(t, "none")
	lab := build(t, "double-nat", NATs{"a": p, "b": p})
	if got := lab.node(t, "carrier").profile.Name; got != "linux-masquerade" {
		t.Errorf("the carrier is %s, want the default of its slot", got)
	}
	lab = build(t, "double-nat", NATs{"a": p, "b": p, "carrier": p})
	if got := lab.node(t, "carrier").profile.Name; got != "none" {
		t.Errorf("the carrier is %s, want none", got)
	}
}

// mortal is a context that ends after some questions whether it has.
type mortal struct {
	context.Context
	left atomic.Int64
}

func (m *mortal) Err() error {
	if m.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever the context ends, nothing is left of what had been built.
func TestNewIsAllOrNothing(t *testing.T) {
	topo := topology(t, "same-nat")
	nats := NATs{"a": profile(t, "openwrt")}
	build(t, "same-nat", nats) // opens what is opened once
	leaktest.Watch(t)
	for steps := range int64(1000) {
		ctx := &mortal{Context: t.Context()}
		ctx.left.Store(steps)
		lab, err := New(ctx, topo, nats)
		if err == nil {
			if err := lab.Close(); err != nil {
				t.Error(err)
			}
			if steps < int64(len(topo.Nodes)) {
				t.Errorf("New looked at its context %d times only", steps)
			}
			return
		}
		if lab != nil || !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "lab same-nat: ") {
			t.Fatalf("after %d steps: lab %v, error %v", steps, lab, err)
		}
	}
	t.Error("New never ended")
}

// The same for a plan that the kernel refuses, at each of its machines.
func TestWhatTheKernelRefusesLeavesNothingBehind(t *testing.T) {
	topo := topology(t, "two-nats")
	nats := everySlot(topo, profile(t, "linux-masquerade"))
	build(t, "two-nats", nats) // opens what is opened once
	leaktest.Watch(t)
	nowhere := kernel.Route{To: everywhere, Via: netip.MustParseAddr("192.0.2.99")}
	for i := range topo.Nodes {
		p, err := newPlan(topo, nats, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := p.machines[i+1]
		m.routes = []kernel.Route{nowhere}
		if m.Name == topologies.Rendezvous {
			m.routes[0].Via = netip.MustParseAddr("203.0.113.99")
		}
		lab := emptyLab(topo)
		err = lab.build(t.Context(), p)
		if !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EHOSTUNREACH) || !strings.HasPrefix(err.Error(), m.Name+": ") {
			t.Errorf("%s with a way to nowhere: %v", m.Name, err)
		}
		if err := lab.tearDown(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

func TestTheUnbuildableLeavesNothingBehind(t *testing.T) {
	Need(t)
	leaktest.Watch(t)
	lab, err := New(t.Context(), crowded(1, 1, 16), NATs{"a": profile(t, "none")})
	if lab != nil || err == nil {
		t.Errorf("lab %v, error %v", lab, err)
	}
	if lab, err := New(t.Context(), topology(t, "two-nats"), nil); lab != nil || err == nil {
		t.Errorf("lab %v, error %v", lab, err)
	}
}

// What a lab answers after its end must be errors, and must not reach the
// descriptors of others that have the numbers of its own.
func TestAClosedLabAnswersNothing(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "openwrt")})
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	if err := lab.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	alice := lab.Host("alice")
	_, linksErr := lab.Links()
	_, sentErr := alice.Sent()
	_, trafficErr := lab.CrossTraffic(t.Context(), "nat-a", CrossTraffic{PerSecond: 1})
	for what, err := range map[string]error{
		"Reset": lab.Reset(), "Links": linksErr, "Dump": lab.Dump(&strings.Builder{}),
		"Unplug": alice.Unplug(), "Mute": alice.Mute(), "Sent": sentErr, "CrossTraffic": trafficErr,
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v, want %v", what, err, os.ErrClosed)
		}
	}
	if _, err := alice.Dial(t.Context(), netip.AddrPortFrom(lab.Host("bob").Addrs()[0], port)); err == nil {
		t.Error("alice connected in a closed lab")
	}
}

// A fresh lab carries its first packet: every interface works once New has
// returned, also on a machine that is busy with building other labs.
func TestAFreshLabLosesNothing(t *testing.T) {
	Need(t)
	topo := topology(t, "two-nats")
	for i := range topo.Nodes {
		topo.Nodes[i].Link = links.Link{} // which would give the interfaces time
	}
	nats := everySlot(topo, profile(t, "linux-masquerade"))
	failed := make(chan error)
	const builders, labs = 8, 4
	for range builders {
		go func() {
			var err error
			for range labs {
				err = errors.Join(err, firstPacket(t.Context(), topo, nats))
			}
			failed <- err
		}()
	}
	for range builders {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

// firstPacket builds a lab and says whether its first SYN was lost.
func firstPacket(ctx context.Context, topo topologies.Topology, nats NATs) error {
	lab, err := New(ctx, topo, nats)
	if err != nil {
		return err
	}
	defer lab.Close()
	server := lab.Host("rendezvous")
	listener, err := server.Listen(ctx, fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	defer listener.Close()
	conn, err := lab.Host("alice").Dial(ctx, netip.AddrPortFrom(server.Addrs()[0], port))
	if err != nil {
		return err
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	var info *unix.TCPInfo
	var infoErr error
	if err := raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); err != nil || infoErr != nil {
		return errors.Join(err, infoErr)
	}
	if info.Total_retrans > 0 {
		return fmt.Errorf("the first SYN of a fresh lab was sent again %d times", info.Total_retrans)
	}
	return nil
}

func TestManyLabsLeaveNothingBehind(t *testing.T) {
	Need(t)
	topo := topology(t, "two-nats")
	nats := everySlot(topo, profile(t, "linux-masquerade"))
	one := func() {
		if err := firstPacket(t.Context(), topo, nats); err != nil {
			t.Fatal(err)
		}
	}
	one() // opens what is opened once
	leaktest.Watch(t)
	for range 200 {
		one()
	}
}

func TestDumpTellsOfEveryNode(t *testing.T) {
	lab := build(t, "two-nats", NATs{"a": profile(t, "openwrt"), "b": profile(t, "none")})
	mapped(t, lab)
	var dump strings.Builder
	if err := lab.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	nodes := strings.Split(strings.TrimPrefix(dump.String(), "== "), "\n== ")
	if len(nodes) != len(lab.nodes) {
		t.Fatalf("%d nodes, want %d:\n%s", len(nodes), len(lab.nodes), &dump)
	}
	alice, server := lab.Host("alice").Addrs()[0], lab.Host("rendezvous").Addrs()[0]
	for i, n := range lab.nodes {
		want := []string{n.Name, n.ns.ID(), "  links:\n", "  routes:\n", "  neighbours:\n", "  conntrack:\n"}
		for _, l := range n.interfaces {
			want = append(want, ": "+l.Name+" ")
		}
		for _, r := range n.routes {
			want = append(want, r.Via.String())
		}
		switch n.Name {
		case "nat-a":
			want = append(want, "(openwrt)", "masquerade", "reject with tcp reset", "src="+alice.String()+" dst="+server.String())
		case "core":
			want = append(want, "ip saddr 10.0.0.0/8 drop")
		case "transit-a":
			want = append(want, "table ip link", "chain forward")
		}
		for _, w := range want {
			if !strings.Contains(nodes[i], w) {
				t.Errorf("%s: no %q in\n%s", n.Name, w, nodes[i])
			}
		}
	}
}

// Every node has the settings of its kind, whatever the machine's own are.
func TestEveryNodeHasItsSettings(t *testing.T) {
	lab := build(t, "same-nat", NATs{"a": profile(t, "linux-masquerade")})
	for _, n := range lab.nodes {
		for _, s := range n.settings() {
			var value []byte
			err := n.ns.Do(func() (err error) {
				value, err = os.ReadFile("/proc/sys/net/" + s.Path)
				return err
			})
			if s.Optional && errors.Is(err, os.ErrNotExist) {
				continue
			}
			if got := strings.Join(strings.Fields(string(value)), " "); err != nil || got != s.Value {
				t.Errorf("%s: %s is %q, %v; want %s", n.Name, s.Path, got, err, s.Value)
			}
		}
	}
}

// What the mappings of a NAT are stands in the dump, for who wonders where his
// packets went.
func TestDumpTellsOfMappings(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "eim-apdf")})
	server := lab.Host("rendezvous")
	serve(t, server)
	conn, err := lab.Host("alice").Dial(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var dump strings.Builder
	if err := lab.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	local := netip.MustParseAddrPort(conn.LocalAddr().String())
	if want := fmt.Sprintf("tcp_map: %s . %d = ", local.Addr(), local.Port()); !strings.Contains(dump.String(), want) {
		t.Errorf("the dump has no %q:\n%s", want, &dump)
	}
}
