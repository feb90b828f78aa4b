package punch

import (
	"net/netip"
	"testing"
)

func TestHairpinForecast(t *testing.T) {
	shared := netip.MustParseAddr("203.0.113.7")
	nat := func(mapping, filtering Dependence, answer Answer, turns Finding) Classification {
		return Classification{External: shared, Mapping: mapping, Filtering: filtering, Answer: answer, Hairpin: turns}
	}
	cone := nat(EndpointIndependent, AddressAndPortDependent, Drop, Yes)
	elsewhere := cone
	elsewhere.External = netip.MustParseAddr("203.0.113.8")
	for _, c := range []struct {
		name string
		a, b Classification
		want float64
	}{
		{"a cone that drops", cone, cone, 1},
		{"one of both has seen it turn round", cone, nat(EndpointIndependent, AddressAndPortDependent, Drop, No), 1},
		{"one of both has looked", cone, nat(EndpointIndependent, AddressAndPortDependent, Drop, ""), 1},
		{"anybody comes in, and nothing is answered", nat(EndpointIndependent, EndpointIndependent, "", Yes), cone, 1},
		{"a cone that resets", nat(EndpointIndependent, AddressDependent, Reset, Yes),
			nat(EndpointIndependent, AddressDependent, Reset, Yes), 0},
		{"a cone that answers by ICMP", nat(EndpointIndependent, AddressAndPortDependent, ICMP, Yes),
			nat(EndpointIndependent, AddressAndPortDependent, ICMP, Yes), 0},
		{"one that resets, and lets anybody in", nat(EndpointIndependent, EndpointIndependent, Reset, Yes),
			nat(EndpointIndependent, EndpointIndependent, Reset, Yes), 1},
		{"it does not turn round", nat(EndpointIndependent, EndpointIndependent, Drop, No),
			nat(EndpointIndependent, EndpointIndependent, Drop, No), 0},
		{"a port per destination", nat(AddressDependent, EndpointIndependent, Drop, Yes), cone, 0},
		{"no NAT", nat(None, EndpointIndependent, "", Yes), nat(None, EndpointIndependent, "", Yes), 0},
		{"two NATs", cone, elsewhere, 0},
		{"nothing is known", Classification{}, Classification{}, 0},
	} {
		f, g := hairpin{}.Forecast(c.a, c.b), hairpin{}.Forecast(c.b, c.a)
		if f.Chance != c.want || f != g || f.Reason == "" {
			t.Errorf("%s: %+v, and %+v the other way round", c.name, f, g)
		}
	}
}
