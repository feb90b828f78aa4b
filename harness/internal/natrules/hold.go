package natrules

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// Hold hands what a router forwards over its link towards the core to the
// program that has bound two NFQUEUEs: number Up for packets that leave by the
// uplink, and Down for those that came by it. What goes from one neighbour behind
// the router to another, or back to the same, has not been on the link.
//
// The rules belong into a namespace without conntrack: held packets of flows
// that cross otherwise clash when they are confirmed.
type Hold struct {
	Uplink   string
	Up, Down uint16
}

// Rules are the rules in the form that this kernel knows: nftables' own queue
// expression, or the xtables target behind nftables' compatibility layer
// (native false), which small kernels have instead.
func (h Hold) Rules(native bool) Ruleset {
	queue := func(number uint16) []expr.Any {
		if native {
			return []expr.Any{&expr.Queue{Num: number}}
		}
		return []expr.Any{targetNFQUEUE(number)}
	}
	return Ruleset{Tables: []Table{{Name: "link", Chains: []Chain{
		filterChain("forward", nftables.ChainHookForward, []Rule{
			join(leavesBy(h.Uplink), queue(h.Up)),
			join(comesFrom(h.Uplink), queue(h.Down)),
		}),
	}}}}
}

// nfqueueRevision is that of struct xt_NFQ_info_v3 {queuenum, queues_total,
// flags, padding} (include/uapi/linux/netfilter/xt_NFQUEUE.h).
const nfqueueRevision = 3

func targetNFQUEUE(queue uint16) *expr.Target {
	info := binary.NativeEndian.AppendUint16(nil, queue)
	info = binary.NativeEndian.AppendUint16(info, 1)
	info = append(info, 0, 0, 0, 0)
	return &expr.Target{Name: "NFQUEUE", Rev: nfqueueRevision, Info: (*xt.Unknown)(&info)}
}
