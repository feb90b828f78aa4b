package link

import (
	"math/rand/v2"
	"testing"
	"time"
)

// An agenda tells the same as a look at every queue does, whatever comes, leaves, and is
// dropped.
func TestAgenda(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a agenda
	queues := make([]queue, 20)
	soonest := func() (due time.Duration) {
		due = never
		for i := range queues {
			if d, held := queues[i].next(); held {
				due = min(due, d)
			}
		}
		return due
	}
	now := time.Duration(0)
	for step := range 100_000 {
		q := &queues[random.IntN(len(queues))]
		switch random.IntN(10) {
		default:
			q.hold(packet{due: now + time.Duration(random.IntN(1000))})
			a.add(q)
		case 0:
			clear(q.held)
			q.head = len(q.held)
			q.compact()
		case 1, 2, 3:
			now += time.Duration(random.IntN(400))
			for a.next() <= now {
				first := a.first()
				for due, held := first.next(); held && due <= now; due, held = first.next() {
					first.head++
				}
				first.compact()
				a.settle()
			}
			if got := soonest(); got <= now {
				t.Fatalf("step %d: a packet was due at %d, and it is %d", step, got, now)
			}
		}
		if a.next() > soonest() {
			t.Fatalf("step %d: the next packet is due at %d, and the agenda says %d", step, soonest(), a.next())
		}
	}
	for i := range queues {
		a.remove(&queues[i])
	}
	if len(a) > 0 || a.next() != never {
		t.Errorf("%d queues are left", len(a))
	}
}
