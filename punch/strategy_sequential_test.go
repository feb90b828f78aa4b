package punch

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// behind is a NAT of the given behaviour, all else being most common.
func behind(mapping, filtering Dependence, ports Allocation, answer Answer) Classification {
	return Classification{
		Version: ClassificationVersion, Mapping: mapping, Filtering: filtering, Ports: ports, Answer: answer,
	}.assumed()
}

var (
	keepsPorts  = Allocation{Rule: Preserve}
	countsPorts = Allocation{Rule: Sequential, Step: 1, Regularity: 1}
	drawsPorts  = Allocation{Rule: Random}
)

const (
	eim, adm, apdm = EndpointIndependent, AddressDependent, AddressAndPortDependent
	eif, adf, apdf = EndpointIndependent, AddressDependent, AddressAndPortDependent
)

func cannotArm(c Classification) Classification {
	c.AfterICMP, c.ArmingTTL = No, 0
	return c
}

func TestForecastOfSequential(t *testing.T) {
	counts := behind(apdm, apdf, countsPorts, Drop)
	for _, c := range []struct {
		name                string
		a, b                Classification
		chance, roundTrips  float64
		serverTrips, number int
	}{
		{"crossing a cone's window", counts, behind(eim, apdf, keepsPorts, Drop), 1, 2, 2, 9},
		{"armed before a cone that answers", counts, behind(eim, apdf, keepsPorts, Reset), 1, 2.5, 2, 9},
		{"timed where no SYN can be armed", cannotArm(counts), behind(eim, apdf, keepsPorts, ICMP), 1, 2, 2, 9},
		{"a port per address", behind(adm, adf, countsPorts, Reset), behind(eim, eif, keepsPorts, Drop), 1, 2, 2, 9},
		{"a firewall is a cone", counts, behind(None, apdf, Allocation{}, Drop), 1, 2, 2, 9},
		{"no NAT is one too", counts, behind(None, None, Allocation{}, ""), 1, 2, 2, 9},
		{"the peer's port is not needed where addresses are filtered", behind(apdm, adf, countsPorts, Drop),
			behind(apdm, apdf, drawsPorts, Reset), 1, 2.5, 2, 9},
		{"but a refusal must not close the hole", cannotArm(behind(apdm, adf, countsPorts, Drop)),
			behind(apdm, apdf, drawsPorts, Reset), 0, 0, 0, 0},
		{"two counters", counts, counts, 1, 2, 2, 32},
		{"two counters, one side answering", counts, behind(apdm, apdf, countsPorts, Reset), 1, 3, 2, 32},
		{"two counters, both answering and none armed", cannotArm(behind(apdm, apdf, countsPorts, ICMP)),
			cannotArm(behind(adm, apdf, countsPorts, Reset)), 1, 2.5, 2, 32},
		{"a counter and a drawer", counts, behind(apdm, apdf, drawsPorts, Drop), 0, 0, 0, 0},
		{"a counter that tells nothing, for a cone", behind(eim, apdf, countsPorts, Drop),
			behind(eim, apdf, keepsPorts, Drop), 0, 0, 0, 0},
		{"a drawer and a cone", behind(apdm, apdf, drawsPorts, Drop), behind(eim, eif, keepsPorts, Drop), 0, 0, 0, 0},
		{"a busy NAT", behind(apdm, apdf, Allocation{Rule: Sequential, Step: 1, Regularity: 0.5}, Drop),
			behind(eim, apdf, keepsPorts, Drop), 0.5, 2, 2, 9},
	} {
		f := sequential{}.Forecast(c.a, c.b)
		if f.Chance != c.chance || f.SYNs != c.number ||
			f.RoundTrips != c.roundTrips || f.ServerTrips != float64(c.serverTrips) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// counter is a NAT that counts, as far as a salvo meets it.
type counter struct {
	next int
	maps Dependence
}

// sends gives each SYN the port that it leaves from, and returns pairs of that and where it goes.
func (c *counter) sends(shots []shot) map[[2]int]bool {
	all, from := map[[2]int]bool{}, 0
	for i, s := range shots {
		if i == 0 || c.maps == AddressAndPortDependent {
			from, c.next = c.next, c.next+1
		}
		all[[2]int{from, int(s.to.Port())}] = true
	}
	return all
}

// Others take ports of both counters between the look and the salvos. One pair of SYNs goes where the other comes from,
// as long as the shifts are within the salvo.
func TestTwoCountersMeetWhateverOthersTake(t *testing.T) {
	first := &attempt{path: path{peer: netip.MustParseAddrPort("203.0.113.7:1")}, state: &state{elder: true}}
	second := &attempt{path: path{peer: netip.MustParseAddrPort("198.51.100.7:1")}, state: new(state)}
	s := sequential{}
	for _, maps := range [][2]Dependence{{apdm, apdm}, {adm, apdm}, {apdm, adm}, {adm, adm}} {
		a, b := behind(maps[0], apdf, countsPorts, Drop), behind(maps[1], apdf, countsPorts, Drop)
		for c := range sequentialSalvo {
			for d := range sequentialSalvo {
				if c+2*d >= sequentialSalvo {
					continue
				}
				ofA, ofB := &counter{next: 3001 + c, maps: maps[0]}, &counter{next: 5001 + d, maps: maps[1]}
				toB := s.window(first, prediction{Last: 5000, Step: 1}, shot{}, sequentialSalvo, s.stride(first, a, b))
				toA := s.window(second, prediction{Last: 3000, Step: 1}, shot{}, sequentialSalvo, s.stride(second, b, a))
				there, back, met := ofA.sends(toB), ofB.sends(toA), 0
				for pair := range there {
					if back[[2]int{pair[1], pair[0]}] {
						met++
					}
				}
				if met != 1 {
					t.Fatalf("%s and %s, shifted by %d and %d: %d pairs meet", maps[0], maps[1], c, d, met)
				}
			}
		}
	}
}

// Exactly one side opens, whatever both are, unless both may fire when they like.
func TestOneSideFiresFirst(t *testing.T) {
	for _, a := range kinds() {
		for _, b := range kinds() {
			elder, younger := &attempt{state: &state{elder: true}}, &attempt{state: new(state)}
			if s := (sequential{}); elder.plays(a, b, s.opens) == younger.plays(b, a, s.opens) {
				t.Fatalf("%s and %s: both or none", a, b)
			}
		}
	}
	drops, resets := behind(apdm, apdf, countsPorts, Drop), behind(apdm, apdf, countsPorts, Reset)
	if !(&attempt{state: new(state)}).plays(resets, drops, sequential{}.opens) {
		t.Error("a NAT that answers kills what comes before its own side's SYNs")
	}
	shared := behind(adm, apdf, countsPorts, Drop)
	if !(&attempt{state: new(state)}).plays(shared, resets, sequential{}.opens) {
		t.Error("SYNs that share a mapping are refused")
	}
}

// say tells the engine's strategy something.
func (p *puppet) say(say string, with any) {
	p.t.Helper()
	if err := tellPeer(p.t.Context(), p.client, p.strategy, say, with); err != nil {
		p.t.Fatal(err)
	}
}

// isBehind tells the engine what the puppet's NAT is like.
func (p *puppet) isBehind(c Classification) {
	p.t.Helper()
	if err := tellPeer(p.t.Context(), p.client, "", classified, c); err != nil {
		p.t.Fatal(err)
	}
}

// hears waits for the engine's next note of one kind.
func hears[T any](p *puppet, say string) (with T) {
	p.t.Helper()
	for {
		event, err := p.client.Next(p.t.Context())
		if err != nil || event.Left != "" {
			p.t.Fatalf("waiting for %q: %+v, %v", say, event, err)
		}
		var n note
		if err := json.Unmarshal(event.Note, &n); err != nil {
			p.t.Fatal(err)
		}
		if n.For != p.strategy || n.Say != say {
			continue
		}
		if err := json.Unmarshal(n.With, &with); err != nil {
			p.t.Fatal(err)
		}
		return with
	}
}

// meetBehind has an engine and a puppet introduced that are behind the given NATs, as both say.
func meetBehind(
	t *testing.T, strategy string, engines, puppets Classification, id rendezvous.ID,
) (*puppet, Secret, <-chan result) {
	t.Helper()
	_, at := serve(t)
	cfg := config(t, strategy, NewSecret(), at)
	cfg.Classification = &engines
	p := newPuppet(t, at, strategy, id)
	engine := start(t.Context(), cfg)
	p.hello(cfg.Secret.meeting())
	p.introduced()
	p.isBehind(puppets)
	return p, cfg.Secret, engine
}

// comes dials a port that the engine has told, and is the peer there.
func (p *puppet) comes(port uint16, s Secret, engine <-chan result) result {
	p.t.Helper()
	d, err := dial(Here, freshPort, netip.AddrPortFrom(p.met.Peer.Observed.Addr(), port))
	if err != nil {
		p.t.Fatal(err)
	}
	conn, err := d.wait(p.t.Context(), time.Time{})
	if err != nil {
		p.t.Fatal(err)
	}
	write(p.own(conn), p.proof(s))
	p.gotProof(conn, s)
	got := <-engine
	if got.err != nil {
		p.t.Fatalf("the attempt ended: %v", got.err)
	}
	p.t.Cleanup(func() { _ = got.conn.Close() })
	talk(p.t, conn, got.conn)
	return got
}

// On loopback nothing counts, so that the port that was seen last is the very one that the engine listens on.
func TestWhoComesToTheForetoldPortIsLetIn(t *testing.T) {
	filters := behind(apdm, adf, countsPorts, Drop)
	bothRoles(t, func(t *testing.T, id rendezvous.ID) {
		p, secret, engine := meetBehind(t, "sequential", filters, behind(apdm, apdf, drawsPorts, Drop), id)
		_ = p.listener.Close() // the engine's own SYN is refused
		told := hears[prediction](p, foretold)
		if told.check() != nil || told.Step != 1 || told.Last == p.met.Peer.Observed.Port() {
			t.Fatalf("%+v", told)
		}
		if got := p.comes(told.Last, secret, engine); !got.report.Accepted || got.report.Via != "sequential" {
			t.Errorf("%+v", got.report)
		}
	})
}

// nextTo is what foretells the puppet's listener as the n-th next port.
func (p *puppet) nextTo(n, step int) prediction {
	at := p.listener.Addr().(*net.TCPAddr).AddrPort().Port()
	return prediction{Last: uint16(int(at) - n*step), Step: step}
}

func TestTheForetoldPortsAreDialled(t *testing.T) {
	for _, step := range []int{1, -2} {
		counts := behind(apdm, apdf, Allocation{Rule: Sequential, Step: step}, Drop)
		p, secret, engine := meetBehind(t, "sequential", behind(eim, apdf, keepsPorts, Drop), counts, meekID)
		p.say(foretold, prediction{})                     // nonsense
		p.say(foretold, p.nextTo(30, step))               // out of reach
		p.say(foretold, p.nextTo(sequentialWindow, step)) // just within
		if got := p.finish(secret, engine); got.report.Accepted {
			t.Errorf("%+v", got.report)
		}
	}
}

// A peer that is some rounds ahead is followed: it hears the engine's prediction once more, by its own number.
func TestBothSidesFireInTheSameRound(t *testing.T) {
	counts := behind(apdm, apdf, countsPorts, Drop)
	bothRoles(t, func(t *testing.T, id rendezvous.ID) {
		p, secret, engine := meetBehind(t, "sequential", counts, counts, id)
		if told := hears[prediction](p, foretold); told.Round != 1 {
			t.Errorf("the first round is %d", told.Round)
		}
		early := p.nextTo(1, 1)
		p.say(foretold, early) // of a round before the first
		early.Round = 4
		p.say(foretold, early)
		if told := hears[prediction](p, foretold); told.Round != 4 {
			t.Errorf("round 4 was answered by %d", told.Round)
		}
		p.finish(secret, engine)
	})
}

func TestSequentialGivesUpWhereNothingCounts(t *testing.T) {
	cone := behind(eim, apdf, keepsPorts, Drop)
	a := &attempt{strategy: "sequential", state: &state{knowledge: newKnowledge(), post: newPost()}}
	a.knowledge.settle(ours, cone)
	a.knowledge.settle(others, cone)
	if err := (sequential{}).run(context.Background(), a); err != nil {
		t.Error(err)
	}
}
