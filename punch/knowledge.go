package punch

import (
	"context"
	"encoding/json"
	"sync"
)

// knowledge is what is known of both peers' NATs, now or later. It may be used by several goroutines.
type knowledge struct {
	mu           sync.Mutex
	mine, theirs Classification
	known        [2]chan struct{} // closed when mine, and when theirs, is settled
}

func newKnowledge() *knowledge {
	return &knowledge{known: [2]chan struct{}{make(chan struct{}), make(chan struct{})}}
}

// settle says what one side's NATs are like, or, by a zero Classification, that it will not be known. The first word
// stands.
func (k *knowledge) settle(which int, c Classification) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.known[which]:
		return
	default:
	}
	if which == ours {
		k.mine = c
	} else {
		k.theirs = c
	}
	close(k.known[which])
}

const ours, others = 0, 1

// both waits until both classifications are settled.
func (k *knowledge) both(ctx context.Context) (us, them Classification, err error) {
	for which, settled := range k.known {
		select {
		case <-settled:
		case <-ctx.Done():
			if !k.has(which) { // what is there is there
				return Classification{}, Classification{}, ctx.Err()
			}
		}
	}
	us, them = k.now()
	return us, them, nil
}

// has tells whether one side's are settled.
func (k *knowledge) has(which int) bool {
	select {
	case <-k.known[which]:
		return true
	default:
		return false
	}
}

// now is what is known at this moment.
func (k *knowledge) now() (us, them Classification) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mine, k.theirs
}

// learn takes the peer's word of its own NATs. What cannot be true, or is not understood, counts as not known.
func (a *attempt) learn(text json.RawMessage) {
	c, err := ParseClassification(text)
	if err != nil {
		a.note("the peer's %v: it counts as not known", err)
	}
	a.knowledge.settle(others, c)
}

// classes waits for both classifications. What is not known counts as what is most common, and the external addresses
// are those that the server sees now.
func (a *attempt) classes(ctx context.Context) (us, them Classification, err error) {
	us, them, err = a.knowledge.both(ctx)
	us.External, them.External = a.observed.Addr(), a.peer.Addr()
	return us.assumed(), them.assumed(), err
}

// nats waits for both classifications, in vain if ctx ends before they are settled.
func (a *attempt) nats(ctx context.Context) (us, them Classification, settled bool) {
	us, them, err := a.classes(ctx)
	return us, them, err == nil
}
