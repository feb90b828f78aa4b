package rendezvous

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// relay notes that the client wants its bytes to go through the server. Once its peer wants it too, it carries what the
// client sends to the peer, and returns when both directions have ended.
func (m *meeting) relay(c *client) error {
	other, err := m.wantRelay(c)
	if err != nil {
		return err
	}
	_, err = c.r.Peek(1) // whatever comes first: the peer's wish does not wake us, the client's first byte does
	switch {
	case m.settle(c):
		m.carry(c, other)
		return nil
	case err == nil:
		return &Error{CodeProtocol, "bytes for the relay came before it was there"}
	}
	return err
}

func (m *meeting) wantRelay(c *client) (other *client, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !c.told {
		return nil, &Error{CodeProtocol, "a relay can be had after the introduction only"}
	}
	other = m.other(c)
	c.wantsRelay = true
	if !other.wantsRelay || other.left != "" {
		return other, nil
	}
	m.relaying, m.moved = true, time.Now()
	for _, side := range m.pair {
		_ = side.write(&bare{Type: typeRelaying})
		_ = side.patience(side.relayIdle())
	}
	return other, nil
}

// settle tells whether the relay is there. If it is not, the client's wish lapses, so that the peer cannot start one
// with a client that is about to leave.
func (m *meeting) settle(c *client) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.wantsRelay = m.relaying
	return m.relaying
}

func (c *client) relayIdle() time.Duration { return or(c.server.RelayIdle, DefaultRelayIdle) }

var relayBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// carry moves bytes one way until it ends, and then waits for the other way: an end of input is passed on and leaves
// the other way open, every other end resets both connections.
func (m *meeting) carry(from, to *client) {
	err := m.copy(from, to)
	if errors.Is(err, io.EOF) {
		if half, ok := to.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
			to.abort()
		}
	} else {
		from.abort()
		to.abort()
	}
	close(from.carried)
	<-to.carried
}

func (m *meeting) copy(from, to *client) error {
	buffer := relayBuffers.Get().(*[32 << 10]byte)
	defer relayBuffers.Put(buffer)
	for {
		n, err := from.r.Read(buffer[:])
		if n > 0 {
			m.move()
			_ = to.conn.SetWriteDeadline(time.Now().Add(or(to.server.WriteTimeout, DefaultWriteTimeout)))
			if _, err := to.conn.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && m.rested() < from.relayIdle() {
			err = nil // the other way still moves
		}
		if err != nil {
			return err
		}
		if err := from.patience(from.relayIdle() - m.rested()); err != nil {
			return err
		}
	}
}

// move notes that the relay moves; rested tells how long it has not.
func (m *meeting) move() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moved = time.Now()
}

func (m *meeting) rested() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.moved)
}
