package punch

import (
	"errors"
	"net/netip"
	"testing"
)

// at is a NAT's external address.
func at(addr string) Classification { return Classification{External: netip.MustParseAddr(addr)} }

func TestLocalForecast(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b Classification
		want float64
	}{
		{"one address", at("203.0.113.7"), at("203.0.113.7"), localChance},
		{"two addresses", at("203.0.113.7"), at("198.51.100.8"), 0},
		{"two addresses that one NAT may have", at("203.0.113.7"), at("203.0.113.8"), poolChance},
		{"nothing is known of either", Classification{}, Classification{}, 0},
		{"nothing is known of one", at("203.0.113.7"), Classification{}, 0},
	} {
		f, g := local{}.Forecast(c.a, c.b), local{}.Forecast(c.b, c.a)
		if f.Chance != c.want || f != g || f.Reason == "" {
			t.Errorf("%s: %+v, and %+v the other way round", c.name, f, g)
		}
	}
}

// Where the peers do not share an address, the peer's own one is somebody else's, or nobody's.
func TestLocalLeavesOthersNetworksAlone(t *testing.T) {
	stranger := aStranger(t)
	a := bareAttempt(t, stranger)
	a.locals, a.observed = []netip.AddrPort{stranger}, netip.MustParseAddrPort("203.0.113.7:4000")
	if err := (local{}).run(t.Context(), a); err != nil {
		t.Error(err)
	}
	if a.tally.syns > 0 {
		t.Errorf("%d SYNs left", a.tally.syns)
	}
}

// What must not be dialled is left alone, and what may be is dialled all the same.
func TestLocalDialsWhatItMay(t *testing.T) {
	stranger := aStranger(t)
	a := bareAttempt(t, stranger)
	a.observed = netip.AddrPortFrom(stranger.Addr(), 4000)
	a.locals = []netip.AddrPort{netip.MustParseAddrPort("224.0.0.1:80"), netip.MustParseAddrPort("169.254.0.1:80")}
	if err := (local{}).run(t.Context(), a); err != nil || a.tally.syns > 0 {
		t.Errorf("%d SYNs left: %v", a.tally.syns, err)
	}
	for _, to := range a.locals {
		if err := a.guard.pass(to, 1); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// On one machine both peers are seen at one address, and reach each other by their own ones, and by those that the
// server saw.
func TestNeighboursConnect(t *testing.T) {
	_, at := serve(t)
	for _, s := range []Strategy{local{}, hairpin{}} {
		cfg := config(t, s.Name(), NewSecret(), at)
		cfg.Classification = nil
		first, second := start(t.Context(), cfg), start(t.Context(), cfg)
		a, b := <-first, <-second
		connected(t, a, b)
		if a.report.Via != s.Name() {
			t.Errorf("%s: connected by %s", s.Name(), a.report.Via)
		}
	}
}
