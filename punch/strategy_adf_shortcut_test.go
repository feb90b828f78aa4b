package punch

import (
	"testing"
	"time"
)

func TestForecastOfTheADFShortcut(t *testing.T) {
	filters := behind(eim, adf, keepsPorts, Drop)
	for _, c := range []struct {
		name         string
		a, b         Classification
		chance, took float64
		number       int
	}{
		{"any port may come", filters, behind(apdm, apdf, drawsPorts, Drop), 1, 2, 2},
		{"what is armed is not refused", behind(eim, adf, drawsPorts, ICMP), behind(apdm, apdf, drawsPorts, Reset), 1, 2, 2},
		{"what is not is, and comes again", cannotArm(filters), behind(apdm, apdf, drawsPorts, Reset), leaky, 2, 4},
		{"a firewall", behind(None, adf, Allocation{}, Drop), behind(adm, apdf, countsPorts, Drop), 1, 2, 2},
		{"two of them", filters, filters, 1, 2, 2},
		{"the open side is dialled", filters, behind(apdm, eif, drawsPorts, Reset), 1, 2, 1},
		{"the hole is at a port that nobody knows", behind(apdm, adf, drawsPorts, Drop),
			behind(eim, apdf, keepsPorts, Drop), 0, 0, 0},
		{"only that port may come", behind(eim, apdf, keepsPorts, Drop), behind(apdm, apdf, drawsPorts, Drop), 0, 0, 0},
	} {
		f := adfShortcut{}.Forecast(c.a, c.b)
		if f.Chance != c.chance || f.RoundTrips != c.took || f.ServerTrips != 0 || f.SYNs != c.number {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// On loopback one peer is as good as another; the roles are what both say of their NATs, whoever comes first.
func TestTheShortcutConnectsInBothOrders(t *testing.T) {
	filters, draws := behind(eim, adf, keepsPorts, Drop), behind(apdm, apdf, drawsPorts, Drop)
	for _, late := range []time.Duration{0, 30 * time.Millisecond, -30 * time.Millisecond} {
		_, at := serve(t)
		opening := config(t, "adf-shortcut", NewSecret(), at)
		dialling := opening
		opening.Classification, dialling.Classification = &filters, &draws
		opening.Hold, dialling.Hold = max(0, late), max(0, -late)
		first, second := start(t.Context(), opening), start(t.Context(), dialling)
		a, b := <-first, <-second
		connected(t, a, b)
		if !a.report.Accepted || b.report.Accepted || a.report.Via != "adf-shortcut" {
			t.Errorf("\n%+v\n%+v", a.report, b.report)
		}
	}
}

// A peer that opens its filter later than we have dialled says so, and is dialled once more.
func TestWhoWasTooEarlyDialsAgainWhenTold(t *testing.T) {
	draws, filters := behind(apdm, apdf, drawsPorts, Drop), behind(eim, adf, keepsPorts, Drop)
	p, secret, engine := meetBehind(t, "adf-shortcut", draws, filters, meekID)
	early := p.accept() // as if it were lost on the way: nobody answers on it
	p.say(armedNote, nil)
	got := p.finish(secret, engine)
	if got.report.SYNs < 2 || got.report.Accepted {
		t.Errorf("%+v", got.report)
	}
	_ = early.Close()
}
