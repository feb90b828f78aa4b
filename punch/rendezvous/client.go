package rendezvous

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Client is a client's end of the protocol on a connection to a server. Its methods are called in the order of the
// conversation, by one goroutine at a time; only Tell, Bye and Close may be called while another method waits, and by
// several goroutines at once. Every method ends when its context does, with the context's error.
type Client struct {
	conn net.Conn
	r    *bufio.Reader

	writing chan struct{} // holds a token while somebody writes, who alone uses what follows
	spent   error         // why nothing can be written any more
	relays  bool          // the relay has been asked for
}

// NewClient speaks on conn, which it owns from now on.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, MaxLine), writing: make(chan struct{}, 1)}
}

// Hello presents the client and returns what the server says of the client and of itself. Notes, if there are any, go
// out in the same segment, as Tell would send them: a peer that is there already gets them with its introduction.
func (c *Client) Hello(ctx context.Context, h Hello, notes ...json.RawMessage) (Welcome, error) {
	h.Notes = len(notes)
	all := []message{&hello{Type: typeHello, Version: Version, Hello: h}}
	for _, text := range notes {
		n, err := newNote(text)
		if err != nil {
			return Welcome{}, fmt.Errorf("saying hello: %w", err)
		}
		all = append(all, n)
	}
	if err := c.send(ctx, all...); err != nil {
		return Welcome{}, fmt.Errorf("saying hello: %w", err)
	}
	w, err := expect[*welcome](ctx, c)
	if err != nil {
		return Welcome{}, fmt.Errorf("awaiting the welcome: %w", err)
	}
	return w.Welcome, nil
}

// Introduction waits for the other peer.
func (c *Client) Introduction(ctx context.Context) (Introduction, error) {
	m, err := expect[*introduction](ctx, c)
	if err != nil {
		return Introduction{}, fmt.Errorf("awaiting the introduction: %w", err)
	}
	return Introduction{Peer: m.Peer, RTT: time.Duration(m.Microseconds) * time.Microsecond}, nil
}

