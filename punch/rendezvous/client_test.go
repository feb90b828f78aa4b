package rendezvous

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// answering is a client whose server says the given text to whatever comes, and then closes.
func answering(t *testing.T, text string) *Client {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	go func() {
		_, _ = theirs.Read(make([]byte, MaxLine))
		_, _ = io.WriteString(theirs, text)
		_ = theirs.Close()
	}()
	return NewClient(ours)
}

func someHello() Hello {
	return Hello{Meeting: NewID(), Peer: NewID(), Nonce: NewNonce(), Strategy: "direct"}
}

func TestAServerThatTalksNonsense(t *testing.T) {
	for name, text := range map[string]string{
		"garbage":              "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a line without end":   strings.Repeat("x", 2*MaxLine),
		"a message of clients": `{"type":"bye"}` + "\n",
		"out of turn":          `{"type":"relaying"}` + "\n",
		"a bad introduction":   `{"type":"introduction","peer":{},"rtt_us":0}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, text).Hello(t.Context(), someHello())
			refusedAs(t, err, CodeProtocol)
		})
	}
	if _, err := answering(t, `{"type":"wel`).Hello(t.Context(), someHello()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a server that dies in the middle: %v", err)
	}
	if _, err := answering(t, "").Hello(t.Context(), someHello()); !errors.Is(err, io.EOF) {
		t.Errorf("a server that says nothing: %v", err)
	}
}

func TestARefusalReachesTheCaller(t *testing.T) {
	line := `{"type":"error","code":"busy","message":"two\u001b[31m are here"}` + "\n"
	_, err := answering(t, line).Hello(t.Context(), someHello())
	refusedAs(t, err, CodeBusy)
	if got := err.Error(); !strings.Contains(got, `busy: "two\x1b[31m are here"`) {
		t.Errorf("what the server says is not quoted: %s", got)
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	at := serve(t, new(Server))
	g := visit(t, at, NewID())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := g.Introduction(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waiting ended with %v", err)
	}
	introduced(t, g, visit(t, at, g.hello.Meeting)) // and may be taken up again

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Bye(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("writing after the end: %v", err)
	}
}
