package natrules

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// String renders the ruleset in the words of `nft list ruleset`, from the
// expressions themselves, so that what people review is what the kernel gets.
func (r Ruleset) String() string {
	var text strings.Builder
	for _, t := range r.Tables {
		fmt.Fprintf(&text, "table ip %s {\n", t.Name)
		for i, c := range t.Chains {
			if i > 0 {
				text.WriteByte('\n')
			}
			c.render(&text)
		}
		text.WriteString("}\n")
	}
	return text.String()
}

var hooks = map[nftables.ChainHook]string{
	*nftables.ChainHookPrerouting:  "prerouting",
	*nftables.ChainHookInput:       "input",
	*nftables.ChainHookForward:     "forward",
	*nftables.ChainHookPostrouting: "postrouting",
}

func (c Chain) render(text *strings.Builder) {
	fmt.Fprintf(text, "\tchain %s {\n", c.Name)
	policy := map[nftables.ChainPolicy]string{nftables.ChainPolicyAccept: "accept", nftables.ChainPolicyDrop: "drop"}[c.Policy]
	fmt.Fprintf(text, "\t\ttype %s hook %s priority %s; policy %s;\n", c.Type, hooks[*c.Hook], c.priority(), policy)
	for _, r := range c.Rules {
		fmt.Fprintf(text, "\t\t%s\n", r)
	}
	text.WriteString("\t}\n")
}

// priority uses the names that nft prints for the standard places.
func (c Chain) priority() string {
	switch *c.Priority {
	case *nftables.ChainPriorityFilter:
		return "filter"
	case *nftables.ChainPriorityNATSource:
		return "srcnat"
	case *nftables.ChainPriorityRaw:
		return "raw"
	}
	return fmt.Sprint(*c.Priority)
}

// String renders the rule. A comparison speaks of what was loaded before it.
func (r Rule) String() string {
	var words []string
	var loaded string
	for _, e := range r {
		switch e := e.(type) {
		case *expr.Meta:
			loaded = metaNames[e.Key]
		case *expr.Ct:
			loaded = "ct state"
		case *expr.Payload:
			loaded = addressNames[e.Offset]
		case *expr.Bitwise:
			loaded += masked(loaded, e.Mask)
		case *expr.Cmp:
			words = append(words, comparison(loaded, e))
		default:
			words = append(words, statement(e))
		}
	}
	return strings.Join(words, " ")
}

var metaNames = map[expr.MetaKey]string{
	expr.MetaKeyIIFNAME: "iifname",
	expr.MetaKeyOIFNAME: "oifname",
	expr.MetaKeyL4PROTO: "meta l4proto",
}

// addressNames names what is loaded from an IPv4 header.
var addressNames = map[uint32]string{sourceOffset: "ip saddr", destinationOffset: "ip daddr"}

// masked says what a mask leaves of what was loaded: some states of conntrack,
// or the network of an address.
func masked(loaded string, mask []byte) string {
	if loaded == "ct state" {
		return " " + stateNames(mask)
	}
	bits, _ := net.IPMask(mask).Size()
	return fmt.Sprintf("/%d", bits)
}

func stateNames(mask []byte) string {
	var names []string
	for _, s := range []struct {
		bit  uint32
		name string
	}{
		{expr.CtStateBitINVALID, "invalid"}, {expr.CtStateBitESTABLISHED, "established"},
		{expr.CtStateBitRELATED, "related"}, {expr.CtStateBitNEW, "new"},
	} {
		if binary.NativeEndian.Uint32(mask)&s.bit != 0 {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ",")
}

// comparison renders `loaded == data`. A comparison of masked states with
// zero says that one of them is there.
func comparison(loaded string, c *expr.Cmp) string {
	switch {
	case strings.HasPrefix(loaded, "ct state") && c.Op == expr.CmpOpNeq:
		return loaded
	case strings.HasPrefix(loaded, "ip ") && c.Op == expr.CmpOpEq:
		field, bits, _ := strings.Cut(loaded, "/")
		return fmt.Sprintf("%s %s/%s", field, net.IP(c.Data), bits)
	case strings.HasSuffix(loaded, "ifname") && c.Op == expr.CmpOpEq:
		return fmt.Sprintf("%s %q", loaded, bytes.TrimRight(c.Data, "\x00"))
	case loaded == "meta l4proto" && c.Op == expr.CmpOpEq && c.Data[0] == unix.IPPROTO_TCP:
		return loaded + " tcp"
	}
	return fmt.Sprintf("%s %v 0x%x", loaded, c.Op, c.Data)
}

// statement renders what a rule does to the packets that matched.
func statement(e expr.Any) string {
	switch e := e.(type) {
	case *expr.Masq:
		if e.FullyRandom {
			return "masquerade fully-random"
		}
		return "masquerade"
	case *expr.Reject:
		if e.Type == unix.NFT_REJECT_TCP_RST {
			return "reject with tcp reset"
		}
		if e.Code == icmpPortUnreachable {
			return "reject with icmp port-unreachable"
		}
	case *expr.Verdict:
		return map[expr.VerdictKind]string{expr.VerdictAccept: "accept", expr.VerdictDrop: "drop"}[e.Kind]
	case *expr.Queue:
		return fmt.Sprintf("queue to %d", e.Num)
	case *expr.Target:
		return fmt.Sprintf("xt target %q", e.Name)
	}
	return fmt.Sprintf("[%T]", e)
}
