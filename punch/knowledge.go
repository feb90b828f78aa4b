package punch

import (
	"context"
	"encoding/json"
	"sync"
)

// knowledge is what is known of both peers' NATs, now or later: of each side first what can be surmised, maybe, and then
// the last word. It may be used by several goroutines.
type knowledge struct {
	mu    sync.Mutex
	sides [2]side
}

// side is what is known of one side.
type side struct {
	c                 Classification
	surmised, settled chan struct{} // closed when there is something, and when there is nothing more to come
}

const ours, others = 0, 1

func newKnowledge() *knowledge {
	k := new(knowledge)
	for i := range k.sides {
		k.sides[i] = side{surmised: make(chan struct{}), settled: make(chan struct{})}
	}
	return k
}

// surmise says what one side's NATs seem to be like, until that is settled. The first surmise stands.
func (k *knowledge) surmise(which int, c Classification) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := &k.sides[which]; !closed(s.surmised) {
		s.c = c
		close(s.surmised)
	}
}

// settle says what one side's NATs are like, or, by a zero Classification, that it will not be known. The first word
// stands.
func (k *knowledge) settle(which int, c Classification) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := &k.sides[which]
	if closed(s.settled) {
		return
	}
	s.c = c
	close(s.settled)
	if !closed(s.surmised) {
		close(s.surmised)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// has tells whether one side's are settled.
func (k *knowledge) has(which int) bool { return closed(k.sides[which].settled) }

// settled waits until both sides' are settled.
func (k *knowledge) settled(ctx context.Context) (us, them Classification, err error) {
	return k.both(ctx, func(s side) <-chan struct{} { return s.settled })
}

// surmised waits until something is known of both sides.
func (k *knowledge) surmised(ctx context.Context) (us, them Classification, err error) {
	return k.both(ctx, func(s side) <-chan struct{} { return s.surmised })
}

func (k *knowledge) both(ctx context.Context, known func(side) <-chan struct{}) (us, them Classification, err error) {
	for i := range k.sides {
		there := known(k.sides[i])
		select {
		case <-there:
		case <-ctx.Done():
			if !closed(there) { // what is there is there
				return Classification{}, Classification{}, ctx.Err()
			}
		}
	}
	us, them = k.now()
	return us, them, nil
}

// now is what is known at this moment.
func (k *knowledge) now() (us, them Classification) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sides[ours].c, k.sides[others].c
}

// sure is what is settled at this moment; what is only surmised counts as not known.
func (k *knowledge) sure() (us, them Classification) {
	us, them = k.now()
	if !k.has(ours) {
		us = Classification{}
	}
	if !k.has(others) {
		them = Classification{}
	}
	return us, them
}

// learn takes the peer's word of its own NATs. What cannot be true, or is not understood, counts as not known.
func (a *attempt) learn(text json.RawMessage) {
	c, err := ParseClassification(text)
	if err != nil {
		a.note("the peer's %v: it counts as not known", err)
	}
	a.knowledge.settle(others, c)
}

// guess takes what the peer surmises of its own NATs; its last word comes soon.
func (a *attempt) guess(text json.RawMessage) {
	if c, err := ParseClassification(text); err == nil {
		a.knowledge.surmise(others, c)
	}
}

// classes waits for both classifications, or takes those that this strategy has been chosen by. What is not known counts
// as what is most common, and the external addresses are those that the server sees now.
func (a *attempt) classes(ctx context.Context) (us, them Classification, err error) {
	if a.chosenBy != nil {
		return a.chosenBy[ours], a.chosenBy[others], nil
	}
	us, them, err = a.knowledge.settled(ctx)
	us, them = a.seen(us, them)
	return us, them, err
}

// surmises waits until something is known of both sides; it tells whether that is the last word.
func (a *attempt) surmises(ctx context.Context) (us, them Classification, last bool, err error) {
	us, them, err = a.knowledge.surmised(ctx)
	last = a.knowledge.has(ours) && a.knowledge.has(others)
	if last {
		us, them = a.knowledge.now()
	}
	us, them = a.seen(us, them)
	return us, them, last, err
}

func (a *attempt) seen(us, them Classification) (_, _ Classification) {
	us.External, them.External = a.observed.Addr(), a.peer.Addr()
	return us.assumed(), them.assumed()
}

// nats waits for both classifications, in vain if ctx ends before they are settled.
func (a *attempt) nats(ctx context.Context) (us, them Classification, settled bool) {
	us, them, err := a.classes(ctx)
	return us, them, err == nil
}
