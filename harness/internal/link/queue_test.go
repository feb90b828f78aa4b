package link

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/links"
)

// fakeQueue is a queue with a kernel of the test's: what it is told, and what
// it answers.
func fakeQueue(t *testing.T, delay time.Duration) (q *queue, kernel int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
	q = &newWire(&wires{}, ends[0], "fake", 1).up
	q.line.Set(links.Conditions{Delay: delay})
	return q, ends[1]
}

// tell has the fake kernel hand packets over.
func tell(t *testing.T, kernel int, stamp time.Time, ids ...uint32) {
	t.Helper()
	for _, id := range ids {
		if _, err := unix.Write(kernel, packetMessage(id, stamp)); err != nil {
			t.Fatal(err)
		}
	}
}

// verdict is one that the fake kernel has got.
type verdict struct{ ID, Decision uint32 }

func verdicts(t *testing.T, kernel int) []verdict {
	t.Helper()
	all, _ := verdictsOfKinds(t, kernel)
	return all
}

// verdictsOfKinds are the verdicts and the kinds of messages that they came in.
func verdictsOfKinds(t *testing.T, kernel int) (all []verdict, kinds []uint16) {
	t.Helper()
	buffer := make([]byte, messageSize)
	for {
		n, err := unix.Read(kernel, buffer)
		if errors.Is(err, unix.EAGAIN) {
			return all, kinds
		}
		if err != nil {
			t.Fatal(err)
		}
		for m := buffer[:n]; len(m) > 0; m = m[binary.NativeEndian.Uint32(m):] {
			data := m[netlinkHeader+nfnetlinkHeader+attributeHeader:]
			all = append(all, verdict{ID: word.Uint32(data[4:]), Decision: word.Uint32(data)})
			kinds = append(kinds, binary.NativeEndian.Uint16(m[4:]))
		}
	}
}

