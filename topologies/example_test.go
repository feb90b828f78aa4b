package topologies_test

import (
	"fmt"
	"time"

	"github.com/punchlab/punchlab/topologies"
)

func ExampleTopology_Tree() {
	topology, err := topologies.Get("double-nat")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(topology.Tree())
	// Output:
	// core
	// ├─ transit-a  transit, 10ms one way
	// │  └─ carrier  nat, slot carrier, default linux-masquerade
	// │     └─ nat-a  nat, slot a
	// │        └─ alice  host
	// ├─ transit-b  transit, 10ms one way
	// │  └─ nat-b  nat, slot b
	// │     └─ bob  host
	// └─ transit-s  transit
	//    └─ rendezvous  host, 2 addresses
}

func ExampleTopology_WithRTT() {
	topology, err := topologies.Get("two-nats")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(topology.RTT("alice", "bob"), topology.RTT("alice", "rendezvous"))
	topology, err = topology.WithRTT(100 * time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(topology.RTT("alice", "bob"), topology.RTT("alice", "rendezvous"))
	// Output:
	// 40ms 20ms
	// 100ms 50ms
}

func ExampleTopology_Slots() {
	topology, err := topologies.Get("double-nat")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, slot := range topology.Slots() {
		fmt.Printf("%s %q\n", slot.Name, slot.Default)
	}
	// Output:
	// a ""
	// b ""
	// carrier "linux-masquerade"
}

// Everything that is wrong is told at once.
func ExampleParse() {
	_, err := topologies.Parse("lan.yaml", []byte(`
summary: Two hosts on one network
transits:
  transit-a: {delay: 10}
hosts:
  alice: {behind: transit-a}
  bob: {behind: tranist-a}
`))
	fmt.Println(err)
	// Output:
	// lan.yaml:4:22: delay: "10" is not a duration such as 10ms, 1.5s or 0s
	//       transit-a: {delay: 10}
	//                          ^
	// lan.yaml:5:1: host rendezvous is missing; every topology has the hosts alice, bob and rendezvous
	//     hosts:
	//     ^
	// lan.yaml:7:17: behind: "tranist-a" is not one of transit-a; did you mean transit-a?
	//       bob: {behind: tranist-a}
	//                     ^
}
