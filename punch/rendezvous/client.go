package rendezvous

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Client is a client's end of the protocol on a connection to a server. Its methods are called in the order of the
// conversation, by one goroutine at a time; only Bye and Close may be called while another method waits. Every method
// ends when its context does, with the context's error.
type Client struct {
	conn net.Conn
	r    *bufio.Reader
}

// NewClient speaks on conn, which it owns from now on.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, MaxLine)}
}

// Hello presents the client and returns the endpoint that the server sees it at.
func (c *Client) Hello(ctx context.Context, h Hello) (observed netip.AddrPort, err error) {
	if err := c.send(ctx, &hello{Type: typeHello, Version: Version, Hello: h}); err != nil {
		return netip.AddrPort{}, fmt.Errorf("saying hello: %w", err)
	}
	w, err := expect[*welcome](ctx, c)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("awaiting the welcome: %w", err)
	}
	return w.Observed, nil
}

// Introduction waits for the other peer.
func (c *Client) Introduction(ctx context.Context) (Introduction, error) {
	m, err := expect[*introduction](ctx, c)
	if err != nil {
		return Introduction{}, fmt.Errorf("awaiting the introduction: %w", err)
	}
	return Introduction{Peer: m.Peer, RTT: time.Duration(m.Microseconds) * time.Microsecond}, nil
}

// PeerLeft waits until the server tells that the other peer has left, and how.
func (c *Client) PeerLeft(ctx context.Context) (Departure, error) {
	m, err := expect[*peerLeft](ctx, c)
	if err != nil {
		return "", fmt.Errorf("listening to the server: %w", err)
	}
	return m.How, nil
}

// Relay asks for the peer's bytes to go through the server and waits until the peer has asked for it too. From then on
// the connection, which it returns, belongs to the caller, and the client must not be used any more.
func (c *Client) Relay(ctx context.Context) (net.Conn, error) {
	if err := c.send(ctx, &bare{Type: typeRelay}); err != nil {
		return nil, fmt.Errorf("asking for the relay: %w", err)
	}
	m, err := receive(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("awaiting the relay: %w", err)
	}
	switch m := m.(type) {
	case *bare:
		return relayed{Conn: c.conn, r: c.r}, nil
	case *peerLeft:
		return nil, fmt.Errorf("awaiting the relay: %w (%s)", ErrPeerLeft, m.How)
	}
	return nil, unexpected("awaiting the relay", m)
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

func (c *Client) send(ctx context.Context, m message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	release := during(ctx, c.conn.SetWriteDeadline)
	_, err := c.conn.Write(encode(m))
	return release(err)
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
