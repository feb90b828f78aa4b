package rendezvous

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// client is one connection, served by one goroutine.
type client struct {
	server  *Server
	conn    net.Conn
	r       *bufio.Reader // read by the client's own goroutine only
	hello   Hello
	tooMany bool            // beyond Server.MaxClients
	aborted context.Context // done when the connection is torn down from outside
	abort   func()          // tears it down with a reset, which leaves nothing in TIME-WAIT
	ended   chan struct{}   // closed when nothing of the client is left
	carried chan struct{}   // closed when what the client sends is no longer relayed

	// What follows is guarded by its meeting.
	at         netip.AddrPort
	rtt        time.Duration
	later      []byte            // lines that go out with the next one
	held       []json.RawMessage // what it has told and its peer has not been
	tells      int               // how many notes it has told
	told       bool              // about its peer
	toldLeft   bool              // that its peer has left
	wantsRelay bool
	left       Departure // empty while it is here
}

func newClient(s *Server, conn net.Conn) *client {
	aborted, abort := context.WithCancel(context.Background())
	c := &client{server: s, conn: conn, r: bufio.NewReaderSize(conn, MaxLine),
		aborted: aborted, ended: make(chan struct{}), carried: make(chan struct{})}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive)
	}
	c.abort = sync.OnceFunc(func() {
		abort()
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	})
	return c
}

// isAborted tells a client whose connection the server tore down from one that left.
func (c *client) isAborted() bool { return c.aborted.Err() != nil }

// session is the client's whole conversation.
func (c *client) session() {
	first, err := c.first()
	leaves := Vanished
	switch first := first.(type) {
	case nil:
	case *hello:
		c.hello = first.Hello
		leaves, err = c.attend()
	case *probe:
		leaves, err = c.inquire(first)
	default:
		err = outOfTurn(first)
	}
	switch {
	case err != nil:
		c.refuse(err)
	case leaves == SaidBye:
		c.abort() // it wants nothing more: a reset spares both ends the closing handshake
	}
}

// first reads what a client begins with.
func (c *client) first() (message, error) {
	if err := c.patience(or(c.server.HelloTimeout, DefaultHelloTimeout)); err != nil {
		return nil, err
	}
	return c.next()
}

// attend takes the client through its meeting, and tells how it left.
func (c *client) attend() (Departure, error) {
	m, err := c.server.join(c)
	if err != nil {
		return Vanished, err
	}
	how, err := c.converse(m)
	c.server.leave(m, c, how)
	return how, err
}

// converse follows the client from its welcome on, and tells how it left.
func (c *client) converse(m *meeting) (Departure, error) {
	introduced, ok := m.welcome(c)
	defer introduced()
	for ok { // else there is nobody to explain anything to
		line, err := c.next()
		if err != nil {
			return Vanished, err
		}
		note, isNote := line.(*noted)
		switch {
		case isNote:
			if err := m.pass(c, note.Note); err != nil {
				return Vanished, err
			}
		case line.kind() == typeBye:
			return SaidBye, nil
		case line.kind() == typeRelay:
			return Vanished, m.relay(c)
		default:
			return Vanished, outOfTurn(line)
		}
	}
	return Vanished, nil
}

func outOfTurn(m message) error {
	return &Error{CodeProtocol, "a message of type " + m.kind() + " is out of turn"}
}

// next reads the client's next message.
func (c *client) next() (message, error) {
	line, err := readLine(c.r)
	if err != nil {
		return nil, err
	}
	return decodeFromClient(line)
}

// wait gives the client WaitTimeout from now on.
func (c *client) wait() error { return c.patience(or(c.server.WaitTimeout, DefaultWaitTimeout)) }

func (c *client) patience(d time.Duration) error { return c.conn.SetReadDeadline(time.Now().Add(d)) }

// write sends the messages in one piece, and before them what has been put off. A line that could not be sent in full
// cannot be mended: the connection is closed, which the client's own goroutine notices.
func (c *client) write(messages ...message) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(or(c.server.WriteTimeout, DefaultWriteTimeout)))
	lines := c.later
	for _, m := range messages {
		lines = append(lines, encode(m)...)
	}
	c.later = nil
	_, err := c.conn.Write(lines)
	if err != nil {
		_ = c.conn.Close()
	}
	return err
}

const (
	drainTime  = time.Second
	drainBytes = 64 << 10

	// maxMessage bounds an explanation, which may quote what the client sent: JSON makes at most six bytes of one.
	maxMessage = 512
)

// refuse tells the client why and closes. Closing with unread input would send a reset, which may overtake the
// explanation (RFC 1122, 4.2.2.13): what the client still sends is read and thrown away, within bounds.
func (c *client) refuse(err error) {
	var why *Error
	switch {
	case errors.As(err, &why):
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = &Error{CodeTimeout, "nothing came in time"}
	default:
		return // the connection is broken: there is nobody to tell
	}
	if c.write(&failure{Type: typeError, Code: why.Code, Message: shorten(why.Message, maxMessage)}) != nil {
		return
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil && c.patience(drainTime) == nil {
		_, _ = io.CopyN(io.Discard, c.conn, drainBytes)
	}
}

// shorten returns at most so many bytes of text, without half a character at the end.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// observed is where the client is seen.
func (c *client) observed() netip.AddrPort { return plain(c.conn.RemoteAddr()) }

// plain is a TCP address without the mapping into IPv6 that a socket for both has. It is not valid for other addresses.
func plain(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
