package harness

import (
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/links"
)

// Both emulations do the same to a stream of packets, within bounds that are
// stated here: a share of a thousand packets is as drawn, to five standard
// deviations; no packet is earlier than the least of its delays, and half of them
// are later by no more than a busy machine adds.
func TestEmulationsBehaveAlike(t *testing.T) {
	for _, e := range []Emulation{Queue, Netem} {
		t.Run(string(e), func(t *testing.T) {
			if err := e.available(); err != nil {
				t.Skip(err) // in CI too: not every kernel has netem
			}
			for name, c := range alike {
				t.Run(name, func(t *testing.T) {
					s := newStream(t, e, c.link)
					c.check(t, s, s.send(t, 1000))
				})
			}
		})
	}
}

const ms = time.Millisecond

// alike are conditions and what must come of a thousand packets, one each
// millisecond at most.
var alike = map[string]struct {
	link  links.Conditions
	check func(t *testing.T, s *stream, all []journey)
}{
	"delay": {links.Conditions{Delay: 20 * ms}, func(t *testing.T, _ *stream, all []journey) {
		expectShare(t, "arrive", len(all), 1000, 1)
		expectTimes(t, all, 20*ms, 20*ms)
		if !slices.IsSortedFunc(all, byNumber) {
			t.Error("packets overtake each other on a link whose delay is constant")
		}
	}},
	"uniform jitter": {
		links.Conditions{Delay: 20 * ms, Jitter: links.Jitter{Spread: 10 * ms}},
		func(t *testing.T, _ *stream, all []journey) {
			expectShare(t, "arrive", len(all), 1000, 1)
			expectTimes(t, all, 10*ms, 20*ms)
			expectEarly(t, all, 20*ms, 0.5)
			expectEarly(t, all, 15*ms, 0.25)
		},
	},
	"normal jitter": {
		links.Conditions{Delay: 40 * ms, Jitter: links.Jitter{Spread: 8 * ms, Normal: true}},
		func(t *testing.T, _ *stream, all []journey) {
			expectShare(t, "arrive", len(all), 1000, 1)
			expectTimes(t, all, 8*ms, 40*ms)
			expectEarly(t, all, 32*ms, 0.1587) // one deviation
			expectEarly(t, all, 48*ms, 0.8413)
		},
	},
	"loss": {links.Conditions{Delay: 5 * ms, Loss: links.Loss{Good: 0.2}}, func(t *testing.T, s *stream, all []journey) {
		expectShare(t, "arrive", len(all), 1000, 0.8)
		if seen := s.seen(t); seen.Dropped != uint64(1000-len(all)) || seen.Lost > 0 {
			t.Errorf("%d packets arrive, and %+v", len(all), seen)
		}
	}},
	"bursts": {
		links.Conditions{Delay: 5 * ms, Loss: links.Loss{P: 0.1, R: 0.4, Bad: 1}},
		func(t *testing.T, _ *stream, all []journey) {
			expectShare(t, "arrive", len(all), 300, 0.8) // what is lost together counts less
			bursts := 0
			for i := 1; i < len(all); i++ {
				if all[i].number > all[i-1].number+1 {
					bursts++
				}
			}
			if length := float64(1000-len(all)) / float64(bursts); length < 1.8 || length > 3.4 {
				t.Errorf("a burst is %v packets long, want about 2.5", length)
			}
		},
	},
	"duplication": {links.Conditions{Delay: 5 * ms, Duplicate: 0.2}, func(t *testing.T, _ *stream, all []journey) {
		expectShare(t, "arrive twice", len(all)-1000, 1000, 0.2)
	}},
	"reordering": {links.Conditions{Delay: 20 * ms, Reorder: 0.2}, func(t *testing.T, _ *stream, all []journey) {
		expectShare(t, "arrive", len(all), 1000, 1)
		expectShare(t, "have a delay", between(all, 20*ms, time.Hour), 1000, 0.8)
		if slices.IsSortedFunc(all, byNumber) {
			t.Error("no packet overtakes another")
		}
	}},
	"rate": {links.Conditions{Rate: 1_000_000, Queue: 20_000}, func(t *testing.T, s *stream, all []journey) {
		// 54 bytes with all headers: 0.432 ms each, less than a millisecond.
		expectShare(t, "arrive", len(all), 1000, 1)
		// At once they are too many: the queue has room for 370 of them, and some leave
		// meanwhile.
		s.pause = 0
		all = s.send(t, 2000)
		seen := s.seen(t)
		if len(all) < 370 || seen.Overflowed == 0 || int(seen.Overflowed)+len(all) != 2000 || seen.Lost > 0 || seen.Dropped > 0 {
			t.Errorf("%d of 2,000 packets arrive, and %+v", len(all), seen)
		}
		free := 40 // that may leave at once, before the rate shows
		if s.lab.emulation == Netem {
			// A token bucket is full of 28 of them at first, and again when the link is
			// changed for the fence (net/sched/sch_tbf.c: tbf_change fills it).
			free = 2*28 + 4
		}
		if span := all[len(all)-1].arrived.Sub(all[0].sent); span < time.Duration(len(all)-free)*432*time.Microsecond {
			t.Errorf("%d packets took %v, less than at the rate", len(all), span)
		}
	}},
}

