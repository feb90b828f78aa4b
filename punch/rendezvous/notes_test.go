package rendezvous

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func numbered(who, i int) json.RawMessage { return fmt.Appendf(nil, `{"who":%d,"i":%d}`, who, i) }

func tellAll(t *testing.T, from *guest, who, notes int) {
	t.Helper()
	for i := range notes {
		if err := from.Tell(t.Context(), numbered(who, i)); err != nil {
			t.Fatal(err)
		}
		from.told++
	}
}

func hear(t *testing.T, at *guest, want json.RawMessage) {
	t.Helper()
	if e, err := at.Next(t.Context()); err != nil || e.Left != "" || !bytes.Equal(e.Note, want) {
		t.Fatalf("heard %s, %q, %v; want %s", e.Note, e.Left, err, want)
	}
}

// settled waits until the server has read what the client has sent so far: it answers what follows.
func settled(t *testing.T, g *guest) {
	t.Helper()
	err := g.send(t.Context(), &hello{Type: typeHello, Version: Version, Hello: g.hello})
	if err == nil {
		_, err = g.Next(t.Context())
	}
	if refusedAs(t, err, CodeProtocol); err == nil || !strings.Contains(err.Error(), "type hello is out of turn") {
		t.Errorf("refused for another reason: %v", err)
	}
}

func TestTooManyNotes(t *testing.T) {
	at := serve(t, new(Server))
	t.Run("before the introduction", func(t *testing.T) {
		a := visit(t, at, NewID())
		tellAll(t, a, 1, MaxHeld+1)
		_, err := a.Introduction(t.Context())
		if refusedAs(t, err, CodeProtocol); err == nil || !strings.Contains(err.Error(), "more than 4 notes before") {
			t.Errorf("refused for another reason: %v", err)
		}
	})
	t.Run("in all", func(t *testing.T) {
		a, b := pair(t, at)
		tellAll(t, a, 1, MaxTells+1)
		for i := range MaxTells {
			hear(t, b, numbered(1, i))
		}
		_, err := a.Next(t.Context())
		if refusedAs(t, err, CodeProtocol); err == nil || !strings.Contains(err.Error(), "more than 256 notes") {
			t.Errorf("refused for another reason: %v", err)
		}
		if e, err := b.Next(t.Context()); e.Left != Vanished || err != nil {
			t.Errorf("the peer heard %+v, %v", e, err)
		}
	})
}

func TestManyTellAtOnceWhileOneListens(t *testing.T) {
	const tellers, each = 8, MaxTells / 8
	a, b := pair(t, serve(t, new(Server)))
	var all sync.WaitGroup
	failed := make(chan error, tellers*each)
	for who := range tellers {
		all.Go(func() {
			for i := range each {
				failed <- errors.Join(a.Tell(t.Context(), numbered(who, i)), b.Tell(t.Context(), numbered(who, i)))
			}
		})
	}
	go func() { all.Wait(); close(failed) }()
	heard := make(chan error, 1)
	go func() { heard <- inOrder(t.Context(), a, tellers, each) }()
	if err := inOrder(t.Context(), b, tellers, each); err != nil {
		t.Error(err)
	}
	if err := <-heard; err != nil {
		t.Error(err)
	}
	for err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
}

// inOrder wants every note of every teller once, each teller's in order.
func inOrder(ctx context.Context, g *guest, tellers, each int) error {
	next := make([]int, tellers)
	for range tellers * each {
		e, err := g.Next(ctx)
		if err != nil {
			return err
		}
		var note struct{ Who, I int }
		if err := json.Unmarshal(e.Note, &note); err != nil {
			return err
		}
		if note.I != next[note.Who] {
			return fmt.Errorf("teller %d: note %d where %d is due", note.Who, note.I, next[note.Who])
		}
		next[note.Who]++
	}
	return nil
}

// The server passes on what JSON's usual writers would change.
func TestANoteComesAsItWasTold(t *testing.T) {
	a, b := pair(t, serve(t, new(Server)))
	for told, want := range map[string]string{
		"{\n  \"a\" : [ 1, 2 ]\n}":                       `{"a":[1,2]}`,
		`{"html":"<a&b>","u":"\u00e4ä` + "\u2028" + `"}`: `{"html":"<a&b>","u":"\u00e4ä` + "\u2028" + `"}`,
		`{"a":1e400,"a":1.0,"a":-0}`:                     `{"a":1e400,"a":1.0,"a":-0}`,
		`{"":"` + strings.Repeat("<", 2000) + `"}`:       `{"":"` + strings.Repeat("<", 2000) + `"}`,
		noteOf(MaxNote) + strings.Repeat(" ", MaxNote):   noteOf(MaxNote),
		noteOf(MaxNote + 1):                              "",
		`[]`:                                             "",
		`null`:                                           "",
		``:                                               "",
		`{}{}`:                                           "",
	} {
		err := a.Tell(t.Context(), json.RawMessage(told))
		switch {
		case want == "" && err == nil:
			t.Errorf("%.60s has been told", told)
		case want != "" && err != nil:
			t.Errorf("%.60s: %v", told, err)
		case want != "":
			hear(t, b, json.RawMessage(want))
		}
	}
}

func TestNotesToAPeerThatHasLeft(t *testing.T) {
	a, b := pair(t, serve(t, new(Server)))
	tellAll(t, a, 1, 1)
	_ = a.Bye(t.Context())
	hear(t, b, numbered(1, 0)) // what it has told before comes before
	if e, err := b.Next(t.Context()); e.Left != SaidBye || err != nil {
		t.Fatalf("heard %+v, %v", e, err)
	}
	tellAll(t, b, 2, 2*MaxHeld)
	settled(t, b)
}

func TestNotesAndTheRelay(t *testing.T) {
	a, b := pair(t, serve(t, new(Server)))
	type relay struct {
		conn net.Conn
		err  error
	}
	got := make(chan relay, 1)
	go func() {
		conn, err := a.Relay(context.Background())
		got <- relay{conn, err}
	}()
	tellAll(t, b, 2, 3) // a waits for the relay, or is about to
	there, err := b.Relay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	here := <-got
	if here.err != nil {
		t.Fatal(here.err)
	}
	if err := a.Tell(t.Context(), numbered(1, 0)); !errors.Is(err, errRelays) {
		t.Errorf("telling into the relay: %v", err)
	}
	if _, err := io.WriteString(there, "x"); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(here.conn, first); err != nil || first[0] != 'x' {
		t.Errorf("relayed %q, %v", first, err)
	}
}

func TestTellEndsWithItsContext(t *testing.T) {
	ours, theirs := net.Pipe() // nobody reads
	defer theirs.Close()
	c := NewClient(ours)
	defer c.Close()
	ended := make(chan error, 2)
	for range cap(ended) { // one writes, the other waits for it
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			ended <- c.Tell(ctx, numbered(1, 0))
		}()
	}
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("telling ended with %v", err)
		}
	}
}

type tornConn struct{ net.Conn }

func (tornConn) Write(b []byte) (int, error) { return len(b) / 2, io.ErrShortWrite }

// Behind half a line, a whole one would be garbage.
func TestNothingFollowsALineThatWasCutOff(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := NewClient(tornConn{ours})
	defer c.Close()
	for range 2 {
		if err := c.Tell(t.Context(), numbered(1, 0)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("telling: %v", err)
		}
	}
	if err := c.Bye(t.Context()); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("saying bye: %v", err)
	}
}
