package harness

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/punchlab/punchlab/topologies"
)

// A lab with routable addresses is one like any other: peers connect, and
// nothing public in it is of the reserved ranges.
func TestALabOfRoutableAddresses(t *testing.T) {
	Need(t)
	for _, name := range kinds {
		topo := topology(t, "two-nats")
		lab, err := Build(t.Context(), topo, everySlot(topo, kind(t, name)), Options{Public: Routable})
		if err != nil {
			t.Fatal(err)
		}
		defer lab.Close()
		seen := map[string]netip.AddrPort{"tcp": overTCP(t, lab), "udp": overUDP(t, lab)}
		seen["server"] = netip.AddrPortFrom(lab.Host(topologies.Rendezvous).Addrs()[1], port)
		for what, endpoint := range seen {
			if !slices.ContainsFunc(publicRanges[Routable], func(r netip.Prefix) bool { return r.Contains(endpoint.Addr()) }) {
				t.Errorf("%s: %s is at %s, want one of %v", name, what, endpoint, publicRanges[Routable])
			}
		}
		traffic(t, lab, "nat-a", CrossTraffic{PerSecond: 1})
	}
}

func TestPublicSaysItsName(t *testing.T) {
	if got := fmt.Sprint(Reserved, " ", Routable, " ", Public(2)); got != "reserved routable Public(2)" {
		t.Errorf("%s", got)
	}
	_, err := Build(t.Context(), topology(t, "open"), nil, Options{Public: 2})
	if want := "lab open: public addresses are reserved or routable, not choice 2"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}