// journey is a packet that arrived.
type journey struct {
	number        int
	sent, arrived time.Time
}

func (j journey) took() time.Duration { return j.arrived.Sub(j.sent) }

func byNumber(x, y journey) int { return x.number - y.number }

// between counts the packets that took that long.
func between(all []journey, least, most time.Duration) (n int) {
	for _, j := range all {
		if took := j.took(); took >= least && took < most {
			n++
		}
	}
	return n
}

// expectShare checks that so many of n are a share, to five standard deviations.
func expectShare(t *testing.T, what string, got, n int, share float64) {
	t.Helper()
	scale := float64(n) / 1000 // of n independent ones
	bound := 5 * math.Sqrt(share*(1-share)/(1000*scale))
	if math.Abs(float64(got)/1000-share) > bound {
		t.Errorf("%v of all %s, want %v, to %.3f", float64(got)/1000, what, share, bound)
	}
}

// expectEarly checks that a share of all take less than a time. A busy machine may
// make a tenth of all late.
func expectEarly(t *testing.T, all []journey, than time.Duration, share float64) {
	t.Helper()
	const busy = 0.1
	got := float64(between(all, 0, than)) / 1000
	if bound := 5 * math.Sqrt(share*(1-share)/1000); got > share+bound || got < share-bound-busy {
		t.Errorf("%v of all take less than %v, want %v, to %.3f", got, than, share, bound)
	}
}

// slow is what a busy machine may add in the median.
const slow = 20 * ms

// expectTimes checks that no packet is earlier than the least delay, and the
// median about what it should be.
func expectTimes(t *testing.T, all []journey, least, median time.Duration) {
	t.Helper()
	var times []time.Duration
	for _, j := range all {
		times = append(times, j.took())
	}
	slices.Sort(times)
	if times[0] < least {
		t.Errorf("a packet took %v, less than %v", times[0], least)
	}
	if middle := times[len(times)/2]; middle < median-2*ms || middle > median+slow {
		t.Errorf("half of all took less than %v, want %v", middle, median)
	}
}

// stream is packets over one link, from alice to the rendezvous.
type stream struct {
	lab              *Lab
	link             links.Conditions
	sender, receiver *net.UDPConn
	pause            time.Duration // between two packets
}

func newStream(t *testing.T, e Emulation, c links.Conditions) *stream {
	t.Helper()
	lab, err := Build(t.Context(), topology(t, "open"), nil, Options{Emulation: e, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stream{lab: lab, link: c, pause: ms}
	server := lab.Host("rendezvous")
	at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(server.Addrs()[0], port))
	err = errors.Join(
		server.Do(func() (err error) { s.receiver, err = net.ListenUDP("udp4", at); return err }),
		lab.Host("alice").Do(func() (err error) { s.sender, err = net.DialUDP("udp4", nil, at); return err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.sender.Close(); s.receiver.Close() })
	return s
}

// send sends numbered packets with their time, and behind them, over a link that
// has become lossless, the fence with which what arrives ends.
func (s *stream) send(t *testing.T, packets int) []journey {
	t.Helper()
	if err := s.lab.SetLink("transit-a", links.Link{Up: s.link}); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan []journey)
	go func() { arrived <- s.receive(t) }()
	start := time.Now()
	// From one processor: where the sender moves, packets overtake each other before they
	// come to the link.
	err := kernel.Pinned(func() error {
		for i := range packets {
			// The pace of the load, from the start so that no lateness adds up.
			time.Sleep(time.Until(start.Add(time.Duration(i) * s.pause)))
			s.write(t, i+1)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	await := links.Conditions{Delay: s.link.Delay + 4*s.link.Jitter.Spread, Rate: s.link.Rate}
	if s.link.Rate > 0 {
		await.Queue = links.MaxQueue // there is room for the fence
	}
	if err := s.lab.SetLink("transit-a", links.Link{Up: await}); err != nil {
		t.Fatal(err)
	}
	s.write(t, 0)
	return <-arrived
}

func (s *stream) write(t *testing.T, number int) {
	t.Helper()
	word := binary.BigEndian.AppendUint32(nil, uint32(number))
	if _, err := s.sender.Write(binary.BigEndian.AppendUint64(word, uint64(time.Now().UnixNano()))); err != nil {
		t.Error(err)
	}
}

func (s *stream) receive(t *testing.T) (all []journey) {
	word := make([]byte, 100)
	for {
		if err := s.receiver.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Error(err)
			return all
		}
		if _, err := s.receiver.Read(word); err != nil {
			t.Error(err)
			return all
		}
		number := int(binary.BigEndian.Uint32(word))
		if number == 0 {
			return all
		}
		all = append(all, journey{number, time.Unix(0, int64(binary.BigEndian.Uint64(word[4:]))), time.Now()})
	}
}

// seen is what the links have done.
func (s *stream) seen(t *testing.T) LinkStats {
	t.Helper()
	seen, err := s.lab.Links()
	if err != nil {
		t.Fatal(err)
	}
	return seen
}
