package punch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// wire passes notes from one attempt's strategy to the other's post.
type wire struct{ to *post }

func (w wire) Tell(_ context.Context, text json.RawMessage) error {
	w.to.deliver(text)
	return nil
}

func TestNotesReachTheStrategyThatTheyAreFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := newPost()
		for i := range 3 {
			if err := tellPeer(t.Context(), wire{there}, "low-ttl", "armed", i); err != nil {
				t.Fatal(err)
			}
		}
		_ = tellPeer(t.Context(), wire{there}, "birthday", "out", "x")
		_ = tellPeer(t.Context(), wire{there}, "", classified, nil)
		a := &attempt{strategy: "low-ttl", state: &state{post: there}}
		for want := range 3 {
			if got, err := hear[int](t.Context(), a, "armed"); err != nil || got != want {
				t.Errorf("heard %d, %v; want %d", got, err, want)
			}
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := hear[int](soon, a, "armed"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing more was told: %v", err)
		}
		other := &attempt{strategy: "birthday", state: a.state}
		if _, err := hear[int](t.Context(), other, "out"); err == nil {
			t.Error("a string was heard as a number")
		}
	})
}

// What a peer tells is bounded, whatever it tells.
func TestThePostKeepsNoMoreThanItHasRoomFor(t *testing.T) {
	p := newPost()
	for i := range 4 * maxBoxes {
		p.deliver(json.RawMessage(fmt.Sprintf(`{"for":"x","say":"%d"}`, i)))
	}
	for range 4 * boxSize {
		p.deliver(json.RawMessage(`{"for":"x","say":"0","with":1}`))
	}
	for _, garbage := range []string{"", "{", "[]", `{"for":"x"}`, `{"say":7}`} {
		p.deliver(json.RawMessage(garbage))
	}
	if len(p.boxes) > maxBoxes || len(p.box("x", "0")) > boxSize {
		t.Errorf("%d boxes, %d notes in one", len(p.boxes), len(p.box("x", "0")))
	}
}
