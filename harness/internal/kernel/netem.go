package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/links"
)

// The queueing disciplines of an interface with netem, the kernel's own emulator
// of links (net/sched/sch_netem.c): netem at the root, and behind it, for a rate,
// a token bucket (net/sched/sch_tbf.c), which counts what finds its queue full.
// netem has a rate of its own, whose queue counts the packets that are merely
// delayed.
const (
	netemHandle = 1 << 16
	netemChild  = netemHandle | 1
	rateHandle  = 2 << 16
)

// SetNetem has the kernel do to what an interface sends what the conditions say,
// their MTU excepted. Packets that are under way stay there. Kernels from 6.6 on
// draw from the seed; older ones from their own.
//
// netlink's own netem has no bursts, no distribution and no seed: hence our
// message.
func (ns *Namespace) SetNetem(name string, c links.Conditions, seed uint64) error {
	h, link, err := ns.find(name)
	if err != nil {
		return err
	}
	if c.Jitter.Spread > netemMaxJitter {
		return fmt.Errorf("interface %s: netem: a jitter of %v; at most %v", name, c.Jitter.Spread, netemMaxJitter)
	}
	if err := ns.setQdisc(link, netlink.HANDLE_ROOT, netemHandle, "netem", netemOptions(c, seed)); err != nil {
		return fmt.Errorf("interface %s: netem: %w", name, err)
	}
	if c.Rate > 0 {
		if err := ns.setQdisc(link, netemChild, rateHandle, "tbf", rateOptions(c)); err != nil {
			return fmt.Errorf("interface %s: tbf: %w", name, err)
		}
		return nil
	}
	child := &netlink.GenericQdisc{QdiscType: "tbf", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: link.Attrs().Index, Parent: netemChild, Handle: rateHandle,
	}}
	if err := h.QdiscDel(child); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("interface %s: tbf: %w", name, err) // ENOENT, or EINVAL, where there is none
	}
	return nil
}

// DropNetem takes netem from an interface, and with it what it holds and has
// counted.
func (ns *Namespace) DropNetem(name string) error {
	h, link, err := ns.find(name)
	if err != nil {
		return err
	}
	root := &netlink.GenericQdisc{QdiscType: "netem", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netemHandle,
	}}
	if err := h.QdiscDel(root); err != nil {
		return fmt.Errorf("interface %s: netem: %w", name, err)
	}
	return nil
}

// NetemDrops is how many packets netem has dropped itself, and how many found the
// queue in front of the rate full.
func (ns *Namespace) NetemDrops(name string) (itself, full uint64, err error) {
	h, link, err := ns.find(name)
	if err != nil {
		return 0, 0, err
	}
	all, err := dumped(func() ([]netlink.Qdisc, error) { return h.QdiscList(link) })
	if err != nil {
		return 0, 0, fmt.Errorf("interface %s: netem: %w", name, err)
	}
	for _, q := range all {
		s := q.Attrs().Statistics
		switch {
		case s == nil || s.Queue == nil:
		case q.Attrs().Handle == netemHandle:
			itself += uint64(s.Queue.Drops)
		case q.Attrs().Handle == rateHandle:
			full = uint64(s.Queue.Drops)
		}
	}
	return itself - min(itself, full), full, nil // netem counts its child's, too
}

// setQdisc makes a queueing discipline, or changes the one that is there.
func (ns *Namespace) setQdisc(link netlink.Link, parent, handle uint32, kind string, options []byte) error {
	socket, err := nl.GetNetlinkSocketAt(ns.handle, -1, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer socket.Close()
	req := nl.NewNetlinkRequest(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	req.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(link.Attrs().Index), Handle: handle, Parent: parent})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(kind)))
	req.AddData(nl.NewRtAttr(nl.TCA_OPTIONS, options))
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// Attributes of include/uapi/linux/pkt_sched.h.
const (
	netemDistribution = 2  // TCA_NETEM_DELAY_DIST
	netemReorder      = 3  // TCA_NETEM_REORDER, struct tc_netem_reorder
	netemLoss         = 5  // TCA_NETEM_LOSS
	netemLossGE       = 2  // NETEM_LOSS_GE in it, struct tc_netem_gemodel
	netemLatency64    = 10 // TCA_NETEM_LATENCY64
	netemJitter64     = 11 // TCA_NETEM_JITTER64
	netemSeed         = 14 // TCA_NETEM_PRNG_SEED
	tbfParms          = 1  // TCA_TBF_PARMS, struct tc_tbf_qopt
)

const (
	// netemLimit is how many packets netem keeps, as many as a queue of ours.
	netemLimit = 65535
	// netemMaxJitter is what netem's arithmetic allows (tabledist).
	netemMaxJitter = math.MaxInt32 * time.Nanosecond
	// tick is the unit of times in the older structures (include/net/pkt_sched.h,
	// PSCHED_SHIFT).
	tick = 64 * time.Nanosecond
)

