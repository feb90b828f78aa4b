// Package readme is the test that the README of punchlab shows, which is
// everything below the imports.
package readme

import (
	"net/netip"
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// Tests move into a network of their own: as root, or without where user
// namespaces are allowed.
func TestMain(m *testing.M) { harness.Main(m.Run) }

func TestServerSeesTheNATNotTheClient(t *testing.T) {
	harness.Need(t)                            // skips where labs cannot be built; fails if CI=true
	topology, err := topologies.Get("one-nat") // Alice behind a NAT, Bob public
	if err != nil {
		t.Fatal(err)
	}
	router, err := natprofiles.Get("openwrt")
	if err != nil {
		t.Fatal(err)
	}
	lab, err := harness.New(t.Context(), topology, harness.NATs{"a": router})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	alice, bob := lab.Host("alice"), lab.Host("bob")

	listener, err := bob.Listen(t.Context(), ":4000")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := alice.Dial(t.Context(), netip.AddrPortFrom(bob.Addrs()[0], 4000))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := listener.Accept() // a socket stays where it was born: use it anywhere
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if accepted.RemoteAddr().String() == conn.LocalAddr().String() {
		t.Errorf("Bob sees Alice's own address %s", accepted.RemoteAddr())
	}
}
