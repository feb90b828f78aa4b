package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/topologies"
)

// crowd is a host behind a NAT that stands for many: it opens the flows of
// cross traffic. It has a network to itself, which the NAT's rules know from the
// beginning, and is there from its first use on.
type crowd struct {
	ns    *kernel.Namespace
	addrs []netip.Addr
	sink  netip.AddrPort
	flows atomic.Uint64 // opened so far, by all traffic
}

const (
	crowdDevice = "crowd" // of the NAT
	// crowdAddresses times crowdPorts flows have a source endpoint of their
	// own.
	crowdAddresses  = 8
	firstCrowdPort  = 1024
	crowdPorts      = math.MaxUint16 + 1 - firstCrowdPort
	crowdEndpoints  = crowdAddresses * crowdPorts
	httpsPort       = 443 // where most flows of the internet go
	crowdMACGateway = 1
	crowdMACHost    = 2
)

// crowdMAC is an address that no machine of the plan has.
func crowdMAC(last byte) net.HardwareAddr { return net.HardwareAddr{0x02, 0x01, 0, 0, 0, last} }

// gather returns the crowd behind a NAT, which it makes if there is none yet.
func (l *Lab) gather(ctx context.Context, n *node) (_ *crowd, err error) {
	l.gathering.Lock()
	defer l.gathering.Unlock()
	if c := l.crowds[n]; c != nil {
		return c, nil
	}
	host := &machine{Node: topologies.Node{Kind: topologies.Host}}
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{host.settings()})
	if err != nil {
		return nil, explain(err)
	}
	core := l.nodes[0]
	c := &crowd{ns: made[0], sink: netip.AddrPortFrom(core.sink.Addr().Next(), httpsPort)}
	if err := c.join(ctx, n); err != nil {
		return nil, errors.Join(err, c.ns.Close())
	}
	l.crowds[n] = c
	return c, nil
}

// join lays the cable between the crowd and its NAT.
func (c *crowd) join(ctx context.Context, n *node) error {
	free := &addresses{of: n.crowd, last: n.crowd.Addr()}
	gateway := free.take(1)[0]
	c.addrs = free.take(crowdAddresses)
	members := []kernel.Neighbour{{Addr: gateway, MAC: crowdMAC(crowdMACGateway)}}
	for _, addr := range c.addrs {
		members = append(members, kernel.Neighbour{Addr: addr, MAC: crowdMAC(crowdMACHost)})
	}
	ends := [2]kernel.End{
		{Namespace: n.ns, Name: crowdDevice, MAC: crowdMAC(crowdMACGateway)},
		{Namespace: c.ns, Name: hostDevice, MAC: crowdMAC(crowdMACHost)},
	}
	for _, step := range []func() error{
		func() error { return kernel.Join(ends[0], ends[1]) },
		func() error {
			return n.ns.Configure(configured(crowdDevice, n.crowd, []netip.Addr{gateway}, members))
		},
		func() error { return c.ns.Configure(configured(hostDevice, n.crowd, c.addrs, members)) },
		func() error { return c.ns.AddRoute(kernel.Route{To: everywhere, Via: gateway}) },
		func() error { return n.ns.WaitUp(ctx, crowdDevice) },
		func() error { return c.ns.WaitUp(ctx, hostDevice) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// socket opens a socket that sends packets of the crowd.
func (c *crowd) socket() (*os.File, error) {
	var socket *os.File
	err := c.ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		socket = os.NewFile(uintptr(fd), "raw socket")
		return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrInet4{Addr: c.sink.Addr().As4()}))
	})
	if err != nil && socket != nil {
		err = errors.Join(err, socket.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("crowd: %w", err)
	}
	return socket, nil
}

// next is the first packet of the next flow, from an endpoint that has not been
// used before, or not since crowdEndpoints flows ago.
func (c *crowd) next(protocol byte) []byte {
	flow := c.flows.Add(1) - 1
	endpoint := flow % crowdEndpoints
	from := netip.AddrPortFrom(c.addrs[endpoint/crowdPorts], uint16(firstCrowdPort+endpoint%crowdPorts))
	return opening(protocol, from, c.sink, uint32(flow))
}