// Tell sends a note to the peer: a JSON object of at most MaxNote bytes, which is compacted and passed on as it is. It
// may be called once Hello has been, before the introduction too; the peer then gets the note right behind its own
// introduction, in the order of telling. It does not wait for the peer to read it: a note may be lost with a peer that
// leaves or asks for the relay. What a server does not take (MaxHeld, MaxTells) ends the conversation with a protocol
// error.
func (c *Client) Tell(ctx context.Context, note json.RawMessage) error {
	m, err := newNote(note)
	if err == nil {
		err = c.send(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("telling: %w", err)
	}
	return nil
}

func newNote(text json.RawMessage) (*noted, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	m := &noted{Type: typeTell, Note: compact.Bytes()}
	return m, m.check()
}

// Next waits for what happens after the introduction: the peer tells something, or has left.
func (c *Client) Next(ctx context.Context) (Event, error) {
	m, err := receive(ctx, c)
	if err != nil {
		return Event{}, fmt.Errorf("listening to the server: %w", err)
	}
	switch m := m.(type) {
	case *noted:
		return Event{Note: m.Note}, nil
	case *peerLeft:
		return Event{Left: m.How}, nil
	}
	return Event{}, unexpected("listening to the server", m)
}

// Relay asks for the peer's bytes to go through the server and waits until the peer has asked for it too. It throws
// away what the peer still tells. From then on the connection, which it returns, belongs to the caller, and the client
// must not be used any more.
func (c *Client) Relay(ctx context.Context) (net.Conn, error) {
	if err := c.send(ctx, &bare{Type: typeRelay}); err != nil {
		return nil, fmt.Errorf("asking for the relay: %w", err)
	}
	for {
		m, err := receive(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("awaiting the relay: %w", err)
		}
		switch m := m.(type) {
		case *noted:
		case *bare:
			return relayed{Conn: c.conn, r: c.r}, nil
		case *peerLeft:
			return nil, fmt.Errorf("awaiting the relay: %w (%s)", ErrPeerLeft, m.How)
		default:
			return nil, unexpected("awaiting the relay", m)
		}
	}
}

// Probe asks where the server sees this connection, and for dial-backs to that place. It is called in place of Hello,
// up to MaxProbes times on one connection; every dial-back that it asks for is waited for with Dialled before the
// next. Bye ends the conversation with a reset, which leaves nothing of the connection in TIME-WAIT.
func (c *Client) Probe(ctx context.Context, dials ...Dial) (Mapped, error) {
	p := &probe{Type: typeProbe, Version: Version, Dial: dials}
	if err := p.check(); err != nil {
		return Mapped{}, fmt.Errorf("probing: %w", err)
	}
	if err := c.send(ctx, p); err != nil {
		return Mapped{}, fmt.Errorf("probing: %w", err)
	}
	m, err := expect[*mapped](ctx, c)
	if err != nil {
		return Mapped{}, fmt.Errorf("awaiting the answer to a probe: %w", err)
	}
	return m.Mapped, nil
}

// Dialled waits until the server tells what became of one of the dial-backs that Probe asked for, in the order in which
// it learns of them.
func (c *Client) Dialled(ctx context.Context) (Dialled, error) {
	m, err := expect[*dialled](ctx, c)
	if err != nil {
		return Dialled{}, fmt.Errorf("awaiting a dial-back: %w", err)
	}
	return m.Dialled, nil
}

// Bye tells the server that the client leaves in order. It does not wait for an answer.
func (c *Client) Bye(ctx context.Context) error {
	if err := c.send(ctx, &bare{Type: typeBye}); err != nil {
		return fmt.Errorf("saying bye: %w", err)
	}
	return nil
}

// Close closes the connection. The server tells the peer that the client has vanished, unless it has said bye.
func (c *Client) Close() error { return c.conn.Close() }

// errRelays is what telling ends with once the connection is about to carry the relay's bytes.
var errRelays = errors.New("the relay has been asked for")

// send writes one message, after those that others are writing.
func (c *Client) send(ctx context.Context, all ...message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.writing }()
	switch {
	case c.spent != nil:
		return c.spent
	case c.relays && all[0].kind() == typeTell:
		return errRelays
	}
	c.relays = c.relays || all[0].kind() == typeRelay
	var lines []byte
	for _, m := range all {
		lines = append(lines, encode(m)...)
	}
	release := during(ctx, c.conn.SetWriteDeadline)
	n, err := c.conn.Write(lines)
	err = release(err)
	if err != nil && n > 0 {
		c.spent = fmt.Errorf("a line was cut off: %w", err)
	}
	return err
}

func receive(ctx context.Context, c *Client) (message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	release := during(ctx, c.conn.SetReadDeadline)
	line, err := readLine(c.r)
	if err := release(err); err != nil {
		return nil, err
	}
	m, err := decodeFromServer(line)
	if err != nil {
		return nil, err
	}
	if f, ok := m.(*failure); ok {
		return nil, &Error{f.Code, f.Message}
	}
	return m, nil
}

// expect receives a message of one type.
func expect[M message](ctx context.Context, c *Client) (M, error) {
	m, err := receive(ctx, c)
	if err != nil {
		var none M
		return none, err
	}
	if want, ok := m.(M); ok {
		return want, nil
	}
	var none M
	return none, unexpected("", m)
}

func unexpected(step string, m message) error {
	err := error(&Error{CodeProtocol, fmt.Sprintf("a message of type %q is not expected", m.kind())})
	if step != "" {
		err = fmt.Errorf("%s: %w", step, err)
	}
	return err
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// during lets ctx end what waits under the deadline that set sets. The function that it returns puts everything back
// and replaces an error that ctx caused by ctx's own.
func during(ctx context.Context, set func(time.Time) error) (release func(error) error) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = set(longAgo) // a closed connection needs no deadline
		close(done)
	})
	return func(err error) error {
		if stop() {
			return err
		}
		<-done
		_ = set(time.Time{})
		if err == nil {
			return nil
		}
		return ctx.Err()
	}
}

// relayed is a connection through the server. Bytes that came with the server's last line are read first.
type relayed struct {
	net.Conn
	r *bufio.Reader
}

func (c relayed) Read(b []byte) (int, error) { return c.r.Read(b) }

// NetConn is the connection to the server, for options that only a TCP connection has.
func (c relayed) NetConn() net.Conn { return c.Conn }

// CloseWrite ends this direction and leaves the other one open, as it does on a TCP connection.
func (c relayed) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
