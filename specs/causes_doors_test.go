package specs

import (
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/punch"
)

// doors are situations in which no hole awaits a SYN, or one somewhere else.
var doors = []situation{
	{
		sentence: "a plain SYN is filtered",
		a:        "linux-masquerade", by: "direct",
		cause: story.Filtered, heart: astray + `nat-[ab], which dropped it`,
	},
	{
		sentence: "a plain SYN is filtered by one of two NATs in a row",
		topology: "double-nat", a: "eim-apdf", by: "direct",
		cause: story.Filtered, heart: astray + `(carrier|nat-b), which dropped it`,
	},
	{
		sentence: "a peer that is killed when it knows of the other opens nothing",
		a:        "eim-apdf", script: bobDies,
		cause: story.Filtered, heart: `alice's SYN reached nat-b, and nothing of bob's had left it towards .*; nat-b dropped it`,
	},
	{
		sentence: "a plain SYN is answered RST",
		a:        "openwrt", by: "direct",
		cause: story.ResetByNAT, heart: astray + `nat-[ab], which answered RST; (alice|bob)'s socket was refused`,
	},
	{
		sentence: "a peer that is killed leaves the answer to its NAT, which is a RST",
		a:        "eim-apdf-reset", script: bobDies,
		cause: story.ResetByNAT, heart: `nothing of bob's had left it towards .*; nat-b answered RST; alice's socket was refused`,
	},
	{
		sentence: "a plain SYN is answered by port unreachable",
		a:        "eim-apdf-icmp", by: "direct",
		cause: story.ICMPByNAT, heart: astray + `nat-[ab], which answered ICMP port unreachable; (alice|bob)'s socket was refused`,
	},
	{
		sentence: "a peer that is killed leaves the answer to its NAT, which is ICMP",
		a:        "eim-apdf-prohibited", script: bobDies,
		cause: story.ICMPByNAT, heart: `nothing of bob's had left it towards .*; nat-b answered ICMP admin prohibited`,
	},
	{
		sentence: "two NATs that draw ports for each destination have another endpoint than was told",
		a:        "linux-random",
		cause:    story.Remapped, heart: `nat-[ab] made \S+ of (alice|bob)'s SYN, where (alice|bob) had been told \S+;`,
	},
	{
		sentence: "one NAT that draws ports is enough where the other looks at them",
		a:        "eim-apdf", b: "linux-random",
		cause: story.Remapped, heart: `nat-b made \S+ of bob's SYN, where alice had been told \S+;`,
	},
	{
		sentence: "a predicted port is another one where the NAT draws them",
		a:        "eim-apdf", b: "apdm-apdf", script: wrongAboutBob,
		cause: story.WrongPort, heart: `^(none of the \d+ SYNs of alice went to where one of bob came from: this one went to|alice aimed at) \S+, and (that one|bob's SYN) came from \S+; `,
	},
	{
		sentence: "a private endpoint is nobody's in another network",
		a:        "eim-apdf",
		script: func(s *stage) {
			s.introduce()
			s.shootAt(alice, s.private(bob), 0)
			s.pass(1)
		},
		cause: story.WrongPort, heart: `alice's SYN to the private endpoint 192\.168\.\d+\.\d+:5000 `,
	},
	{
		sentence: "a NAT without room for another mapping does not let a SYN leave",
		a:        "one-mapping", b: "eim-apdf",
		cause: story.PortsExhausted, heart: `alice's SYN came to nat-a and got no mapping: it dropped it`,
	},
	{
		sentence: "a NAT without room for another mapping may say so",
		a:        "one-mapping-reset", b: "eim-apdf",
		cause: story.PortsExhausted, heart: `alice's SYN came to nat-a and got no mapping: it answered`,
	},
	{
		sentence: "a NAT turns nothing round",
		topology: "same-nat", a: "linux-masquerade",
		cause: story.HairpinRefused, heart: `was not turned round by nat-a|nat-a, which dropped it`,
	},
	{
		sentence: "a NAT turns SYNs round with their inside source",
		topology: "same-nat", a: "eim-hairpin-internal", by: "direct",
		cause: story.HairpinRefused, heart: `was turned round with its inside source: \S+ SYN-ACK came from`,
	},
}

// astray is what direct's SYNs are to a NAT: each leaves from a fresh port.
const astray = `'s SYN left from its port \d+, which nobody had been told of, where (alice|bob) aimed at \S+; (alice|bob)'s SYN came to `

// bobDies has bob's engine end as soon as it knows of alice.
func bobDies(s *stage) {
	s.connect(strategy("simultaneous-open"), roundTrips(3), [2]*punch.Classification{}, func(p peer, e punch.Event) bool {
		return p == bob && e.Kind == punch.EventIntroduced
	})
}

// wrongAboutBob has bob believe that his NAT counts its ports.
func wrongAboutBob(s *stage) {
	right := benchClassified("eim-apdf")
	wrong := benchClassified("apdm-sequential")
	s.connect(strategy("sequential"), roundTrips(8), [2]*punch.Classification{&right, &wrong}, nil)
}
