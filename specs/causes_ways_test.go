package specs

import (
	"time"

	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/punch"
)

// ways are situations in which packets do not come to where they were to.
var ways = []situation{
	{
		sentence: "both SYNs are dropped by a rule",
		a:        "eim-apdf",
		faults:   []string{"transit-a up: drop SYN every to bob", "transit-b up: drop SYN every to alice"},
		cause:    story.Lost, heart: `was lost behind nat-[ab] \(transit-[ab] up: drop SYN every to (bob|alice)\), on its way to a hole that was open`,
	},
	{
		sentence: "the answers are dropped by a rule",
		a:        "eim-apdf",
		faults:   []string{"transit-a up: drop SYN-ACK every to bob", "transit-b up: drop SYN-ACK every to alice"},
		cause:    story.Lost, heart: `'s SYN reached \w+; \w+'s SYN-ACK was lost behind nat-[ab] \(transit-[ab] up: drop SYN-ACK every`,
	},
	{
		sentence: "a link loses a SYN by chance",
		a:        "eim-apdf",
		script: func(s *stage) {
			s.introduce()
			s.link("transit-a", links.Conditions{Loss: links.Loss{Good: 1}})
			s.shoot(bob, 0) // opens his NAT
			s.shoot(alice, 0)
			s.pass(2)
		},
		cause: story.Lost, heart: `was lost behind (nat-a|internet) \(transit-a (up|down): loss\), on its way to a hole that was open`,
	},
	{
		sentence: "a link has no room for a SYN",
		topology: "open",
		script: func(s *stage) {
			s.introduce()
			s.listen(bob)
			s.link("transit-a", links.Conditions{Rate: 8000, Queue: 1514})
			s.fill(alice)
			s.shoot(alice, 0)
			s.pass(2)
		},
		cause: story.Lost, heart: `alice's SYN was lost behind alice \(transit-a up: queue full\)`,
	},
	{
		sentence: "a TTL runs out in the sender's own NAT",
		a:        "eim-apdf",
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 1)
			s.pass(1)
			s.shoot(bob, 1)
			s.pass(1)
		},
		cause: story.TTLRanOut, heart: `the TTL of (alice|bob)'s SYN, 1, ran out in nat-[ab], which it never left`,
	},
	{
		sentence: "a TTL runs out in the carrier's NAT",
		topology: "double-nat", a: "linux-masquerade",
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 2)
			s.pass(1)
		},
		cause: story.TTLRanOut, heart: `the TTL of alice's SYN, 2, ran out in carrier, which it never left`,
	},
	{
		sentence: "a SYN that was to die opens a NAT, and nobody comes",
		a:        "eim-apdf",
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 2) // dies in the router behind her NAT
			s.pass(1)
		},
		cause: story.Unknown, heart: `the TTL of alice's SYN ran out at internet, as it was to, and no SYN came into its hole`,
	},
	{
		sentence: "watching ends while the SYN is under way",
		topology: "open", rtt: 4 * time.Second, // so that a busy machine ends in time
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 0)
		},
		cause: story.OutOfTime, heart: `alice's SYN was under way, last seen at alice, when watching ended`,
	},
	{
		sentence: "a SYN comes to a peer that has given up",
		topology: "open", rtt: time.Second,
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 0)
			s.giveUp(bob) // half a second before it comes
			s.pass(1)
		},
		cause: story.OutOfTime, heart: `alice's SYN reached bob, who had given up \S+ ms before`,
	},
	{
		sentence: "a capture that has lost packets does not say that they were not there",
		a:        "eim-apdf", script: bobDies,
		blinded: blindAt("nat-b"),
		cause:   story.ObservationLost, heart: `alice's SYN was not seen any further than internet; but the capture lost packets there`,
	},
}

// outcomes are situations without an attempt, and such that connect.
var outcomes = []situation{
	{
		sentence: "a peer never comes to the rendezvous",
		a:        "eim-apdf",
		faults:   []string{"transit-b up: drop SYN every to rendezvous"},
		cause:    story.PeerAbsent, heart: `^the peers were never introduced`,
	},
	{
		sentence: "both peers are killed before they have done anything",
		a:        "eim-apdf",
		script: func(s *stage) {
			s.connect(strategy("simultaneous-open"), roundTrips(3), [2]*punch.Classification{}, func(_ peer, e punch.Event) bool {
				return e.Kind == punch.EventIntroduced
			})
		},
		cause: story.PeerAbsent, heart: `^the peers were introduced, and neither sent a SYN to the other`,
	},
	{
		sentence: "auto sees no way between two NATs that draw their ports",
		a:        "linux-random", by: "auto", patience: 8,
		cause: story.NoWay, heart: `^neither peer sent a SYN: by its forecasts the engine has no way`,
	},
	{
		sentence: "a prediction sees none either",
		a:        "linux-random", by: "sequential", patience: 8,
		cause: story.NoWay, heart: `^neither peer sent a SYN: by its forecasts the engine has no way`,
	},
	{
		sentence: "SYNs that cross connect",
		a:        "eim-apdf",
		cause:    story.Connected, heart: `^the SYNs crossed: `,
	},
	{
		sentence: "one SYN connects by the hole of another that was lost",
		a:        "eim-apdf", faults: []string{"transit-a up: drop SYN every to bob"},
		cause: story.Connected, heart: `^bob's SYN passed nat-a by the hole that alice's SYN had made \S+ ms before; both proofs`,
	},
	{
		sentence: "a NAT that filters nothing lets a plain SYN in",
		a:        "eim-eif", b: "linux-masquerade", by: "direct",
		cause: story.Connected, heart: `^bob's SYN passed nat-a by an endpoint that alice uses towards others`,
	},
	{
		sentence: "a public host is reached past no NAT",
		topology: "one-nat", a: "linux-random", by: "direct",
		cause: story.Connected, heart: `^alice's SYN reached bob past no NAT of bob's own`,
	},
	{
		sentence: "a relay connects everybody",
		a:        "linux-random", by: "relay",
		cause: story.Connected, heart: `^the peers talk through rendezvous`,
	},
}

// mute has a host do nothing with what comes.
func (s *stage) mute(p peer) { Expect(s.host(p).Mute()).To(Succeed()) }

// link gives both directions of a link conditions besides their delay.
func (s *stage) link(transit string, c links.Conditions) {
	now, err := s.lab.Link(transit)
	Expect(err).NotTo(HaveOccurred())
	c.Delay = now.Up.Delay
	Expect(s.lab.SetLink(transit, links.Both(c))).To(Succeed())
}
