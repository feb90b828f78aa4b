package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// attemptPage tells what happened in a trial.
func attemptPage(a bench.Attempt) string {
	pairs := [][2]string{
		{topologies.Alice, saw(a.Alice)},
		{topologies.Bob, saw(a.Bob)},
	}
	pairs = append(pairs, found(topologies.Alice, a.Alice)...)
	pairs = append(pairs, found(topologies.Bob, a.Bob)...)
	pairs = append(pairs, [][2]string{
		{"established", reached(a.EstablishedMS, a.RTTMS)},
		{"connected", reached(a.ConnectMS, a.RTTMS)},
	}...)
	if a.RTTMS != nil {
		pairs = append(pairs, [2]string{"round trip", fmt.Sprintf("%.1f ms, as measured", *a.RTTMS)})
	}
	if a.Via != "" {
		pairs = append(pairs, [2]string{"via", a.Via + winner(a)})
	}
	if a.Cause != "" {
		why := strings.ReplaceAll(a.Why, "; "+topologies.Bob+": ", "\n"+topologies.Bob+": ")
		pairs = append(pairs, [2]string{"cause", strings.TrimSuffix(a.Cause+"\n"+why, "\n")})
	}
	pairs = append(pairs, undergone(a.Trial)...)
	pairs = append(pairs, [2]string{"seed", fmt.Sprint(a.Seed)})
	return fmt.Sprintf("%s: %s\n\n", a.Outcome, a.Cell) + entries("  ", pairs)
}

// undergone tells what links and faults did to packets.
func undergone(t results.Trial) (lines [][2]string) {
	var words []string
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{t.Links.Dropped, "dropped"}, {t.Links.Overflowed, "found a queue full"}, {t.Links.Duplicated, "duplicated"},
		{t.Links.Reordered, "reordered"}, {t.Links.Corrupted, "corrupted"},
	} {
		if c.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(words) > 0 {
		lines = append(lines, [2]string{"links", "packets: " + strings.Join(words, ", ")})
	}
	for _, f := range t.Faults {
		lines = append(lines, [2]string{"fault", f.String()})
	}
	return lines
}

// saw tells one peer's side.
func saw(r punch.Report) string {
	if !r.Observed.IsValid() {
		return "was not seen by the rendezvous"
	}
	return fmt.Sprintf("%s, seen from outside as %s; %s, %d refused, %d replaced unanswered",
		r.Local, r.Observed, counted(r.SYNs, "SYN"), r.Refusals, r.Silences)
}

// found tells what a peer knew of its own NATs, and what else it has to say.
func found(name string, r punch.Report) (lines [][2]string) {
	if r.Us.Known() {
		lines = append(lines, [2]string{name + "'s NAT", r.Us.String()})
	}
	if len(r.Notes) > 0 {
		lines = append(lines, [2]string{name + " notes", strings.Join(r.Notes, "\n")})
	}
	return lines
}

// winner tells whose connection won, where a peer made one.
func winner(a bench.Attempt) string {
	if a.Alice.SYNs+a.Bob.SYNs == 0 {
		return "" // the relay's is the one to the server
	}
	return ": alice " + began(a.Alice) + ", bob " + began(a.Bob)
}

// began tells how a peer got the connection that won.
func began(r punch.Report) string {
	if r.Accepted {
		return "accepted"
	}
	return "dialled"
}

// reached tells a time in milliseconds and, if the round trip is known, in
// round trips.
func reached(ms, rtt *float64) string {
	if ms == nil {
		return "no"
	}
	text := fmt.Sprintf("after %.1f ms", *ms)
	if rtt != nil && *rtt > 0 {
		text += fmt.Sprintf(", %.2f round trips", *ms / *rtt)
	}
	return text
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// attempt is a trial for machines: a line of the results file, and what each
// peer saw.
type attempt struct {
	results.Trial
	Alice peer `json:"alice"`
	Bob   peer `json:"bob"`
}

// peer is what one peer saw of a trial. Endpoints that nobody saw are empty.
type peer struct {
	Local     endpoint `json:"local"`
	Observed  endpoint `json:"observed"`
	Peer      endpoint `json:"peer"`
	Accepted  bool     `json:"accepted"`
	SYNs      int      `json:"syns"`
	Refusals  int      `json:"refusals"`
	Silences  int      `json:"silences"`
	Strangers int      `json:"strangers"`
}

type endpoint = netip.AddrPort

func attemptJSON(a bench.Attempt) attempt {
	return attempt{Trial: a.Trial, Alice: peerJSON(a.Alice), Bob: peerJSON(a.Bob)}
}

func peerJSON(r punch.Report) peer {
	return peer{
		Local: r.Local, Observed: r.Observed, Peer: r.Peer, Accepted: r.Accepted,
		SYNs: r.SYNs, Refusals: r.Refusals, Silences: r.Silences, Strangers: r.Strangers,
	}
}
