package punch

import "testing"

func TestKeptSYNNeedsANATThatDropsIt(t *testing.T) {
	foresees(t, keptSYN{}, []foreseen{
		{"the SYN is dropped and waits", portCone, portCone, 1, 2.5},
		{"it is kept before the NAT that drops", resetCone, portCone, 1, 2.5},
		{"whatever the keeper's own NAT answers", icmpCone, portCone, 1, 2.5},
		{"both NATs would kill it", resetCone, icmpCone, 0, 0},
		{"an open NAT lets it in", icmpCone, fullCone, 1, 2},
		{"also where it must keep still", resetCone, symOpen, 1, 2},
		{"there is nothing to pass", resetCone, noNAT, 1, 2},
		{"the dialler comes from another port, which a filter by address forgives", addrCone, symmetric, 1, 2.5},
		{"but its NAT refuses the SYN first", addrCone, withAnswer(symmetric, Reset), 0, 0},
		{"the dialler comes from another port", portCone, symmetric, 0, 0},
		{"both ports change", symByAddr, symmetric, 0, 0},
	})
}

func TestAKeptSYNConnects(t *testing.T) {
	a, b := known(t, "kept-syn", portCone, resetCone)
	connected(t, a, b)
	if b.report.SYNs == 0 {
		t.Errorf("the peer whose own NAT answers has not kept the SYN: %+v", b.report)
	}
}
