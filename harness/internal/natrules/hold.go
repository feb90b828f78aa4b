package natrules

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// HoldForwarded hands every packet that a router forwards to the program that
// has bound NFQUEUE number queue, in the form that this kernel knows: nftables'
// own queue expression, or the xtables target behind nftables' compatibility
// layer (native false), which small kernels have instead.
//
// A packet that leaves by an interface of turned through which it came is not
// held: it has not been on the link.
//
// The rules belong into a namespace without conntrack: held packets of flows
// that cross otherwise clash when they are confirmed.
func HoldForwarded(queue uint16, native bool, turned []string) Ruleset {
	hold := []expr.Any{targetNFQUEUE(queue)}
	if native {
		hold = []expr.Any{&expr.Queue{Num: queue}}
	}
	var rules []Rule
	for _, device := range turned {
		rules = append(rules, join(comesFrom(device), leavesBy(device), accept()))
	}
	return Ruleset{Tables: []Table{{Name: "link", Chains: []Chain{
		filterChain("forward", nftables.ChainHookForward, append(rules, hold)),
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
