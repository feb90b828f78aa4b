package punch

import (
	"slices"
	"testing"
)

func TestForecastOfScan(t *testing.T) {
	cone := behind(eim, apdf, keepsPorts, Drop)
	drawer, resets := behind(apdm, apdf, drawsPorts, Drop), behind(apdm, apdf, drawsPorts, Reset)
	disturbed := Allocation{Rule: Sequential, Step: 7, Regularity: 0.4}
	blockOf := func(high uint16) Allocation { return Allocation{Rule: Block, Low: 1024, High: high} }
	for _, c := range []struct {
		name                            string
		a, b                            Classification
		chance, roundTrips, serverTrips float64
	}{
		{"a fresh port is kept", behind(apdm, apdf, keepsPorts, Drop), cone, 1, 2, 0},
		{"the same, per address", behind(adm, adf, keepsPorts, Drop), cone, 1, 2, 0},
		{"the same, armed", behind(apdm, apdf, keepsPorts, Drop), behind(eim, adf, keepsPorts, Reset), 1, 2.5, 0},
		{"the same, the peer coming from any port", behind(apdm, adf, keepsPorts, Drop), drawer, 1, 2.5, 0},
		{"the same, closed by a refusal", cannotArm(behind(apdm, adf, keepsPorts, Drop)), resets, 0, 0, 0},
		{"neither comes from a port that is known", behind(apdm, apdf, keepsPorts, Drop), drawer, 0, 0, 0},
		{"a counter", behind(apdm, apdf, countsPorts, Drop), cone, 1, 2, 2},
		{"one that others disturb", behind(apdm, apdf, disturbed, Drop), cone, 1, 2, 2},
		{"a block that is tried as a whole", behind(apdm, apdf, blockOf(1024+63), Drop), cone, 1, 2, 2},
		{"a part of a block", behind(apdm, apdf, blockOf(1024+649), Drop), cone, 0.1, 2, 2},
		{"a needle", behind(apdm, apdf, drawsPorts, Drop), cone, 0, 0, 0},
		{"two cones", cone, cone, 0, 0, 0},
	} {
		f := scan{}.Forecast(c.a, c.b)
		if f.Chance != c.chance || f.RoundTrips != c.roundTrips || f.ServerTrips != c.serverTrips {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

func TestTheNearestPortsAreTriedFirst(t *testing.T) {
	for _, c := range []struct {
		name     string
		around   around
		from, to int
		want     []uint16
	}{
		{"at first", around{Port: 2000}, 0, 2, []uint16{2000, 2001, 1999, 2002, 1998}},
		{"then", around{Port: 2000}, 3, 4, []uint16{2003, 1997, 2004, 1996}},
		{"past both ends", around{Port: 65535}, 0, 1, []uint16{65535, 1024, 65534}},
		{"a low one", around{Port: 3}, 0, 1, []uint16{3, 4, 65535}},
		{"in a block", around{Port: 1024, Low: 1024, High: 1087}, 0, 1, []uint16{1024, 1025, 1087}},
		{"a small block, once each", around{Port: 1025, Low: 1024, High: 1027}, 0, 32, []uint16{1025, 1026, 1024, 1027}},
		{"an odd one", around{Port: 1025, Low: 1024, High: 1026}, 0, 32, []uint16{1025, 1026, 1024}},
		{"a block that it is not in", around{Port: 9000, Low: 1024, High: 1027}, 0, 1, []uint16{9000, 9001, 8999}},
		{"a block that is none", around{Port: 9000, Low: 9001, High: 8000}, 0, 1, []uint16{9000, 9001, 8999}},
	} {
		if got := c.around.scan(c.from, c.to); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	near, far := (around{Port: 2000}).scan(0, scanNear), (around{Port: 2000}).scan(scanNear+1, scanReach)
	if all := slices.Sorted(slices.Values(append(near, far...))); len(slices.Compact(all)) != scanned {
		t.Errorf("%d ports are tried, and %d are forecast", len(all), scanned)
	}
}

func TestABlockIsFoundWhereThePortIs(t *testing.T) {
	c := Classification{Ports: Allocation{Rule: Block, Low: 2048, High: 2111}}
	for port, want := range map[uint16]around{
		2048: {2048, 2048, 2111}, 2111: {2111, 2048, 2111}, 2112: {2112, 2112, 2175}, 2047: {2047, 1984, 2047},
		65535: {65535, 65472, 65535}, 10: {10, 1, 63},
	} {
		if got := block(c, port); got != want {
			t.Errorf("%d: %+v, want %+v", port, got, want)
		}
	}
}

// Behind a NAT that keeps ports, on loopback, the expected port is the right one.
func TestAKeptPortIsFoundAtOnce(t *testing.T) {
	keeps, cone := behind(apdm, apdf, keepsPorts, Drop), behind(eim, apdf, keepsPorts, Drop)
	_, at := serve(t)
	hard := config(t, "scan", NewSecret(), at)
	easy := hard
	hard.Classification, easy.Classification = &keeps, &cone
	first, second := start(t.Context(), hard), start(t.Context(), easy)
	a, b := <-first, <-second
	connected(t, a, b)
	if a.report.Via != "scan" || b.report.Via != "scan" {
		t.Errorf("\n%+v\n%+v", a.report, b.report)
	}
}

func TestTheWholeReachIsSearched(t *testing.T) {
	easy := behind(eim, apdf, keepsPorts, Drop)
	hard := behind(apdm, apdf, Allocation{Rule: Block, Low: 2048, High: 2111}, Drop)
	for _, off := range []int{scanNear, scanReach} {
		p, secret, engine := meetBehind(t, "scan", easy, hard, meekID)
		p.say(expected, around{}) // nonsense
		p.say(expected, around{Port: uint16(int(p.nextTo(0, 1).Last) + off)})
		if got := p.finish(secret, engine); off == scanNear && got.report.SYNs > 2*scanNear+1 {
			t.Errorf("%d SYNs for one that is near", got.report.SYNs)
		}
	}
}
