package natrules

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// table renders what a rule does with sets, and translations. A key of several
// fields is in consecutive registers, of which the first is written.
func (t *ruleText) table(e expr.Any) string {
	switch e := e.(type) {
	case *expr.Lookup:
		return t.lookup(e)
	case *expr.Dynset:
		return t.dynset(e)
	case *expr.Masq:
		return t.masquerade(e)
	case *expr.NAT:
		kind := map[expr.NATType]string{expr.NATTypeSourceNAT: "snat", expr.NATTypeDestNAT: "dnat"}[e.Type]
		text := kind + " to " + registerName(e.RegAddrMin)
		if e.RegProtoMin != 0 {
			text += ":" + registerName(e.RegProtoMin)
		}
		return text
	}
	return ""
}

func (t *ruleText) lookup(e *expr.Lookup) string {
	key := fmt.Sprintf("@%s[%s]", e.SetName, t.value(e.SourceRegister))
	switch {
	case e.IsDestRegSet && e.DestRegister == unix.NFT_REG_VERDICT:
		return "vmap " + key
	case e.IsDestRegSet:
		t.names[e.DestRegister] = key
		return registerName(e.DestRegister) + " = " + key + ";"
	case e.Invert:
		return "not in " + key
	default:
		return "in " + key
	}
}

func (t *ruleText) dynset(e *expr.Dynset) string {
	name := map[uint32]string{unix.NFT_DYNSET_OP_ADD: "add", unix.NFT_DYNSET_OP_UPDATE: "update", nftDynsetDelete: "delete"}[e.Operation]
	text := fmt.Sprintf("%s @%s[%s]", name, e.SetName, t.value(e.SrcRegKey))
	if e.SrcRegData != 0 {
		text += " = " + t.value(e.SrcRegData)
	}
	if e.Timeout > 0 {
		text += " timeout " + e.Timeout.String()
	}
	return text + ";"
}

// statement renders what a rule does to the packets that matched.
func statement(e expr.Any) string {
	switch e := e.(type) {
	case *expr.Reject:
		if e.Type == unix.NFT_REJECT_TCP_RST {
			return "reject with tcp reset"
		}
		return "reject with icmp " + map[uint8]string{
			icmpPortUnreachable: "port-unreachable", icmpAdminProhibited: "admin-prohibited",
		}[e.Code]
	case *expr.Verdict:
		return verdictText(e)
	case *expr.Queue:
		return fmt.Sprintf("queue to %d", e.Num)
	case *expr.Target:
		return fmt.Sprintf("xt target %q", e.Name)
	case *expr.Notrack:
		return "notrack"
	case *expr.Objref:
		return fmt.Sprintf("ct timeout set %q", e.Name)
	}
	return fmt.Sprintf("[%T]", e)
}

func (t *ruleText) masquerade(e *expr.Masq) string {
	text := "masquerade"
	if e.ToPorts {
		text += fmt.Sprintf(" to :%s-%s", t.value(e.RegProtoMin), t.value(e.RegProtoMax))
	}
	if e.FullyRandom {
		text += " fully-random"
	}
	return text
}

func verdictText(v *expr.Verdict) string {
	word := map[expr.VerdictKind]string{
		expr.VerdictAccept: "accept", expr.VerdictDrop: "drop", expr.VerdictReturn: "return",
		expr.VerdictJump: "jump", expr.VerdictGoto: "goto",
	}[v.Kind]
	return strings.TrimSpace(word + " " + v.Chain)
}

// render writes the set with the types of its fields and, of constant ones, the
// elements.
func (s Set) render(text *strings.Builder) {
	kind, types := "set", typeNames(s.Key)
	if len(s.Data) > 0 {
		kind, types = "map", types+" : "+typeNames(s.Data)
	}
	fmt.Fprintf(text, "\t%s %s {\n\t\ttype %s\n", kind, s.Name, types)
	if s.Size > 0 {
		fmt.Fprintf(text, "\t\tsize %d\n", s.Size)
	}
	switch {
	case s.Dynamic && s.Timeout > 0:
		text.WriteString("\t\tflags dynamic,timeout\n")
	case s.Dynamic:
		text.WriteString("\t\tflags dynamic\n")
	default:
		s.renderElements(text)
	}
	text.WriteString("\t}\n")
}

// shownElements is how many elements of a constant set are written; the others
// follow the same rule.
const shownElements = 8

func (s Set) renderElements(text *strings.Builder) {
	var all []string
	for _, e := range s.Elements[:min(len(s.Elements), shownElements)] {
		word := elementText(s.Key[0], e.Key)
		switch {
		case e.Verdict != nil:
			word += " : " + verdictText(e.Verdict)
		case len(e.Data) > 0:
			word += " : " + elementText(s.Data[0], e.Data)
		}
		all = append(all, word)
	}
	if more := len(s.Elements) - shownElements; more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(text, "\t\telements = { %s }\n", strings.Join(all, ", "))
}

func elementText(of nftables.SetDatatype, data []byte) string {
	switch of.Name {
	case typeAddress.Name:
		return net.IP(data).String()
	case typeNumber.Name:
		return fmt.Sprint(binary.NativeEndian.Uint32(data))
	default:
		return plainValue(data)
	}
}

func typeNames(fields []nftables.SetDatatype) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, " . ")
}

// stateWords name the states of Timeouts, in conntrack's order.
var stateWords = map[uint8][]string{
	unix.IPPROTO_TCP: {
		"syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close", "syn_sent2", "retrans", "unack",
	},
	unix.IPPROTO_UDP: {"unreplied", "replied"},
}

func (o Timeouts) render(text *strings.Builder) {
	fmt.Fprintf(text, "\tct timeout %s {\n\t\tprotocol %s\n", o.Name, protocolNames[o.Protocol])
	var states []uint16
	for s := range o.Seconds {
		states = append(states, s)
	}
	slices.Sort(states)
	for _, s := range states {
		fmt.Fprintf(text, "\t\t%s %ds\n", stateWords[o.Protocol][s], o.Seconds[s])
	}
	text.WriteString("\t}\n")
}