// netemOptions are the conditions as netem wants them: struct tc_netem_qopt and
// attributes behind it.
func netemOptions(c links.Conditions, seed uint64) []byte {
	native := binary.NativeEndian
	gap := uint32(0)
	if c.Reorder > 0 {
		gap = 1 // each packet may overtake
	}
	loss := c.Loss.Good
	if c.Loss.Bursts() {
		loss = 0
	}
	var b []byte
	for _, field := range []uint32{
		uint32(c.Delay / tick), netemLimit, probability(loss), gap, probability(c.Duplicate), uint32(c.Jitter.Spread / tick),
	} {
		b = native.AppendUint32(b, field)
	}
	b = attribute(b, netemLatency64, native.AppendUint64(nil, uint64(c.Delay)))
	b = attribute(b, netemJitter64, native.AppendUint64(nil, uint64(c.Jitter.Spread)))
	b = attribute(b, netemSeed, native.AppendUint64(nil, seed))
	if c.Jitter.Spread > 0 {
		b = attribute(b, netemDistribution, distribution(c.Jitter.Normal))
	}
	if c.Reorder > 0 {
		b = attribute(b, netemReorder, native.AppendUint32(native.AppendUint32(nil, probability(c.Reorder)), 0))
	}
	if c.Loss.Bursts() {
		// struct tc_netem_gemodel {p, r, h, k1}: h is what the bad state lets through.
		var model []byte
		for _, s := range []links.Share{c.Loss.P, c.Loss.R, 1 - c.Loss.Bad, c.Loss.Good} {
			model = native.AppendUint32(model, probability(s))
		}
		b = attribute(b, netemLoss|unix.NLA_F_NESTED, attribute(nil, netemLossGE, model))
	}
	return b
}

// probability is a share of the greatest number of 32 bits.
func probability(s links.Share) uint32 { return uint32(math.Round(float64(s) * math.MaxUint32)) }

// attribute appends an attribute of netlink.
func attribute(b []byte, kind uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofNlAttr+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	for len(b)%unix.NLA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

const (
	// distributionScale is what stands for a deviation of one (NETEM_DIST_SCALE).
	distributionScale = 8192
	// distributionSize is how many values the table has. As with tc's, they reach
	// four standard deviations.
	distributionSize = 4096
	mostDeviations   = 4
)

// distribution is the table that netem draws deviations from: the inverse of
// the distribution, at places in the middle of equal parts. Uniform delays have
// one as well, since a netem that has got a table keeps it until the next one.
func distribution(normal bool) (table []byte) {
	for i := range distributionSize {
		deviation := 2*(float64(i)+0.5)/distributionSize - 1
		if normal {
			deviation = math.Sqrt2 * math.Erfinv(deviation)
			deviation = min(max(deviation, -mostDeviations), mostDeviations)
		}
		value := min(math.Round(deviation*distributionScale), math.MaxInt16)
		table = binary.NativeEndian.AppendUint16(table, uint16(int16(value)))
	}
	return table
}

// rateOptions are the rate as the token bucket wants it: struct tc_tbf_qopt with
// two struct tc_ratespec. A packet's worth of tokens lets one leave at once, as
// a link does that is free.
func rateOptions(c links.Conditions) []byte {
	native := binary.NativeEndian
	queue := c.Queue
	if queue == 0 {
		queue = c.Rate.DefaultQueue()
	}
	bytes := max(uint64(c.Rate)/8, 1)
	// Rounded up: with less than a packet's worth none would ever leave.
	burst := time.Duration(math.Ceil(float64(links.MinQueue) / float64(bytes) * float64(time.Second)))
	rate := make([]byte, 8, 12) // cell_log, linklayer, overhead, cell_align, mpu: nothing
	rate[1] = 1                 // TC_LINKLAYER_ETHERNET
	rate = native.AppendUint32(rate, uint32(bytes))
	b := append(rate, make([]byte, 12)...) // no peak rate
	b = native.AppendUint32(b, uint32(queue))
	b = native.AppendUint32(b, uint32((burst+tick-1)/tick))
	b = native.AppendUint32(b, 0) // mtu, of the peak rate
	return attribute(nil, tbfParms, b)
}

// LimitSegments makes sockets that are opened from now on hand over packets of
// the wire's size to the interface, and not larger ones that are cut up where
// they leave: chance decides about packets that there are.
func (ns *Namespace) LimitSegments(name string) error {
	h, link, err := ns.find(name)
	if err == nil {
		err = h.LinkSetGSOMaxSegs(link, 1)
	}
	if err != nil {
		return fmt.Errorf("interface %s: segments: %w", name, err)
	}
	return nil
}
