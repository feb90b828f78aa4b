package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

// passing is what two labs that are alike may differ in: counters, and whether the
// kernel has seen the other end of a cable come up already, or looked at it at all.
var passing = regexp.MustCompile(`net:\[\d+\]|rx \d+ tx \d+ packets, dropped \d+/\d+|(veth|bridge) (up|down|unknown)`)

// dumped is the dump of a lab as far as it tells labs apart. Neighbours come in
// the order of a hash.
func dumped(t *testing.T, lab *Lab) string {
	t.Helper()
	var text strings.Builder
	if err := lab.Dump(&text); err != nil {
		t.Fatal(err)
	}
	var neighbours, rest []string
	for line := range strings.Lines(passing.ReplaceAllString(text.String(), "")) {
		if strings.Contains(line, " dev ") {
			neighbours = append(neighbours, line)
		} else {
			rest = append(rest, line)
		}
	}
	slices.Sort(neighbours)
	return strings.Join(rest, "") + strings.Join(neighbours, "")
}

// A lab that has been refitted from profile to profile, and used in between, cannot
// be told from one that is new.
func TestARefittedLabIsLikeANewOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	all := natprofiles.All()
	var lab *Lab
	refitted := 0
	for i := range 20 {
		nats := NATs{}
		for _, slot := range topology(t, "two-nats").Slots() {
			nats[slot.Name] = all[random.IntN(len(all))]
		}
		fits := false
		if lab != nil {
			var err error
			if fits, err = lab.Refit(nats); err != nil {
				t.Fatal(err)
			}
		}
		fresh := build(t, "two-nats", nats)
		if !fits {
			lab = fresh
		} else {
			refitted++
			if got, want := dumped(t, lab), dumped(t, fresh); got != want {
				t.Fatalf("lab %d, refitted:\n%s\nbuilt anew:\n%s", i, got, want)
			}
		}
		for _, name := range []string{"nat-a", "nat-b"} {
			if got, want := lab.Router(name).Profile().Name, fresh.Router(name).Profile().Name; got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		server := lab.Host("rendezvous")
		if fits {
			continue // it listens still
		}
		serve(t, server)
		for _, name := range []string{"alice", "bob"} {
			conn, err := lab.Host(name).Dial(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port))
			if err != nil {
				t.Fatal(err)
			}
			// A reset is the end: nothing is sent after it.
			if err := errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if refitted < 5 {
		t.Errorf("only %d of 20 labs could be refitted", refitted)
	}
}

// What other NATs need another layout for is left as it is.
func TestRefitLeavesOtherLayoutsAlone(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "openwrt")))
	before := dumped(t, lab)
	for _, other := range []string{"none", "rfc6888-cgn", "eim-eif"} {
		fits, err := lab.Refit(NATs{"a": profile(t, "openwrt"), "b": profile(t, other)})
		if fits || err != nil {
			t.Errorf("openwrt x openwrt became openwrt x %s: %v, %v", other, fits, err)
		}
	}
	if after := dumped(t, lab); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if fits, err := lab.Refit(NATs{"a": profile(t, "openwrt"), "c": profile(t, "none")}); fits || err == nil ||
		!strings.Contains(err.Error(), `no slot "c"`) {
		t.Errorf("%v, %v", fits, err)
	}
}

// Interchangeable says of all pairs of profiles what Refit would find out.
func TestInterchangeable(t *testing.T) {
	place := topology(t, "one-nat")
	plans := map[string]*plan{}
	for _, p := range natprofiles.All() {
		made, err := newPlan(place, NATs{"a": p}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		plans[p.Name] = made
	}
	for _, p := range natprofiles.All() {
		for _, q := range natprofiles.All() {
			fits := slices.EqualFunc(plans[p.Name].machines, plans[q.Name].machines, (*machine).alike)
			if Interchangeable(p, q) != fits {
				t.Errorf("%s for %s: %t, and Refit says %t", p.Name, q.Name, !fits, fits)
			}
		}
	}
}

// A NAT that stays what it is when another one of its lab changes is not made anew: its
// ports go on. One that changes begins with its first.
func TestRefitLeavesANATThatStays(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "apdm-sequential")))
	server := lab.Host("rendezvous")
	seen := func(name string) uint16 {
		_, accepted := joined(t, lab.Host(name), server)
		return netip.MustParseAddrPort(accepted.RemoteAddr().String()).Port()
	}
	first := [2]uint16{seen("alice"), seen("bob")}
	for _, other := range []string{"eim-apdf", "apdm-sequential"} {
		fits, err := lab.Refit(NATs{"a": profile(t, "apdm-sequential"), "b": profile(t, other)})
		if !fits || err != nil {
			t.Fatal(fits, err)
		}
	}
	if got := seen("alice"); got != first[0]+1 {
		t.Errorf("a NAT that stayed gave port %d after %d", got, first[0])
	}
	if got := seen("bob"); got != first[1] {
		t.Errorf("a NAT that was made anew gave port %d first, and %d before", got, first[1])
	}
}

// BenchmarkRefit beside BenchmarkLabOfNATs tells what refitting saves.
func BenchmarkRefit(b *testing.B) {
	pairs := [][2]string{{"apdm-sequential", "eim-eif"}, {"eim-apdf", "apdm-apdf"}, {"openwrt", "linux-random"}}
	for _, pair := range pairs {
		b.Run(fmt.Sprintf("%s-%s", pair[0], pair[1]), func(b *testing.B) {
			names := pair[:]
			lab := build(b, "two-nats", NATs{"a": profile(b, names[0]), "b": profile(b, names[1])})
			for b.Loop() {
				slices.Reverse(names)
				fits, err := lab.Refit(NATs{"a": profile(b, names[0]), "b": profile(b, names[1])})
				if err != nil || !fits {
					b.Fatal(fits, err)
				}
			}
		})
	}
}
