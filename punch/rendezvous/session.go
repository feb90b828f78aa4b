package rendezvous

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// client is one connection, served by one goroutine.
type client struct {
	server  *Server
	conn    net.Conn
	r       *bufio.Reader // read by the client's own goroutine only
	hello   Hello
	tooMany bool          // beyond Server.MaxClients
	aborted chan struct{} // closed when the connection is torn down from outside
	abort   func()        // tears it down with a reset, which leaves nothing in TIME-WAIT
	ended   chan struct{} // closed when nothing of the client is left
	carried chan struct{} // closed when what the client sends is no longer relayed

	// What follows is guarded by its meeting.
	at         netip.AddrPort
	rtt        time.Duration
	later      []byte // lines that go out with the next one
	told       bool   // about its peer
	toldLeft   bool   // that its peer has left
	wantsRelay bool
	left       Departure // empty while it is here
}

func newClient(s *Server, conn net.Conn) *client {
	c := &client{server: s, conn: conn, r: bufio.NewReaderSize(conn, MaxLine),
		aborted: make(chan struct{}), ended: make(chan struct{}), carried: make(chan struct{})}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive)
	}
	c.abort = sync.OnceFunc(func() {
		close(c.aborted)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	})
	return c
}

// isAborted tells a client whose connection the server tore down from one that left.
func (c *client) isAborted() bool {
	select {
	case <-c.aborted:
		return true
	default:
		return false
	}
}

// session is the client's whole conversation.
func (c *client) session() {
	if err := c.listenForHello(); err != nil {
		c.refuse(err)
		return
	}
	m, err := c.server.join(c)
	if err != nil {
		c.refuse(err)
		return
	}
	how, err := c.converse(m)
	c.server.leave(m, c, how)
	switch {
	case err != nil:
		c.refuse(err)
	case how == SaidBye:
		c.abort() // it wants nothing more: a reset spares both ends the closing handshake
	}
}

// converse follows the client from its welcome on, and tells how it left.
func (c *client) converse(m *meeting) (Departure, error) {
	if !m.welcome(c) {
		return Vanished, nil // there is nobody to explain anything to
	}
	line, err := c.next()
	switch {
	case err != nil:
		return Vanished, err
	case line.kind() == typeBye:
		return SaidBye, nil
	case line.kind() == typeRelay:
		return Vanished, m.relay(c)
	}
	return Vanished, outOfTurn(line)
}

func (c *client) listenForHello() error {
	if err := c.patience(or(c.server.HelloTimeout, DefaultHelloTimeout)); err != nil {
		return err
	}
	m, err := c.next()
	if err != nil {
		return err
	}
	h, ok := m.(*hello)
	if !ok {
		return outOfTurn(m)
	}
	c.hello = h.Hello
	return nil
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

// write sends m, and before it what has been put off.
func (c *client) write(m message) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(or(c.server.WriteTimeout, DefaultWriteTimeout)))
	_, err := c.conn.Write(append(c.later, encode(m)...))
	c.later = nil
	return err
}

const (
	drainTime  = time.Second
	drainBytes = 64 << 10
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
	if c.write(&failure{Type: typeError, Code: why.Code, Message: why.Message}) != nil {
		return
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil && c.patience(drainTime) == nil {
		_, _ = io.CopyN(io.Discard, c.conn, drainBytes)
	}
}

// observed is where the client is seen.
func (c *client) observed() netip.AddrPort {
	tcp, ok := c.conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
