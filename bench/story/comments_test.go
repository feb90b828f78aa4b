package story

import (
	"slices"
	"strings"
	"testing"
)

// said are the comments of a situation that are not empty, in order.
func said(s *situation) (all []string) {
	for _, c := range s.tell().Comments() {
		if c != "" {
			all = append(all, c)
		}
	}
	return all
}

func TestComments(t *testing.T) {
	tests := []struct {
		name    string
		compose func() *situation
		want    []string
	}{
		{"dropped and reset", func() *situation { return refused(23.4, "nat-a") }, []string{
			"nat-a: 192.168.1.2:4000 became 198.51.100.10:4000",
			"nat-b: answered RST",
			"nat-b: its own answer to SYN 198.51.100.10:4000 > 203.0.113.20:5000 ttl 62",
			"nat-b: 192.168.2.2:5000 became 203.0.113.20:5000",
			"nat-a: to 198.51.100.10:4000 became 192.168.1.2:4000",
			"nat-a: dropped: the hole that was made for it had got a RST",
		}},
		{"nobody had asked", func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			return s
		}, []string{
			"nat-a: 192.168.1.2:4000 became 198.51.100.10:4000",
			"nat-b: dropped: nothing inside had asked for it",
		}},
		{"no mapping", func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-a"})
			return s
		}, []string{"nat-a: dropped: it got no mapping"}},
		{"a TTL that runs out", func() *situation { return armed(2, "internet") }, []string{
			"nat-a: 192.168.1.2:4000 became 198.51.100.10:4000",
			"internet: its TTL ran out",
			"nat-b: 192.168.2.2:5000 became 203.0.113.20:5000",
			"nat-a: to 198.51.100.10:4000 became 192.168.1.2:4000",
			"nat-a: 192.168.1.2:4000 became 198.51.100.10:4000",
			"nat-b: to 203.0.113.20:5000 became 192.168.2.2:5000",
		}},
		{"lost, with the reason", func() *situation {
			s := twoNATs()
			l := s.syn(25, "bob", bobAt, aliceOut, how{lost: "nat-b"})
			s.Dropped = append(s.Dropped, Drop{At: at(l.ms + 0.01), Packet: l.seen, Link: "transit-b", Why: "loss"})
			return s
		}, []string{"nat-b: 192.168.2.2:5000 became 203.0.113.20:5000; was lost behind nat-b (transit-b: loss)"}},
		{"left untranslated", func() *situation {
			s := twoNATs()
			delete(s.maps["nat-a"], aliceAt)
			s.syn(0, "alice", aliceAt, bobOut, how{dies: "internet"})
			return s
		}, []string{"nat-a: left untranslated", "internet: dropped: it came from a private address"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := said(test.compose()); !slices.Equal(got, test.want) {
				t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// There is one for every packet of the recording, in its order.
func TestCommentsAreParallel(t *testing.T) {
	for _, l := range ladders {
		s := l.compose()
		if n, told := len(s.Packets), len(s.tell().Comments()); n != told {
			t.Errorf("%s: %d comments on %d packets", l.name, told, n)
		}
	}
}
