package specs

import (
	"github.com/punchlab/punchlab/bench/story"
)

// holes are situations in which a SYN comes to the hole that was made for it, or to
// the host behind it.
var holes = []situation{
	{
		sentence: "a SYN that comes before the other one has left is answered RST, and both fail",
		a:        "eim-apdf-reset",
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 0)
			s.pass(0.8) // hers has come to his NAT after a half
			s.shoot(bob, 0)
			s.pass(1)
		},
		cause: story.CrossedTooLate, heart: `alice's SYN (reached nat-b \S+ ms before bob's own SYN left; nat-b answered RST|` +
			`was answered RST by nat-b \S+ ms before bob's own SYN left it, which closed its hole in nat-a)`,
	},
	{
		sentence: "the same by engines whose further SYNs are lost",
		a:        "eim-apdf-reset", stagger: 1,
		faults: []string{"transit-a up: drop SYN #2-100000 to bob", "transit-b up: drop SYN every to alice"},
		cause:  story.CrossedTooLate, heart: `alice's SYN reached nat-b \S+ ms before bob's own SYN left; nat-b answered RST`,
	},
	{
		sentence: "a NAT refuses a SYN that comes in answer to one, by RST",
		a:        "eim-crossed-syn-reset",
		cause:    story.HoleRefused, heart: `reached nat-[ab] \S+ ms after (alice|bob)'s SYN had made the hole for it, and nat-[ab] answered RST`,
	},
	{
		sentence: "a NAT refuses a SYN that comes in answer to one, in silence",
		a:        "eim-crossed-syn-drop",
		cause:    story.HoleRefused, heart: `reached nat-[ab] \S+ ms after (alice|bob)'s SYN had made the hole for it, and nat-[ab] dropped it`,
	},
	{
		sentence: "a NAT closes a hole for an ICMP error that comes to it",
		a:        "eim-after-icmp-close",
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 3) // dies behind her transit's link, and its NAT hears of it
			s.pass(1)
			s.shoot(bob, 0)
			s.pass(1)
		},
		cause: story.HoleRefused, heart: `nat-a dropped it: an ICMP time exceeded had come to the hole`,
	},
	{
		sentence: "a NAT has forgotten the hole",
		a:        "short-memory",
		script: func(s *stage) {
			s.introduce()
			gone := s.shoot(alice, 0)
			s.pass(1)
			gone() // and so is not sent again
			s.pass(15)
			s.shoot(bob, 0)
			s.pass(1)
		},
		cause: story.HoleRefused, heart: `nat-a dropped it(: its entry had been gone for .*)?$`,
	},
	{
		sentence: "connection tracking does not let a listener's answer pass where a SYN has gone before",
		a:        "linux-masquerade",
		script:   answeredByAListener,
		cause:    story.AnswerRefused, heart: `bob's SYN reached alice; alice's SYN-ACK passed its NAT untranslated, from 192\.168\.\d+\.\d+:4000, and internet dropped it`,
	},
	{
		sentence: "a NAT drops a listener's answer where a SYN has gone before",
		a:        "firewalld-masquerade",
		script:   answeredByAListener,
		cause:    story.AnswerRefused, heart: `bob's SYN reached alice; alice's SYN-ACK came to nat-a, which dropped it`,
	},
	{
		sentence: "a SYN comes to a host whose socket is gone",
		a:        "eim-apdf",
		script: func(s *stage) {
			s.introduce()
			gone := s.shoot(alice, 0)
			s.pass(1)
			gone()
			s.shoot(bob, 0)
			s.pass(2)
		},
		cause: story.ResetByHost, heart: `bob's SYN reached alice, whose host answered RST`,
	},
	{
		sentence: "an answer comes to a host whose socket is gone",
		topology: "open",
		script: func(s *stage) {
			s.introduce()
			s.listen(bob)
			s.shoot(alice, 0)() // the SYN has left; closing its socket sends nothing
			s.pass(2)
		},
		cause: story.ResetByHost, heart: `bob's SYN-ACK came to alice \S+ ms later, whose socket was gone: the host answered RST`,
	},
	{
		sentence: "nobody listens at a public host",
		topology: "one-nat", a: "linux-masquerade",
		script: func(s *stage) {
			s.introduce()
			s.shoot(alice, 0)
			s.pass(2)
		},
		cause: story.ResetByHost, heart: `alice's SYN reached bob, whose host answered RST; alice's socket was refused|alice's SYN reached bob, whose host answered RST`,
	},
	{
		sentence: "a host does not answer at all, and nobody can say why",
		topology: "open",
		script: func(s *stage) {
			s.introduce()
			s.mute(bob)
			s.shoot(alice, 0)
			s.pass(2)
		},
		cause: story.Unknown, heart: `alice's SYN reached bob, whose host did not answer`,
	},
	{
		sentence: "the proofs do not come through",
		a:        "eim-apdf",
		faults:   []string{"transit-a up: drop data every to bob", "transit-b up: drop data every to alice"},
		cause:    story.NotOne, heart: `had a connection to .*; what (alice|bob) said on it was lost behind nat-[ab] \(transit-[ab] up: drop data every to (bob|alice)\)`,
	},
	{
		sentence: "the proof of one peer does not come through",
		a:        "eim-eif", by: "direct",
		faults: []string{"transit-b up: drop data every to alice"},
		cause:  story.NotOne, heart: `what bob said on it was lost behind nat-b \(transit-b up: drop data every to alice\)`,
	},
}

// answeredByAListener has alice's SYN make a hole, and a listener answer the one that
// comes in by it, with another sequence number.
func answeredByAListener(s *stage) {
	s.introduce()
	gone := s.shoot(alice, 0)
	s.pass(1)
	gone()
	s.listen(alice)
	s.shoot(bob, 0)
	s.pass(2)
}
