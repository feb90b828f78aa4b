package punch

import "testing"

// The NATs that the forecasts of the strategies are tested with.
var (
	noNAT      = Classification{Version: 1, Mapping: None, Filtering: None}
	firewall   = Classification{Version: 1, Mapping: None, Filtering: AddressAndPortDependent}
	portCone   = Classification{Version: 1, Mapping: EndpointIndependent, Filtering: AddressAndPortDependent, Answer: Drop}
	resetCone  = withAnswer(portCone, Reset)
	icmpCone   = withAnswer(portCone, ICMP)
	addrCone   = withFiltering(portCone, AddressDependent)
	fullCone   = withFiltering(portCone, EndpointIndependent)
	symmetric  = Classification{Version: 1, Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, Answer: Drop}
	symOpen    = withFiltering(symmetric, EndpointIndependent)
	symByAddr  = withFiltering(symmetric, AddressDependent)
	closesHole = Classification{
		Version: 1, Mapping: EndpointIndependent, Filtering: AddressAndPortDependent, AfterICMP: No, Answer: Drop,
	}
)

func withAnswer(c Classification, answer Answer) Classification { c.Answer = answer; return c }

func withFiltering(c Classification, d Dependence) Classification { c.Filtering = d; return c }

// foreseen is what is expected of a forecast.
type foreseen struct {
	why        string
	a, b       Classification
	chance     float64
	roundTrips float64
}

// foresees fails the test where the forecast is another one, whichever NAT is named first.
func foresees(t *testing.T, s Strategy, all []foreseen) {
	t.Helper()
	for _, c := range all {
		for _, pair := range [][2]Classification{{c.a, c.b}, {c.b, c.a}} {
			f := s.Forecast(pair[0].assumed(), pair[1].assumed())
			if f.Chance != c.chance || f.Chance > 0 && f.RoundTrips != c.roundTrips {
				t.Errorf("%s: chance %v in %v round trips, want %v in %v (%s)",
					c.why, f.Chance, f.RoundTrips, c.chance, c.roundTrips, f.Reason)
			}
		}
	}
}

func TestReversalNeedsAPeerWithoutAFilter(t *testing.T) {
	foresees(t, reversal{}, []foreseen{
		{"who is behind any NAT calls", noNAT, symmetric, 1, 2},
		{"what its NAT answers does not matter", noNAT, icmpCone, 1, 2},
		{"one of two calls", noNAT, noNAT, 1, 2},
		{"a firewall filters too", firewall, portCone, 0, 0},
		{"an open filter is another strategy's", fullCone, portCone, 0, 0},
	})
}

// known lets two engines of one strategy meet on loopback with the given classifications of their NATs.
func known(t *testing.T, strategy string, a, b Classification) (first, second result) {
	t.Helper()
	_, at := serve(t)
	cfg := config(t, strategy, NewSecret(), at)
	other := cfg
	cfg.Classification, other.Classification = &a, &b
	x, y := start(t.Context(), cfg), start(t.Context(), other)
	first, second = <-x, <-y
	return first, second
}

func TestWhoCanBeReachedKeepsStill(t *testing.T) {
	for _, c := range []struct {
		strategy       string
		open, shut     Classification
		fromSharedPort bool
	}{
		{strategy: "reversal", open: noNAT, shut: symmetric},
		{strategy: "open-filter", open: symOpen, shut: portCone},
		{strategy: "kept-syn", open: symOpen, shut: portCone, fromSharedPort: true},
	} {
		t.Run(c.strategy, func(t *testing.T) {
			caller, callee := known(t, c.strategy, c.shut, c.open)
			connected(t, caller, callee)
			if caller.report.SYNs == 0 || callee.report.SYNs != 0 || !callee.report.Accepted {
				t.Errorf("\n%+v\n%+v", caller.report, callee.report)
			}
			if shared := caller.conn.LocalAddr().String() == caller.report.Local.String(); shared != c.fromSharedPort {
				t.Errorf("the call came from %s, the port of the connection to the server being %d",
					caller.conn.LocalAddr(), caller.report.Local.Port())
			}
		})
	}
}
