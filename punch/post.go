package punch

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// note is what peers tell each other through the server while they try. Nothing depends on it for its truth: who is at
// the other end of a connection is proven on the connection itself.
type note struct {
	For  string          `json:"for,omitempty"` // the strategy that understands it; none: the attempt as a whole
	Say  string          `json:"say"`
	With json.RawMessage `json:"with,omitempty"`
}

// What is said of our own NATs: a surmise, perhaps, and the last word.
const (
	surmised   = "surmised"
	classified = "classified"
)

// boxSize is how many notes of one kind wait for somebody who hears them. More mean a peer that does not follow the
// protocol; the oldest are kept.
const boxSize = 64

// post keeps the peer's notes until somebody asks for them. It may be used by several goroutines.
type post struct {
	mu    sync.Mutex
	boxes map[[2]string]chan json.RawMessage
}

func newPost() *post { return &post{boxes: map[[2]string]chan json.RawMessage{}} }

func (p *post) box(strategy, say string) chan json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{strategy, say}
	if p.boxes[key] == nil {
		p.boxes[key] = make(chan json.RawMessage, boxSize)
	}
	return p.boxes[key]
}

// maxBoxes bounds what a peer can make us keep: there are far less kinds of notes.
const maxBoxes = 256

// deliver puts a note into its box. What is not a note of ours is dropped: a peer may be newer than we are.
func (p *post) deliver(text json.RawMessage) {
	var n note
	if json.Unmarshal(text, &n) != nil || n.Say == "" {
		return
	}
	p.mu.Lock()
	full := len(p.boxes) >= maxBoxes && p.boxes[[2]string{n.For, n.Say}] == nil
	p.mu.Unlock()
	if full {
		return
	}
	select {
	case p.box(n.For, n.Say) <- n.With:
	default:
	}
}

// tell tells the peer's strategy of the same name something. It does not wait for the peer.
func (a *attempt) tell(ctx context.Context, say string, with any) error {
	return tellPeer(ctx, a.server, a.strategy, say, with)
}

// teller is the part of a rendezvous.Client that notes need.
type teller interface {
	Tell(ctx context.Context, note json.RawMessage) error
}

func tellPeer(ctx context.Context, server teller, strategy, say string, with any) error {
	text, err := written(strategy, say, with)
	if err == nil {
		err = server.Tell(ctx, text)
	}
	if err != nil {
		return fmt.Errorf("telling the peer: %w", err)
	}
	return nil
}

// written is a note as it travels.
func written(strategy, say string, with any) (json.RawMessage, error) {
	n := note{For: strategy, Say: say}
	if with != nil {
		var err error
		if n.With, err = json.Marshal(with); err != nil {
			return nil, err
		}
	}
	return json.Marshal(n)
}

// heard is where the peer's notes of one kind to our strategy arrive, with what each came with.
func (a *attempt) heard(say string) <-chan json.RawMessage { return a.post.box(a.strategy, say) }

// hear waits for the peer's next note of one kind to our strategy.
func hear[T any](ctx context.Context, a *attempt, say string) (with T, err error) {
	select {
	case text := <-a.heard(say):
		if err := json.Unmarshal(text, &with); err != nil {
			return with, fmt.Errorf("the peer's note %q: %w", say, err)
		}
		return with, nil
	case <-ctx.Done():
		return with, ctx.Err()
	}
}
