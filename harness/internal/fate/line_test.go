package fate

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/links"
)

const ms = time.Millisecond

// line is one with conditions.
func line(c links.Conditions, seed uint64) *Line {
	l := NewLine("transit-a up", seed)
	l.Set(c)
	return l
}

// pass sends packets of 1,000 bytes, one each millisecond.
func pass(l *Line, packets int) (all []Fate) {
	for i := range packets {
		all = append(all, l.Pass(Packet{Arrived: time.Duration(i) * ms, Size: 1000}))
	}
	return all
}

func once(due time.Duration) Fate { return Fate{Copies: 1, Due: [2]time.Duration{due}} }

var everything = links.Conditions{
	Delay: 20 * ms, Jitter: links.Jitter{Spread: 5 * ms}, Loss: links.Loss{P: 0.05, R: 0.3, Bad: 0.9, Good: 0.01},
	Duplicate: 0.05, Reorder: 0.05, Rate: 10_000_000, Queue: 20_000,
}

func TestThePerfectLink(t *testing.T) {
	for i, f := range pass(line(links.Conditions{}, 1), 10) {
		if want := once(time.Duration(i) * ms); f != want {
			t.Errorf("packet %d: %+v, want %+v", i, f, want)
		}
	}
}

// The same seed and the same packets have the same fate; another seed, or
// another direction, has another one.
func TestTheSeedDecides(t *testing.T) {
	first := pass(line(everything, 7), 2000)
	if diff := cmp.Diff(first, pass(line(everything, 7), 2000)); diff != "" {
		t.Errorf("the same seed again (-first +second)\n%s", diff)
	}
	again := line(everything, 9)
	pass(again, 100)
	again.Restart(7)
	if diff := cmp.Diff(first, pass(again, 2000)); diff != "" {
		t.Errorf("begun again (-first +second)\n%s", diff)
	}
	if slices.Equal(first, pass(line(everything, 8), 2000)) {
		t.Error("another seed has the same fates")
	}
	other := NewLine("transit-a down", 7)
	other.Set(everything)
	if slices.Equal(first, pass(other, 2000)) {
		t.Error("the other direction has the same fates")
	}
}

// What chance does to a packet depends on how many came before it, and not on
// when they came, how large they were or what met them: here only the first
// line has faults and a rate, and its packets come ten times as fast.
func TestDrawsAreIndependentOfTiming(t *testing.T) {
	c := links.Conditions{Delay: 20 * ms, Loss: links.Loss{Good: 0.2}, Duplicate: 0.2, Reorder: 0.2}
	plain := line(c, 3)
	want := pass(plain, 1000)
	c.Rate, c.Queue = 10_000_000_000, 1_000_000_000
	hurried := line(c, 3)
	hurried.SetRules([]Rule{rule1(t, "t up: drop any #5-9")})
	for i, w := range want {
		f := hurried.Pass(Packet{Arrived: time.Duration(i) * ms / 10, Size: 100 + i%1000, Head: syn})
		if dropped := i >= 4 && i < 9; !dropped && f.Copies != w.Copies {
			t.Fatalf("packet %d arrives %d times, and %d times without the rest", i, f.Copies, w.Copies)
		}
	}
}

func TestSharesAreKept(t *testing.T) {
	const packets = 200_000
	c := links.Conditions{Delay: 10 * ms, Loss: links.Loss{Good: 0.02}, Duplicate: 0.03, Reorder: 0.04}
	l := line(c, 5)
	arrived := 0
	for _, f := range pass(l, packets) {
		arrived += f.Copies
	}
	seen := l.Counts()
	for name, c := range map[string]struct{ got, want float64 }{
		"dropped":    {float64(seen.Dropped), 0.02 * packets},
		"duplicated": {float64(seen.Duplicated), 0.03 * packets},
		"reordered":  {float64(seen.Reordered), 0.04 * packets},
		"arrived":    {float64(arrived), 1.01 * packets},
	} {
		// Five standard deviations of a binomial distribution, at most.
		if math.Abs(c.got-c.want) > 5*math.Sqrt(packets*0.05) {
			t.Errorf("%s: %v, want about %v", name, c.got, c.want)
		}
	}
}

// A burst is 1/r packets long on average, and the long run has the mean.
func TestBursts(t *testing.T) {
	const packets = 200_000
	loss := links.Loss{P: 0.01, R: 0.25, Bad: 1}
	bursts, lost, before := 0, 0, false
	for _, f := range pass(line(links.Conditions{Loss: loss}, 11), packets) {
		now := f.Copies == 0
		if now {
			lost++
		}
		if now && !before {
			bursts++
		}
		before = now
	}
	if mean := float64(lost) / packets; math.Abs(mean-float64(loss.Mean())) > 0.005 {
		t.Errorf("%v of all packets are lost, want %v", mean, loss.Mean())
	}
	if length := float64(lost) / float64(bursts); math.Abs(length-4) > 0.3 {
		t.Errorf("a burst has %v packets on average, want 4", length)
	}
}

