package kernel_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
)

var (
	leftMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	rightMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
	leftIP   = netip.MustParseAddr("198.18.0.1")
	rightIP  = netip.MustParseAddr("198.18.0.2")
)

// pair makes two namespaces that are connected.
func pair(t *testing.T) (left, right *kernel.Namespace) {
	t.Helper()
	both := namespaces(t, 2)
	left, right = both[0], both[1]
	err := kernel.Join(
		kernel.End{Namespace: left, Name: "left", MAC: leftMAC},
		kernel.End{Namespace: right, Name: "right", MAC: rightMAC})
	if err != nil {
		t.Fatal(err)
	}
	for ns, i := range map[*kernel.Namespace]kernel.Interface{
		left: {
			Name: "left", Addrs: []netip.Prefix{netip.PrefixFrom(leftIP, 24)},
			Neighbours: []kernel.Neighbour{{Addr: rightIP, MAC: rightMAC}},
		},
		right: {
			Name: "right", Addrs: []netip.Prefix{netip.PrefixFrom(rightIP, 24)},
			Neighbours: []kernel.Neighbour{{Addr: leftIP, MAC: leftMAC}},
		},
	} {
		if err := ns.Configure(i); err != nil {
			t.Fatal(err)
		}
	}
	for ns, name := range map[*kernel.Namespace]string{left: "left", right: "right"} {
		if err := ns.WaitUp(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return left, right
}

// ask sends a datagram from left to right and returns the answer.
func ask(t *testing.T, left, right *kernel.Namespace) string {
	t.Helper()
	to := netip.AddrPortFrom(rightIP, 4321).String()
	var server net.PacketConn
	var client net.Conn
	err := errors.Join(
		right.Do(func() (err error) { server, err = net.ListenPacket("udp4", to); return err }),
		left.Do(func() (err error) { client, err = net.Dial("udp4", to); return err }))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	defer client.Close()
	go echo(server, "here")
	if err := client.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 10)
	n, err := client.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer[:n])
}

// With permanent neighbours the first packet leaves at once, and is the only
// one: nobody asks for addresses by ARP.
func TestAPairCarriesPacketsWithoutARP(t *testing.T) {
	left, right := pair(t)
	before, err := left.SentPackets("left")
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, left, right); got != "here" {
		t.Errorf("the answer was %q", got)
	}
	after, err := left.SentPackets("left")
	if err != nil {
		t.Fatal(err)
	}
	// A new interface may still report its multicast groups (RFC 3376).
	if after == before || after > before+2 {
		t.Errorf("%d packets were sent for one datagram", after-before)
	}
	var text strings.Builder
	if err := left.Describe(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"left veth", leftMAC.String(), leftIP.String() + "/24", rightIP.String() + " " + rightMAC.String(), "198.18.0.0/24"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
}

func TestAPulledCableCarriesNothing(t *testing.T) {
	left, _ := pair(t)
	if err := left.SetDown("left"); err != nil {
		t.Fatal(err)
	}
	err := left.Do(func() error {
		conn, err := net.Dial("udp4", netip.AddrPortFrom(rightIP, 4321).String())
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	if !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("dialed through a pulled cable: %v", err)
	}
}

// What is no longer delivered is no longer the namespace's own, while other
// interfaces' addresses are.
func TestStopDeliveryTakesAnInterfacesAddresses(t *testing.T) {
	left, right := pair(t)
	if err := left.LoopbackUp(); err != nil {
		t.Fatal(err)
	}
	if err := left.StopDelivery("left"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ns   *kernel.Namespace
		addr netip.Addr
		want error
	}{{left, leftIP, unix.EADDRNOTAVAIL}, {left, netip.MustParseAddr("127.0.0.1"), nil}, {right, rightIP, nil}} {
		err := c.ns.Do(func() error {
			conn, err := net.ListenPacket("udp4", netip.AddrPortFrom(c.addr, 4321).String())
			if err == nil {
				err = conn.Close()
			}
			return err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("a socket at %s: %v, want %v", c.addr, err, c.want)
		}
	}
}

// An interface whose other end is down is not up, sooner or later.
func TestWaitUpEndsWithItsContext(t *testing.T) {
	left, right := pair(t)
	if err := left.SetDown("left"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := right.WaitUp(ctx, "right")
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "right is not up") {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("WaitUp returned %v", err)
		}
	}
}

func TestABridgeJoinsItsPorts(t *testing.T) {
	three := namespaces(t, 3)
	left, middle, right := three[0], three[1], three[2]
	if err := middle.Bridge("br", net.HardwareAddr{2, 0, 0, 0, 0, 3}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host *kernel.Namespace
		name string
		addr netip.Addr
	}{{left, "left", leftIP}, {right, "right", rightIP}} {
		port := "port-" + c.name
		err := errors.Join(
			kernel.Join(kernel.End{Namespace: c.host, Name: c.name}, kernel.End{Namespace: middle, Name: port}),
			middle.Configure(kernel.Interface{Name: port, Bridge: "br"}),
			c.host.Configure(kernel.Interface{Name: c.name, Addrs: []netip.Prefix{netip.PrefixFrom(c.addr, 24)}}))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := middle.Configure(kernel.Interface{Name: "br"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"port-left", "port-right", "br"} {
		if err := middle.WaitUp(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, left, right); got != "here" {
		t.Errorf("the answer was %q", got)
	}
}

func TestErrorsNameWhatTheyAreAbout(t *testing.T) {
	left, right := pair(t)
	for want, err := range map[string]error{
		"interface nothing": left.Configure(kernel.Interface{Name: "nothing"}),
		"bridge nothing":    left.Configure(kernel.Interface{Name: "left", Bridge: "nothing"}),
		"address 198.18.0.1/24": left.Configure(kernel.Interface{
			Name: "left", Addrs: []netip.Prefix{netip.PrefixFrom(leftIP, 24)}, // for the second time
		}),
		"veth left - again": kernel.Join(kernel.End{Namespace: left, Name: "left"}, kernel.End{Namespace: right, Name: "again"}),
		"route 10.0.0.0/8 via 203.0.113.1": left.AddRoute(kernel.Route{
			To: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("203.0.113.1"), // of no network
		}),
		"interface gone": left.SetDown("gone"),
		"interface mute": left.StopDelivery("mute"),
		"interface lost": left.SetNetem("lost", links.Conditions{}, 0),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), ": "+want) {
			t.Errorf("%v, want an error about %s", err, want)
		}
	}
}

func TestConntrackIsFlushed(t *testing.T) {
	left, right := pair(t)
	if err := right.FlushConntrack(); err != nil {
		t.Errorf("nothing is tracked: %v", err)
	}
	// Its rules make the namespace track connections.
	masquerade := natprofiles.Profile{Translate: true, Input: natprofiles.InputOpen}
	if err := natrules.Linux(masquerade, "left").Apply(left.FD()); err != nil {
		t.Fatal(err)
	}
	ask(t, left, right)
	for _, tracked := range []bool{true, false} {
		var text strings.Builder
		if err := left.Describe(&text); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(text.String(), "dst="+rightIP.String()); got != tracked {
			t.Errorf("the connection is tracked: %v, want %v:\n%s", got, tracked, &text)
		}
		if err := left.FlushConntrack(); err != nil {
			t.Fatal(err)
		}
	}
}
