package natrules

import (
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// Timeouts are those of the connections of one protocol, in conntrack's states
// (nf_conntrack_tcp.c, nf_conntrack_udp.c), as an object that rules refer to.
type Timeouts struct {
	Name     string
	Protocol uint8
	Seconds  expr.CtStatePolicyTimeout
}

// unacknowledged is what conntrack allows an established session at most while
// something of it is retransmitted or not acknowledged (nf_conntrack_tcp.c:
// TCP_CONNTRACK_RETRANS, TCP_CONNTRACK_UNACK).
const unacknowledged = 5 * time.Minute

// tcpTimeouts names conntrack's states after a profile's. waiting bounds
// established sessions that wait for an acknowledgement.
func tcpTimeouts(t natprofiles.Timeouts, waiting time.Duration) Timeouts {
	synSent, established := seconds(t.SYNSent), seconds(t.Established)
	closing, closed := seconds(t.Closing), seconds(t.Closed)
	return Timeouts{Name: "tcp", Protocol: unix.IPPROTO_TCP, Seconds: expr.CtStatePolicyTimeout{
		expr.CtStateTCPSYNSENT: synSent, expr.CtStateTCPSYNRECV: synSent, expr.CtStateTCPSYNSENT2: synSent,
		expr.CtStateTCPESTABLISHED: established,
		expr.CtStateTCPRETRANS:     min(established, uint32(waiting/time.Second)),
		expr.CtStateTCPUNACK:       min(established, uint32(waiting/time.Second)),
		expr.CtStateTCPFINWAIT:     closing, expr.CtStateTCPCLOSEWAIT: closing,
		expr.CtStateTCPLASTACK: closing, expr.CtStateTCPTIMEWAIT: closing,
		expr.CtStateTCPCLOSE: closed,
	}}
}

// The states of UDP in conntrack (nf_conntrack_udp.c: UDP_CT_UNREPLIED,
// UDP_CT_REPLIED).
const (
	unrepliedState = 0
	repliedState   = 1
)

func udpTimeouts(t natprofiles.Timeouts) Timeouts {
	return Timeouts{Name: "udp", Protocol: unix.IPPROTO_UDP, Seconds: expr.CtStatePolicyTimeout{
		unrepliedState: seconds(t.Unreplied), repliedState: seconds(t.Stream),
	}}
}

func seconds(t natprofiles.Timeout) uint32 { return uint32(time.Duration(t) / time.Second) }

// oneAtATime guards the library's tables of default timeouts, into which it
// writes what an object says before it sends them (expr.CtTimeout). All states
// are given, so that nothing is left of the object before.
var oneAtATime sync.Mutex

func (o Timeouts) add(conn *nftables.Conn, table *nftables.Table) {
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	conn.AddObj(&nftables.NamedObj{
		Table: table, Name: o.Name, Type: nftables.ObjTypeCtTimeout,
		Obj: &expr.CtTimeout{L3Proto: unix.NFPROTO_IPV4, L4Proto: o.Protocol, Policy: o.Seconds},
	})
}

// use is `ct timeout set name`.
func (o Timeouts) use() []expr.Any {
	return []expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCtTimeout), Name: o.Name}}
}
