package punch

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// Forecast is what a strategy expects of two NATs, from their classifications and the mechanism of the technique alone.
// It is the same whichever of the two is named first.
type Forecast struct {
	// Chance is the probability that one round of the technique connects the peers, both having started within half a
	// round trip of each other, on a network that loses nothing: 0 where it cannot, 1 where nothing is left to chance.
	Chance float64
	// RoundTrips is how many round trips between the peers pass from the start until both hold a proven connection;
	// ServerTrips is how many round trips to the server come before.
	RoundTrips, ServerTrips float64
	// SYNs is how many SYNs both peers send towards each other in one round, at most.
	SYNs int
	// Crosses tells that a SYN must come in where another one has just left, and that both sides send theirs at
	// once: what spoils one such technique spoils the others too.
	Crosses bool
	// Reason says why, in one sentence without a full stop.
	Reason string
}

// never is the forecast of a technique that has no way through.
func never(format string, args ...any) Forecast {
	return Forecast{Reason: fmt.Sprintf(format, args...)}
}

// takes is how long one round is expected to take.
func (f Forecast) takes(rtt, serverRTT time.Duration) time.Duration {
	return time.Duration(f.RoundTrips*float64(rtt) + f.ServerTrips*float64(serverRTT))
}

// sure is the chance from which two forecasts are taken for equally good: techniques are compared by their time then,
// and not by fractions of a percent that no model is worth.
const sure = 0.99

// better orders forecasts for a choice: the better chance first, among those that are nearly certain the shorter time,
// then the fewer packets. A round trip to the server counts as half of one between the peers, as in a network where the
// server is in the middle.
func better(f, g Forecast) int {
	return cmp.Or(
		-cmp.Compare(grade(f.Chance), grade(g.Chance)),
		cmp.Compare(f.RoundTrips+f.ServerTrips/2, g.RoundTrips+g.ServerTrips/2),
		cmp.Compare(f.SYNs, g.SYNs),
	)
}

// grade puts chances that are nearly the same into one class: all that are sure, and below that by steps of 5 %.
func grade(chance float64) float64 {
	if chance >= sure {
		return 1
	}
	return math.Floor(chance*20) / 20
}

// merit is how well a way of giving out roles suits, for a comparison of several: how much of a chance a round trip
// brings.
func (f Forecast) merit() float64 {
	if f.Chance == 0 {
		return 0
	}
	return f.Chance / (f.RoundTrips + f.ServerTrips/2)
}

// Verdict is what a [Prediction] comes to.
type Verdict string

// The verdicts.
const (
	Connects Verdict = "connects" // but for one time in 200 at most
	Perhaps  Verdict = "perhaps"  // by chance
	Cannot   Verdict = "cannot"   // but for a guessed port, one in 64,512
)

// Prediction is what the model says of two NATs and a strategy.
type Prediction struct {
	Verdict Verdict
	Chance  float64 // of one attempt with ordinary patience
	SYNs    int     // that both peers send towards each other in one round, at most
	Why     string  // one sentence without a full stop
}

const (
	// certain and impossible bound what is a matter of chance.
	certain    = 0.995
	impossible = 0.001
)

// Predict says whether a strategy connects two peers behind NATs of the given classifications, and why: it is written
// from the mechanisms, and never from what was measured. Which peer is named first makes no difference. What was not
// measured counts as what is most common among NATs, see [Classification.assumed].
func Predict(a, b Classification, s Strategy) Prediction {
	f := s.Forecast(a.assumed(), b.assumed())
	p := Prediction{Verdict: Perhaps, Chance: f.Chance, SYNs: f.SYNs, Why: f.Reason}
	switch {
	case f.Chance >= certain:
		p.Verdict = Connects
	case f.Chance <= impossible:
		p.Verdict = Cannot
	}
	return p
}

// assumed fills in what was not measured with what RFC 5382 demands or, where devices mostly do otherwise, with what
// they do: no answer (REQ-4), holes that survive ICMP (REQ-10), no hairpinning (13 % of the NATs of Ford, Srisuresh and
// Kegel 2005 had it for TCP), and a NAT next to the host, behind which the Internet begins.
func (c Classification) assumed() Classification {
	if !c.Known() {
		return c
	}
	c.Answer = cmp.Or(c.Answer, Drop)
	c.AfterICMP = cmp.Or(c.AfterICMP, Yes)
	c.Hairpin = cmp.Or(c.Hairpin, No)
	if c.ArmingTTL == 0 && c.AfterICMP == Yes {
		c.ArmingTTL = cmp.Or(c.NATHop, 1) + 1
	}
	if c.Ports.Rule == "" && c.Mapping.translates() {
		c.Ports = Allocation{Rule: Random}
	}
	if c.Ports.Rule == Random && c.Ports.Size() == 0 {
		c.Ports.Low, c.Ports.High = lowestPort, highestPort
	}
	return c
}

// lowestPort and highestPort bound the ports that NATs give out where nothing narrower is known: those that are not
// well-known (RFC 4787 section 4.2.1; nf_nat_l4proto_unique_tuple of net/netfilter/nf_nat_core.c).
const (
	lowestPort, highestPort = 1024, 65535
	allPorts                = highestPort - lowestPort + 1
)

// oriented is the better of two forecasts, each for one way of giving the roles of a technique to the two peers.
func oriented(a, b Classification, one func(first, second Classification) Forecast) Forecast {
	f, g := one(a, b), one(b, a)
	if cmp.Or(better(g, f), -cmp.Compare(g.Chance, f.Chance), cmp.Compare(g.Reason, f.Reason)) < 0 {
		return g
	}
	return f
}

// birthday is the chance that at least one of m sockets behind one NAT has a port that n SYNs aim at, both drawn from a
// range of so many ports and none of them twice: the birthday problem with two groups. A NAT gives no port twice towards
// one destination.
func birthday(m, n, ports int) float64 {
	if m+n > ports {
		return 1
	}
	miss := 0.0 // the logarithm of the product of (ports-m-i)/(ports-i)
	for i := range n {
		miss += math.Log1p(-float64(m) / float64(ports-i))
	}
	return -math.Expm1(miss)
}