func TestJitter(t *testing.T) {
	const packets = 100_000
	for _, c := range []struct {
		jitter                  links.Jitter
		least, most             time.Duration
		deviation, beyondSpread float64
	}{
		{links.Jitter{Spread: 6 * ms}, 14 * ms, 26 * ms, 6 / math.Sqrt(3), 0},
		{links.Jitter{Spread: 4 * ms, Normal: true}, 4 * ms, 36 * ms, 4, 0.3173},
	} {
		l := line(links.Conditions{Delay: 20 * ms, Jitter: c.jitter}, 13)
		var sum, squares, beyond float64
		for i, f := range pass(l, packets) {
			took := f.Due[0] - time.Duration(i)*ms
			if took < c.least || took > c.most {
				t.Fatalf("%v: a packet took %v, want %v to %v", c.jitter, took, c.least, c.most)
			}
			off := float64(took-20*ms) / float64(ms)
			sum, squares = sum+off, squares+off*off
			if (took - 20*ms).Abs() > c.jitter.Spread {
				beyond++
			}
		}
		if mean := sum / packets; math.Abs(mean) > 0.1 {
			t.Errorf("%v: packets are %v ms off on average", c.jitter, mean)
		}
		if deviation := math.Sqrt(squares / packets); math.Abs(deviation-c.deviation) > 0.1 {
			t.Errorf("%v: the standard deviation is %v ms, want %v", c.jitter, deviation, c.deviation)
		}
		if share := beyond / packets; math.Abs(share-c.beyondSpread) > 0.01 {
			t.Errorf("%v: %v of all are farther off than the spread, want %v", c.jitter, share, c.beyondSpread)
		}
	}
	// No packet arrives before it was sent.
	for i, f := range pass(line(links.Conditions{Delay: ms, Jitter: links.Jitter{Spread: ms, Normal: true}}, 1), 1000) {
		if f.Due[0] < time.Duration(i)*ms {
			t.Fatalf("packet %d arrives %v before it is sent", i, time.Duration(i)*ms-f.Due[0])
		}
	}
}

// A packet that is reordered has no delay, and so comes before those that were
// sent within the delay.
func TestReorderedPacketsHaveNoDelay(t *testing.T) {
	l := line(links.Conditions{Delay: 10 * ms, Reorder: 0.5}, 2)
	early := 0
	for i, f := range pass(l, 1000) {
		switch sent := time.Duration(i) * ms; f {
		case once(sent):
			early++
		case once(sent + 10*ms):
		default:
			t.Fatalf("packet %d: %+v", i, f)
		}
	}
	if early < 400 || early > 600 || uint64(early) != l.Counts().Reordered {
		t.Errorf("%d packets of 1,000 have no delay, and %d are counted", early, l.Counts().Reordered)
	}
}

// 1,000 bytes and their Ethernet header take 8.112 ms at 1 Mbit/s. What comes
// faster waits, as long as there is room.
func TestRateIsVirtualTime(t *testing.T) {
	l := line(links.Conditions{Delay: 5 * ms, Rate: 1_000_000, Queue: 3 * 1014}, 1)
	const each = 8112 * time.Microsecond
	arrive := func(at time.Duration) Fate { return l.Pass(Packet{Arrived: at, Size: 1000}) }
	for i, c := range []struct {
		at   time.Duration
		want Fate
	}{
		{0, once(each + 5*ms)},
		{0, once(2*each + 5*ms)},
		{0, once(3*each + 5*ms)},
		{0, Fate{}},                                    // three packets are the queue
		{each, once(4*each + 5*ms)},                    // the first has left
		{each, Fate{}},                                 // and there was room for one
		{time.Second, once(time.Second + each + 5*ms)}, // nobody waits
	} {
		if f := arrive(c.at); f != c.want {
			t.Errorf("packet %d: %+v, want %+v", i, f, c.want)
		}
	}
	if seen := l.Counts(); seen != (Counts{Overflowed: 2}) {
		t.Errorf("%+v, want two that found no room and nothing else", seen)
	}
	// Without a limit of its own the queue is a tenth of a second, but ten packets at
	// least: 15,140 bytes hold 14 of them.
	l = line(links.Conditions{Rate: 1_000_000}, 1)
	passed := 0
	for range 100 {
		passed += arrive(0).Copies
	}
	if passed != 14 {
		t.Errorf("%d packets pass at once, want 14", passed)
	}
}

// Each copy takes its time at the rate.
func TestCopiesWaitForTheRate(t *testing.T) {
	l := line(links.Conditions{Duplicate: 1, Rate: 8_112_000}, 1)
	if f, want := l.Pass(Packet{Size: 1000}), (Fate{Copies: 2, Due: [2]time.Duration{ms, 2 * ms}}); f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	// Of two, chance takes one.
	l.Set(links.Conditions{Duplicate: 1, Loss: links.Loss{Good: 1}})
	if f, want := l.Pass(Packet{Size: 1000}), once(0); f != want {
		t.Errorf("duplicated and lost: %+v, want %+v", f, want)
	}
}

func TestConditionsChange(t *testing.T) {
	l := line(links.Conditions{Delay: 10 * ms, Loss: links.Loss{P: 1, R: 0.01, Bad: 1}}, 1)
	pass(l, 10)
	l.Set(links.Conditions{Delay: 20 * ms})
	if f := l.Pass(Packet{}); f != once(20*ms) {
		t.Errorf("%+v, want once after 20ms", f)
	}
	if !l.Constant() || l.NeedsSizes() || l.NeedsHeads() || l.Copies() || l.Corrupts() {
		t.Errorf("a delay is more than that: %+v", l)
	}
}
