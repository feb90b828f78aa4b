package punch

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

// traced is a Config whose attempt's events are kept.
func traced(cfg Config) (Config, *[]Event) {
	events := new([]Event)
	cfg.Trace = func(e Event) { *events = append(*events, e) }
	return cfg, events
}

func kindsOf(events []Event) (all []EventKind) {
	for _, e := range events {
		all = append(all, e.Kind)
	}
	return all
}

// Both peers tell what they have done, in its order, with the endpoints that the other one has seen.
func TestTraceOfASuccess(t *testing.T) {
	_, at := serve(t)
	secret := NewSecret()
	cfgA, ofA := traced(config(t, "simultaneous-open", secret, at))
	cfgB, ofB := traced(config(t, "simultaneous-open", secret, at))
	a, b := start(t.Context(), cfgA), start(t.Context(), cfgB)
	gotA, gotB := <-a, <-b
	connected(t, gotA, gotB)
	for name, side := range map[string]struct {
		events []Event
		result
	}{"a": {*ofA, gotA}, "b": {*ofB, gotB}} {
		of, report := side.events, side.report
		if first := kindsOf(of[:3]); !slices.Equal(first, []EventKind{EventRegistered, EventIntroduced, EventBegun}) {
			t.Errorf("%s began with %v", name, first)
		}
		if of[0].Local != report.Local || of[0].Remote != report.Observed || of[1].Remote != report.Peer {
			t.Errorf("%s: %+v, %+v", name, of[0], of[1])
		}
		sent, proven := 0, 0
		for _, e := range of {
			switch {
			case e.At.IsZero() || e.Technique != "simultaneous-open":
				t.Errorf("%s: %+v", name, e)
			case e.Kind == EventSent:
				sent++
				if e.Remote != report.Peer || e.Local.Port() != report.Local.Port() {
					t.Errorf("%s sent %+v", name, e)
				}
			case e.Kind == EventProven:
				proven++
				if e.Remote != endpoint(side.conn.RemoteAddr()) {
					t.Errorf("%s proved %+v", name, e)
				}
			}
		}
		if sent != report.SYNs || proven != 1 {
			t.Errorf("%s: %d sent, %d proven; the report says %d SYNs: %v", name, sent, proven, report.SYNs, kindsOf(of))
		}
	}
}

// What a failed attempt comes to is told in words.
func TestTraceOfAFailure(t *testing.T) {
	cfg, events := traced(config(t, "direct", NewSecret(), netip.MustParseAddrPort("127.0.0.1:1")))
	got := <-start(t.Context(), cfg)
	if !errors.Is(got.err, ErrRendezvous) {
		t.Fatal(got.err)
	}
	if last := (*events)[len(*events)-1]; last.Kind != EventEnded || !errors.Is(last.Err, ErrRendezvous) {
		t.Errorf("%+v", *events)
	}
}