// take has q read, at a time since the keeper's start.
func take(t *testing.T, q *queue, now time.Time, since time.Duration) Stats {
	t.Helper()
	seen, err := q.wire.read(make([]byte, messageSize), standing(now, since))
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// standing is a moment that does not pass.
func standing(now time.Time, since time.Duration) func() (time.Time, time.Duration) {
	return func() (time.Time, time.Duration) { return now, since }
}

// at is a clock that stands still.
func at(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

const ms = time.Millisecond

// whole is a time as stamps tell it.
func whole(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

func TestPacketsAreReleasedInTheirOrderAndNotBefore(t *testing.T) {
	q, kernel := fakeQueue(t, 10*ms)
	start := whole(time.Now())
	tell(t, kernel, start, 1, 2)
	take(t, q, start, 0)
	tell(t, kernel, start.Add(3*ms), 3)
	take(t, q, start.Add(5*ms), 5*ms) // heard of two milliseconds after its arrival
	for _, c := range []struct {
		now  time.Duration
		want []verdict
		late time.Duration
		next time.Duration
	}{
		{9 * ms, nil, 0, 10 * ms},
		{10 * ms, []verdict{{2, nfAccept}}, 0, 13*ms + resolution},
		{13 * ms, nil, 0, 13*ms + resolution},
		{15 * ms, []verdict{{3, nfAccept}}, 2*ms - resolution, 0},
	} {
		seen, err := q.release(at(c.now))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, verdicts(t, kernel)); diff != "" || seen.Lateness != c.late {
			t.Errorf("at %v: late %v, want %v (-want +got)\n%s", c.now, seen.Lateness, c.late, diff)
		}
		if next, held := q.next(); next != c.next || held != (c.next > 0) {
			t.Errorf("at %v the next is due at %v, %v; want %v", c.now, next, held, c.next)
		}
	}
}

// One message releases many packets, and the clock is read again before the
// next, so that the end of a burst counts as late as it is.
func TestABurstIsReleasedInBatches(t *testing.T) {
	q, kernel := fakeQueue(t, 10*ms)
	start := whole(time.Now())
	for id := range uint32(2*batch + 1) {
		tell(t, kernel, start, id+1)
		take(t, q, start, 0)
	}
	now := 10 * ms
	seen, err := q.release(func() time.Duration {
		now += ms
		return now
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []verdict{{batch, nfAccept}, {2 * batch, nfAccept}, {2*batch + 1, nfAccept}}
	if diff := cmp.Diff(want, verdicts(t, kernel)); diff != "" || seen.Lateness != 3*ms {
		t.Errorf("late %v, want %v (-want +got)\n%s", seen.Lateness, 3*ms, diff)
	}
}

func TestWhatTheKernelCouldNotHandOverIsLost(t *testing.T) {
	q, kernel := fakeQueue(t, ms)
	now := time.Now()
	tell(t, kernel, now, 1, 2, 5, 6, 10)
	if got, want := take(t, q, now, 0), (Stats{Held: 5, Lost: 2 + 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	tell(t, kernel, now, 12)
	if got, want := take(t, q, now, 0), (Stats{Held: 1, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	// After 4,294,967,295 comes 0.
	q.last = 1<<32 - 2
	tell(t, kernel, now, 1<<32-1, 0, 2)
	if got, want := take(t, q, now, 0), (Stats{Held: 3, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The kernel gives no number to what a full queue refuses, so that it counts
// as a loss to have been full.
func TestAFullQueueIsALoss(t *testing.T) {
	q, kernel := fakeQueue(t, ms)
	q.held, q.last = make([]packet, queueLength-2), queueLength-2
	now := time.Now()
	tell(t, kernel, now, queueLength-1)
	if got, want := take(t, q, now, 0), (Stats{Held: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	tell(t, kernel, now, queueLength)
	if got, want := take(t, q, now, 0), (Stats{Held: 1, Lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMessagesOfOtherKindsAreNoPackets(t *testing.T) {
	q, kernel := fakeQueue(t, ms)
	if _, err := unix.Write(kernel, appendVerdicts(nil, 0, 9, nfAccept)); err != nil {
		t.Fatal(err)
	}
	tell(t, kernel, time.Time{}, 1)
	if got, want := take(t, q, time.Now(), 0), (Stats{Held: 1, Unstamped: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAPacketIsDueAfterItsArrival(t *testing.T) {
	const since, delay = time.Minute, 10 * ms
	for name, c := range map[string]struct {
		age  time.Duration // by the stamp
		want time.Duration
	}{
		"heard of at once":   {0, since + delay},
		"heard of soon":      {resolution, since + delay - resolution},
		"heard of later":     {3 * ms, since + delay - 3*ms},
		"heard of too late":  {15 * ms, since + delay - 15*ms},
		"the clock was set":  {time.Hour, since + delay - oldest},
		"stamped in advance": {-time.Hour, since + delay},
	} {
		q, kernel := fakeQueue(t, delay)
		now := time.Now()
		tell(t, kernel, now.Add(-c.age), 1)
		take(t, q, now, since)
		if due, _ := q.next(); due < c.want || due > c.want+resolution {
			t.Errorf("%s: due at %v, want %v", name, due, c.want)
		}
	}
	q, kernel := fakeQueue(t, delay)
	tell(t, kernel, time.Time{}, 1)
	take(t, q, time.Now(), since)
	if due, _ := q.next(); due != since+delay {
		t.Errorf("without a stamp: due at %v, want %v", due, since+delay)
	}
}

// While some packets are read, others arrive. None is due before its time.
func TestPacketsThatArriveDuringAReadAreNotEarly(t *testing.T) {
	q, kernel := fakeQueue(t, 10*ms)
	start := whole(time.Now())
	tell(t, kernel, start, 1)
	tell(t, kernel, start.Add(5*ms), 2)
	var passed time.Duration
	seen, err := q.wire.read(make([]byte, messageSize), func() (time.Time, time.Duration) {
		defer func() { passed += 5 * ms }()
		return start.Add(passed), passed
	})
	if err != nil || seen.Held != 2 {
		t.Fatalf("%+v, %v", seen, err)
	}
	if got := []time.Duration{q.held[0].due, q.held[1].due}; got[0] != 10*ms || got[1] != 15*ms {
		t.Errorf("due at %v, want 10ms and 15ms", got)
	}
}

func TestDropTakesEverything(t *testing.T) {
	q, kernel := fakeQueue(t, ms)
	if err := q.drop(); err != nil {
		t.Fatal(err)
	}
	if got := verdicts(t, kernel); len(got) > 0 {
		t.Errorf("nothing is held, and the verdicts were %v", got)
	}
	tell(t, kernel, time.Now(), 1, 2, 3)
	take(t, q, time.Now(), 0)
	if err := q.drop(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]verdict{{3, nfDrop}}, verdicts(t, kernel)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, held := q.next(); held {
		t.Error("something is still held")
	}
	// What comes next is as if nothing had been.
	tell(t, kernel, time.Now(), 4)
	if got, want := take(t, q, time.Now(), 0), (Stats{Held: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The slice of held packets does not grow with those that have passed.
func TestHeldPacketsTakeNoRoomOnceTheyAreGone(t *testing.T) {
	q, kernel := fakeQueue(t, 50*ms)
	now := time.Now()
	for i := range 10_000 {
		since := time.Duration(i) * ms
		tell(t, kernel, now, uint32(i+1))
		take(t, q, now, since)
		if _, err := q.release(at(since)); err != nil {
			t.Fatal(err)
		}
		verdicts(t, kernel)
		if waiting := len(q.held) - q.head; waiting != min(i+1, 50) {
			t.Fatalf("after %d packets %d wait, want %d", i+1, waiting, min(i+1, 50))
		}
	}
	if len(q.held) > 200 || cap(q.held) > 1000 {
		t.Errorf("%d packets, room for %d, where 50 wait", len(q.held), cap(q.held))
	}
}

func TestAQueueWithoutAKernelIsAnError(t *testing.T) {
	q, kernel := fakeQueue(t, 0)
	now := time.Now()
	tell(t, kernel, now, 1)
	take(t, q, now, 0)
	if err := unix.Close(q.wire.fd); err != nil {
		t.Fatal(err)
	}
	q.wire.fd = -1
	if _, err := q.wire.read(make([]byte, messageSize), standing(now, 0)); !errors.Is(err, unix.EBADF) {
		t.Errorf("read: %v, want %v", err, unix.EBADF)
	}
	if _, err := q.release(at(time.Hour)); !errors.Is(err, unix.EBADF) {
		t.Errorf("release: %v, want %v", err, unix.EBADF)
	}
}
