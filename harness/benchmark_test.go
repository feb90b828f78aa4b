package harness_test

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// BenchmarkLab builds a two-nats lab and, in turn, the same network by bare
// calls (BenchmarkLabFloor), so that a busy minute falls on both. It reports
// the medians and their ratio.
func BenchmarkLab(b *testing.B) {
	harness.Need(b)
	topology, err := topologies.Get("two-nats")
	if err != nil {
		b.Fatal(err)
	}
	nat, err := natprofiles.Get("linux-masquerade")
	if err != nil {
		b.Fatal(err)
	}
	var labs, floors []float64
	for b.Loop() {
		began := time.Now()
		lab, err := harness.New(b.Context(), topology, harness.NATs{"a": nat, "b": nat})
		if err != nil {
			b.Fatal(err)
		}
		labs = append(labs, float64(time.Since(began).Microseconds())/1000)
		if err := lab.Close(); err != nil {
			b.Fatal(err)
		}
		floors = append(floors, floorTime(b))
	}
	b.ReportMetric(median(labs), "lab-ms")
	b.ReportMetric(median(floors), "floor-ms")
	b.ReportMetric(median(labs)/median(floors), "lab/floor")
}

// BenchmarkLabFloor is what a two-nats lab costs whoever writes it: nine
// namespaces, eight veth pairs, addresses, routes, forwarding, two masquerades
// with their filters, and two routers that hand packets over.
func BenchmarkLabFloor(b *testing.B) {
	harness.Need(b)
	var floors []float64
	for b.Loop() {
		floors = append(floors, floorTime(b))
	}
	b.ReportMetric(median(floors), "floor-ms")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// floorTime builds the floor and takes it down again. It returns the
// milliseconds of the building.
func floorTime(b *testing.B) float64 {
	b.Helper()
	began := time.Now()
	f := &floor{}
	err := f.build()
	took := float64(time.Since(began).Microseconds()) / 1000
	if err := errors.Join(err, f.close()); err != nil {
		b.Fatal(err)
	}
	return took
}

// floor is a two-nats network made by bare calls.
type floor struct {
	spaces  [9]netns.NsHandle
	handles [9]*netlink.Handle
	queues  []int
}

// The namespaces of the floor: 0 is the core, 1 to 3 its transits, 4 and 5 the
// NATs behind the first two, 6 and 7 their hosts, 8 the server behind the
// third.
var floorCables = []struct {
	parent, child int
	net, gateway  string // the child's address, and that of the parent
}{
	{0, 1, "198.18.0.2/28", "198.18.0.1/28"},
	{0, 2, "198.18.0.18/28", "198.18.0.17/28"},
	{0, 3, "198.18.0.34/28", "198.18.0.33/28"},
	{1, 4, "203.0.113.2/28", "203.0.113.1/28"},
	{2, 5, "198.51.100.2/28", "198.51.100.1/28"},
	{4, 6, "192.168.1.2/24", "192.168.1.1/24"},
	{5, 7, "192.168.2.2/24", "192.168.2.1/24"},
	{3, 8, "192.0.2.2/28", "192.0.2.1/28"},
}

func (f *floor) build() error {
	if err := f.namespaces(); err != nil {
		return err
	}
	for _, c := range floorCables {
		if err := f.cable(c.parent, c.child, c.net, c.gateway); err != nil {
			return err
		}
	}
	for i, to := range []string{"203.0.113.0/28", "198.51.100.0/28", "192.0.2.0/28"} {
		if err := f.route(0, to, floorCables[i].net); err != nil {
			return err
		}
	}
	for _, nat := range []int{4, 5} {
		if err := masquerading(int(f.spaces[nat])); err != nil {
			return err
		}
	}
	for _, transit := range []int{1, 2} {
		if err := queueing(int(f.spaces[transit])); err != nil {
			return err
		}
	}
	return nil
}

// namespaces makes all of them on one thread, with forwarding on in routers.
func (f *floor) namespaces() (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		for i := range f.spaces {
			if f.spaces[i], err = netns.New(); err != nil {
				return
			}
			if i < 6 {
				if err = os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
					return
				}
			}
			if i == 1 || i == 2 {
				var queue int
				if queue, err = bareQueue(); err != nil {
					return
				}
				f.queues = append(f.queues, queue)
			}
		}
	}()
	<-done
	for i := range f.spaces {
		if err == nil {
			f.handles[i], err = netlink.NewHandleAt(f.spaces[i], unix.NETLINK_ROUTE)
		}
	}
	return err
}

// bareQueue opens the socket on which packets would be handed over.
func bareQueue() (int, error) {
	return unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
}

func (f *floor) cable(parent, child int, net, gateway string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "up"
	attrs.Namespace = netlink.NsFd(f.spaces[child])
	down := "down" + string(rune('0'+child))
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: down, PeerNamespace: netlink.NsFd(f.spaces[parent])}
	err := f.handles[child].LinkAdd(pair)
	err = errors.Join(err, f.address(child, "up", net), f.address(parent, down, gateway))
	return errors.Join(err, f.route(child, "0.0.0.0/0", gateway))
}

func (f *floor) address(node int, device, address string) error {
	link, err := f.handles[node].LinkByName(device)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	return errors.Join(f.handles[node].AddrAdd(link, addr), f.handles[node].LinkSetUp(link))
}

func (f *floor) route(node int, to, via string) error {
	dst, err := netlink.ParseIPNet(to)
	if err != nil {
		return err
	}
	gateway, err := netlink.ParseAddr(via)
	if err != nil {
		return err
	}
	return f.handles[node].RouteAdd(&netlink.Route{Dst: dst, Gw: gateway.IP})
}

func (f *floor) close() error {
	var errs []error
	for i := range f.spaces {
		if f.handles[i] != nil {
			f.handles[i].Close()
		}
		errs = append(errs, f.spaces[i].Close())
	}
	for _, q := range f.queues {
		errs = append(errs, unix.Close(q))
	}
	return errors.Join(errs...)
}

func masquerading(fd int) error {
	c, err := nftables.New(nftables.WithNetNSFd(fd))
	if err != nil {
		return err
	}
	wan := append([]byte("up"), make([]byte, 14)...)
	nat := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "nat"})
	post := c.AddChain(&nftables.Chain{Table: nat, Name: "postrouting", Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})
	c.AddRule(&nftables.Rule{Table: nat, Chain: post, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: wan}, &expr.Masq{},
	}})
	filter := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "filter"})
	for name, hook := range map[string]*nftables.ChainHook{"input": nftables.ChainHookInput, "forward": nftables.ChainHookForward} {
		chain := c.AddChain(&nftables.Chain{Table: filter, Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter})
		known := []byte{byte(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED), 0, 0, 0}
		fromWAN := []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: wan}}
		c.AddRule(&nftables.Rule{Table: filter, Chain: chain, Exprs: append(slices.Clone(fromWAN),
			&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: known, Xor: make([]byte, 4)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)}, &expr.Verdict{Kind: expr.VerdictAccept})})
		c.AddRule(&nftables.Rule{Table: filter, Chain: chain, Exprs: append(fromWAN, &expr.Verdict{Kind: expr.VerdictDrop})})
	}
	return c.Flush()
}

func queueing(fd int) error {
	c, err := nftables.New(nftables.WithNetNSFd(fd))
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "link"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "forward", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
	info := xt.Unknown{0, 0, 1, 0, 0, 0, 0, 0} // struct xt_NFQ_info_v3: queue 0 of 1
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Target{Name: "NFQUEUE", Rev: 3, Info: &info}}})
	return c.Flush()
}
