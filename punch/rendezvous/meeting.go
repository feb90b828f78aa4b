package rendezvous

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/punchlab/punchlab/punch/internal/tcpinfo"
)

// meeting is where two clients with one meeting id meet. It is over once one of them has left after the introduction:
// whoever comes then with the same id founds a new one.
type meeting struct {
	seats []*client // who has been let in; guarded by Server.mu, which is never held together with mu

	mu         sync.Mutex // guards what follows and orders the writes to both clients
	present    []*client  // who has been welcomed and has not left
	introduced bool       // present was full once; both stay in pair from then on
	pair       [2]*client
	relaying   bool
	moved      time.Time // when the relay last moved a byte
}

// join lets the client in.
func (s *Server) join(c *client) (*meeting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[c.hello.Meeting]
	if m == nil {
		m = new(meeting)
		s.meetings[c.hello.Meeting] = m
	}
	for _, other := range m.seats {
		if other.hello.Peer == c.hello.Peer {
			return nil, &Error{CodeDuplicate, "this peer id is in the meeting already"}
		}
	}
	if len(m.seats) == 2 {
		return nil, &Error{CodeBusy, "two clients are in this meeting already"}
	}
	m.seats = append(m.seats, c)
	return m, nil
}

// leave lets the client out and then tells the other one, who may thus come back at once and find the meeting free.
func (s *Server) leave(m *meeting, c *client, how Departure) {
	over := m.depart(c, how)
	s.mu.Lock()
	m.seats = slices.DeleteFunc(m.seats, func(other *client) bool { return other == c })
	if (over || len(m.seats) == 0) && s.meetings[c.hello.Meeting] == m {
		delete(s.meetings, c.hello.Meeting)
	}
	s.mu.Unlock()
	if over {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tellDeparture(m.other(c))
	}
}

func (m *meeting) depart(c *client, how Departure) (over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.left = how
	m.present = slices.DeleteFunc(m.present, func(other *client) bool { return other == c })
	return m.introduced
}

// tellDeparture tells c, once, that the other one has left, if it has. It is silent on a relay, where lines have no
// place any more, and where it was the server that closed the other's connection.
func (m *meeting) tellDeparture(c *client) {
	other := m.other(c)
	if !c.told || c.left != "" || c.toldLeft || m.relaying || other.left == "" || other.isAborted() {
		return
	}
	c.toldLeft = true
	_ = c.write(&peerLeft{Type: typePeerLeft, How: other.left}) // c's own goroutine notices a broken connection
}

func (m *meeting) other(c *client) *client {
	if m.pair[0] == c {
		return m.pair[1]
	}
	return m.pair[0]
}

// welcome greets the client and, if it is the second, introduces both to each other. Where the nearer one's
// introduction is held back, the function that it returns waits for that; until then the client is listened to. It
// tells whether the client is still there.
func (m *meeting) welcome(c *client) (introduced func(), ok bool) {
	near, head, err := m.greet(c)
	var later sync.WaitGroup
	switch {
	case near == nil || err != nil:
	case head == 0:
		m.introduce(near)
	default:
		later.Go(func() {
			timer := time.NewTimer(head)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-c.aborted.Done():
			}
			m.introduce(near)
		})
	}
	return later.Wait, err == nil
}

// greet welcomes the client. If it is the second, the farther client is introduced at once; the nearer one is returned,
// to be introduced after head. The second is welcomed in one segment with its introduction.
func (m *meeting) greet(c *client) (near *client, head time.Duration, err error) {
	at := c.observed()
	if !at.IsValid() {
		return nil, 0, errors.New("the client is not on TCP")
	}
	greeting := c.greeting(at)
	m.mu.Lock()
	defer m.mu.Unlock()
	c.at = at
	m.present = append(m.present, c)
	if len(m.present) < 2 {
		return nil, 0, errors.Join(c.wait(), c.write(greeting))
	}
	c.later = encode(greeting) // its introduction follows at once
	m.introduced, m.pair = true, [2]*client(m.present)
	far, near := m.pair[0], m.pair[1]
	far.rtt, near.rtt = far.roundTrip(), near.roundTrip()
	if far.rtt < near.rtt {
		far, near = near, far
	}
	far.meet(near)
	return near, headStart(far.rtt, near.rtt), nil
}

// introduce tells the nearer client about the farther one, which may have left in the meantime.
func (m *meeting) introduce(near *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if near.left != "" {
		return
	}
	near.meet(m.other(near))
	m.tellDeparture(near)
}

// maxHeadStart bounds how long the nearer client is kept waiting for a far one.
const maxHeadStart = time.Second

// headStart is how much earlier the introduction has to leave for the farther client, so that both read it at the same
// moment: the difference of the one-way delays, taken as half of each round trip. Where a round trip is not known
// (zero) there is none; nor below half a millisecond, which a timer would not keep.
func headStart(far, near time.Duration) time.Duration {
	if near <= 0 || far-near < time.Millisecond {
		return 0
	}
	return min((far-near)/2, maxHeadStart)
}

// roundTrip is the client's round trip to the server, or zero if it is not known.
func (c *client) roundTrip() time.Duration {
	info, _ := tcpinfo.Of(c.conn)
	return min(info.RTT(), maxRoundTrip/2)
}

// greeting is what a client seen at the given endpoint is told first.
func (c *client) greeting(at netip.AddrPort) message {
	return &welcome{Type: typeWelcome, Welcome: Welcome{
		Observed: at, Endpoints: c.server.reachable(), DialPort: c.server.DialPort}}
}

// meet introduces the other client to c, with the notes that the other one has told so far right behind.
func (c *client) meet(other *client) {
	var sum time.Duration
	if c.rtt > 0 && other.rtt > 0 {
		sum = c.rtt + other.rtt
	}
	h := other.hello
	lines := []message{&introduction{Type: typeIntroduction, Microseconds: sum.Microseconds(), Peer: Peer{
		ID: h.Peer, Nonce: h.Nonce, Observed: other.at, Locals: h.Locals, Strategy: h.Strategy,
		Notes: min(max(h.Notes, len(other.held)), MaxHeld),
	}}}
	for _, note := range other.held {
		lines = append(lines, told(note))
	}
	c.told, other.held = true, nil
	_ = c.wait()
	_ = c.write(lines...) // c's own goroutine notices a broken connection
}
