package link

import (
	"container/heap"
	"time"
)

// agenda is the queues of a keeper that hold packets, by when the next of them is due:
// a keeper of a hundred labs has a thousand queues and wakes for one. What it knows of a
// queue may be too early, after packets were dropped, and never is too late.
type agenda []*queue

// add says that a queue has got a packet.
func (a *agenda) add(q *queue) {
	due, held := q.next()
	switch {
	case !held:
	case q.place == 0:
		q.due = due
		heap.Push(a, q)
	case due < q.due:
		q.due = due
		heap.Fix(a, q.place-1)
	}
}

// next is when the first queue is due: never where none is.
func (a *agenda) next() time.Duration {
	if len(*a) == 0 {
		return never
	}
	return (*a)[0].due
}

// first is the queue that is due next.
func (a *agenda) first() *queue { return (*a)[0] }

// settle puts the first queue where it belongs after some of its packets have left.
func (a *agenda) settle() {
	q := a.first()
	due, held := q.next()
	if !held {
		heap.Pop(a)
		return
	}
	q.due = due
	heap.Fix(a, 0)
}

// remove forgets a queue.
func (a *agenda) remove(q *queue) {
	if q.place > 0 {
		heap.Remove(a, q.place-1)
	}
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due < a[j].due }

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i+1, j+1
}

func (a *agenda) Push(q any) {
	*a = append(*a, q.(*queue))
	q.(*queue).place = len(*a)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	q := (*a)[last]
	(*a)[last], *a = nil, (*a)[:last]
	q.place = 0
	return q
}
