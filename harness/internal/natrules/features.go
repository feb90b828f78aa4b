package natrules

import (
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// Feature is something that rules need and that a kernel may lack.
type Feature struct {
	// Name is what people call it.
	Name string
	// Option is the kernel's configuration option, and Module the module.
	Option, Module string
	// NeededBy says whether a profile's rules use it, and for which field.
	NeededBy func(natprofiles.Profile) (field string, needed bool)
	// Try has the smallest rules that use it: a kernel that takes them has it.
	Try Ruleset
}

// Features are all features that some profile needs.
func Features() []Feature {
	prerouting, forward := nftables.ChainHookPrerouting, nftables.ChainHookForward
	counted := Set{Name: "s", Key: []nftables.SetDatatype{typeAddress}, Dynamic: true, Timeout: time.Second}
	zoned := func(p natprofiles.Profile) (string, bool) { return "mapping", isMaps(p) }
	return []Feature{{
		"sets that packets fill", "CONFIG_NF_TABLES", "nf_tables", zoned,
		trial(*prerouting, rawPriority, []Set{counted}, join(load(sourceAddress, 0), add("s", 0, none, time.Second))),
	}, {
		"zones of conntrack", "CONFIG_NF_CONNTRACK_ZONES", "nft_ct",
		func(p natprofiles.Profile) (string, bool) { return "mapping", p.Translate || p.Firewall() },
		trial(*prerouting, rawPriority, nil, join(constant(make([]byte, 2), 0), inZone(0))),
	}, {
		"marks of connections", "CONFIG_NF_CONNTRACK_MARK", "nft_ct", zoned,
		trial(*prerouting, learnPriority, nil, join(mark(closingMark))),
	}, {
		"numbers drawn and counted (numgen)", "CONFIG_NFT_NUMGEN", "nft_numgen", zoned,
		trial(*prerouting, rawPriority, nil, join(count(2, 0, 0))),
	}, {
		"timeouts of connections", "CONFIG_NF_CONNTRACK_TIMEOUT", "nft_ct", usesTimeouts, tryTimeouts(),
	}, {
		"reject in prerouting (Linux 5.9)", "CONFIG_NFT_REJECT_IPV4", "nft_reject_ipv4", answersEarly,
		trial(*prerouting, answerPriority, nil, join(isTCP(), rejectWithReset())),
	}, {
		"reject", "CONFIG_NFT_REJECT_IPV4", "nft_reject_ipv4", answersAtAll,
		trial(*forward, answerPriority, nil, join(isTCP(), rejectWithReset())),
	}, {
		"rewriting of TCP options", "CONFIG_NF_TABLES", "nf_tables",
		func(p natprofiles.Profile) (string, bool) {
			return "tcp.sequence", p.TCP.Sequence == natprofiles.SequenceRewritten
		},
		trial(*prerouting, beforeRaw, nil, join(isTCP(), flippedEdge(2))),
	}}
}

func isMaps(p natprofiles.Profile) bool { return !p.Overloads() && (p.Translate || p.Firewall()) }

func usesTimeouts(p natprofiles.Profile) (string, bool) {
	linux := p.Overloads() && len(timers(p).Chains) > 0
	return "timeouts", linux || isMaps(p)
}

func answersEarly(p natprofiles.Profile) (string, bool) {
	if p.TCP.CrossedSYN == natprofiles.CrossedReset {
		return "tcp.crossed-syn", true
	}
	return "unsolicited", isMaps(p) && p.Translate && answersSomething(p)
}

func answersAtAll(p natprofiles.Profile) (string, bool) {
	return "unsolicited", answersSomething(p) && p.Input != natprofiles.InputOpen
}

func answersSomething(p natprofiles.Profile) bool {
	return p.TCP.Unsolicited != natprofiles.Drop && p.TCP.Unsolicited != "" ||
		p.UDP.Unsolicited != natprofiles.Drop && p.UDP.Unsolicited != ""
}

// trial is a table with one rule.
func trial(hook nftables.ChainHook, priority nftables.ChainPriority, sets []Set, rule Rule) Ruleset {
	r := &router{Table: Table{Name: "trial", Sets: sets}}
	r.base("trial", &hook, priority, rule)
	return Ruleset{Tables: []Table{r.Table}}
}

func tryTimeouts() Ruleset {
	o := Timeouts{Name: "udp", Protocol: unix.IPPROTO_UDP, Seconds: expr.CtStatePolicyTimeout{unrepliedState: 30, repliedState: 30}}
	r := trial(*nftables.ChainHookPrerouting, learnPriority, nil, join(isUDP(), o.use()))
	r.Tables[0].Timeouts = []Timeouts{o}
	return r
}
