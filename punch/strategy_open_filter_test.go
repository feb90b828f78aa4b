package punch

import "testing"

func TestOpenFilterNeedsANATThatLetsEverybodyIn(t *testing.T) {
	foresees(t, openFilter{}, []foreseen{
		{"anybody may call", fullCone, symmetric, 1, 2},
		{"the mapping may depend on anything, as its host keeps still", symOpen, resetCone, 1, 2},
		{"one of two calls", symOpen, symOpen, 1, 2},
		{"a firewall with such a filter", withFiltering(firewall, EndpointIndependent), icmpCone, 1, 2},
		{"no filter at all", noNAT, symmetric, 1, 2},
		{"a filter by address lets in the server's", addrCone, noNATButFiltered(), 0, 0},
		{"nor does a filter by endpoint", portCone, symmetric, 0, 0},
	})
}

func noNATButFiltered() Classification { return withFiltering(firewall, AddressDependent) }
