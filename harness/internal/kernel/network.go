package kernel

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a veth pair: an interface of a namespace.
type End struct {
	Namespace *Namespace
	Name      string // at most 15 bytes
	MAC       net.HardwareAddr
}

// Join makes a veth pair with an end in each of two namespaces. Both ends are
// down and have no address.
func Join(a, b End) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a.Name
	attrs.HardwareAddr = a.MAC
	attrs.Namespace = netlink.NsFd(a.Namespace.FD())
	// One queue each way: packets of a link must not overtake each other, and
	// a queue costs memory in each of hundreds of labs.
	attrs.NumTxQueues, attrs.NumRxQueues = 1, 1
	pair := &netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         b.Name,
		PeerHardwareAddr: b.MAC,
		PeerNamespace:    netlink.NsFd(b.Namespace.FD()),
	}
	h, err := a.Namespace.routing()
	if err == nil {
		err = h.LinkAdd(pair)
	}
	if err != nil {
		return fmt.Errorf("veth %s - %s: %w", a.Name, b.Name, err)
	}
	return nil
}

// Bridge makes a bridge that is down and has no ports.
func (ns *Namespace) Bridge(name string, mac net.HardwareAddr) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.HardwareAddr = mac
	h, err := ns.routing()
	if err == nil {
		err = h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})
	}
	if err != nil {
		return fmt.Errorf("bridge %s: %w", name, err)
	}
	return nil
}

// Neighbour is a permanent entry of an interface's neighbour table.
type Neighbour struct {
	Addr netip.Addr
	MAC  net.HardwareAddr
}

// Interface is what Configure makes of a link that exists.
type Interface struct {
	Name   string
	Addrs  []netip.Prefix
	Bridge string // a bridge of the same namespace that takes the link as its port
	// Neighbours spare the first packets a round trip of ARP. They are also
	// what lets hundreds of labs live side by side: permanent entries do not
	// count towards gc_thresh3, which all namespaces share (net/core/neighbour.c).
	Neighbours []Neighbour
}

// Configure gives an interface its addresses, brings it up and fills its
// neighbour table.
func (ns *Namespace) Configure(i Interface) error {
	h, link, err := ns.find(i.Name)
	if err != nil {
		return err
	}
	if i.Bridge != "" {
		if err := enslave(h, link, i.Bridge); err != nil {
			return fmt.Errorf("interface %s: bridge %s: %w", i.Name, i.Bridge, err)
		}
	}
	for _, p := range i.Addrs {
		if err := h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(p)}); err != nil {
			return fmt.Errorf("interface %s: address %s: %w", i.Name, p, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("interface %s: up: %w", i.Name, err)
	}
	for _, n := range i.Neighbours {
		if err := h.NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, Family: unix.AF_INET, State: unix.NUD_PERMANENT,
			IP: n.Addr.AsSlice(), HardwareAddr: n.MAC,
		}); err != nil {
			return fmt.Errorf("interface %s: neighbour %s: %w", i.Name, n.Addr, err)
		}
	}
	return nil
}

// find looks an interface up, and returns what else can be asked about it.
func (ns *Namespace) find(name string) (*netlink.Handle, netlink.Link, error) {
	h, err := ns.routing()
	if err != nil {
		return nil, nil, fmt.Errorf("interface %s: %w", name, err)
	}
	link, err := h.LinkByName(name)
	if err != nil {
		return nil, nil, fmt.Errorf("interface %s: %w", name, err)
	}
	return h, link, nil
}

// retryUp is the pause between two looks at an interface that is not up yet.
const retryUp = time.Millisecond

// WaitUp waits until an interface sends what it is given. The end of a veth
// pair that is brought up first drops all that it is given until the kernel's
// link watch has seen that the other end is up too (net/core/link_watch.c), on
// a busy machine many milliseconds later. Since Linux 6.8 the question alone
// lets the link watch look at once (net/core/rtnetlink.c, rtnl_getlink).
func (ns *Namespace) WaitUp(ctx context.Context, name string) error {
	for {
		_, link, err := ns.find(name)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("interface %s is not up: %w", name, context.Cause(ctx))
		case <-time.After(retryUp):
		}
	}
}

func enslave(h *netlink.Handle, port netlink.Link, bridge string) error {
	master, err := h.LinkByName(bridge)
	if err != nil {
		return err
	}
	return h.LinkSetMaster(port, master)
}

// loopback is the index of lo, the first device of every namespace.
const loopback = 1

// LoopbackUp brings lo up, which is down in a new namespace.
func (ns *Namespace) LoopbackUp() error {
	h, err := ns.routing()
	if err == nil {
		err = h.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback}})
	}
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	return nil
}

// Route is a route of a lab.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
	MTU int // of the way; 0 for that of the interface
}

// AddRoute adds an IPv4 route.
func (ns *Namespace) AddRoute(r Route) error { return ns.route4(r, (*netlink.Handle).RouteAdd) }

// ReplaceRoute puts an IPv4 route into the place of the one to the same network.
func (ns *Namespace) ReplaceRoute(r Route) error { return ns.route4(r, (*netlink.Handle).RouteReplace) }

func (ns *Namespace) route4(r Route, do func(*netlink.Handle, *netlink.Route) error) error {
	h, err := ns.routing()
	if err == nil {
		err = do(h, &netlink.Route{Dst: ipNet(r.To), Gw: r.Via.AsSlice(), MTU: r.MTU})
	}
	if err != nil {
		return fmt.Errorf("route %s via %s: %w", r.To, r.Via, err)
	}
	return nil
}

// StopDelivery has the namespace forget that the addresses of an interface are
// its own: packets to them are no longer delivered, and nothing of the kernel's
// answers them. They are not forwarded either, nor refused (net/ipv4/route.c,
// ip_error), unless the namespace forwards. Raw sockets that make their own
// headers go on sending from these addresses, and packet sockets go on seeing
// what arrives.
func (ns *Namespace) StopDelivery(name string) error {
	h, link, err := ns.find(name)
	if err != nil {
		return err
	}
	local := &netlink.Route{Table: unix.RT_TABLE_LOCAL, LinkIndex: link.Attrs().Index}
	routes, err := dumped(func() ([]netlink.Route, error) {
		return h.RouteListFiltered(unix.AF_INET, local, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
	})
	for _, r := range routes {
		if err == nil {
			err = h.RouteDel(&r)
		}
	}
	if err != nil {
		return fmt.Errorf("interface %s: local routes: %w", name, err)
	}
	return nil
}

// SetDown pulls an interface's cable.
func (ns *Namespace) SetDown(name string) error {
	h, link, err := ns.find(name)
	if err != nil {
		return err
	}
	if err := h.LinkSetDown(link); err != nil {
		return fmt.Errorf("interface %s: down: %w", name, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// OwnLoopbackUp brings lo up in the namespace that this process lives in.
func OwnLoopbackUp() error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("routing netlink: %w", err)
	}
	defer h.Close()
	return (&Namespace{route: h}).LoopbackUp()
}
