package rendezvous

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

func TestNotesBeforeAndAfterTheIntroduction(t *testing.T) {
	server := new(Server)
	at := serve(t, server)
	meeting := NewID()
	a := visit(t, at, meeting)
	tellAll(t, a, 1, MaxHeld)
	awaitHeld(t, server, a)
	b := visit(t, at, meeting)
	tellAll(t, b, 2, 2*MaxHeld) // the server may have introduced b by now, or not: b is the second
	introduced(t, a, b)
	for i := range MaxHeld {
		hear(t, b, numbered(1, i))
	}
	for i := range 2 * MaxHeld {
		hear(t, a, numbered(2, i))
	}
	tellAll(t, a, 3, 2*MaxHeld)
	for i := range 2 * MaxHeld {
		hear(t, b, numbered(3, i))
	}
}

// awaitHeld waits until the server has read what the first client of a meeting has told.
func awaitHeld(t *testing.T, s *Server, first *guest) {
	t.Helper()
	for !holds(s, first.hello.Meeting, first.told) && t.Context().Err() == nil {
		runtime.Gosched()
	}
	first.held = first.told
}

// holds tells that the first client of a meeting has told so many notes, as far as the server has read.
func holds(s *Server, meeting ID, notes int) bool {
	s.mu.Lock()
	m := s.meetings[meeting]
	c := m.seats[0]
	s.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(c.held) == notes
}

// pieces is a listener whose connections count as one piece what is written at once.
type pieces struct {
	net.Listener
	written chan string
}

type piecewise struct {
	net.Conn
	written chan string
}

func (l pieces) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return piecewise{conn, l.written}, err
}

func (c piecewise) Write(b []byte) (int, error) {
	c.written <- string(b)
	return c.Conn.Write(b)
}

func TestHeldNotesComeInOnePieceWithTheIntroduction(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan string, 16)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	server := new(Server)
	go func() { ended <- server.Serve(ctx, pieces{ln, written}) }()
	a := visit(t, ln.Addr().(*net.TCPAddr).AddrPort(), NewID())
	tellAll(t, a, 1, 2)
	awaitHeld(t, server, a)
	b := NewClient(dial(t, ln.Addr().(*net.TCPAddr).AddrPort()))
	h := someHello()
	h.Meeting = a.hello.Meeting
	// The second client's notes come with its hello: the server reads them once it has introduced it.
	lines := encode(&hello{Type: typeHello, Version: Version, Hello: h})
	if _, err := b.conn.Write(append(lines, encode(&noted{Type: typeTell, Note: numbered(2, 0)})...)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Introduction(t.Context()); err != nil {
		t.Fatal(err)
	}
	hear(t, a, numbered(2, 0))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	close(written)
	var kinds []string
	for piece := range written {
		kind := ""
		for line := range strings.Lines(piece) {
			m, err := decodeFromServer([]byte(line))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			kind += m.kind() + " "
		}
		kinds = append(kinds, kind)
	}
	if got, want := strings.Join(kinds, "| "), "welcome introduction told told "; !strings.Contains(got, want) {
		t.Errorf("written in these pieces: %s", got)
	}
}

// The nearer client's introduction is held back while the farther one has been introduced and already tells.
func TestNotesToAClientThatIsHeldBack(t *testing.T) {
	server := new(Server)
	m := &meeting{introduced: true}
	var read [2]chan string
	for i := range m.pair {
		ours, theirs := net.Pipe()
		c := newClient(server, ours)
		c.hello, c.at = someHello(), somewhere
		m.pair[i], read[i] = c, make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(theirs)
			read[i] <- string(all)
		}()
	}
	far, near := m.pair[0], m.pair[1]
	far.meet(near)
	for i := range 2 * MaxHeld { // these are not told before the introduction, and may be more
		if err := m.pass(far, numbered(1, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.pass(near, numbered(2, 0)); err != nil {
		t.Fatal(err)
	}
	m.introduce(near)
	if err := m.pass(far, numbered(1, 2*MaxHeld)); err != nil {
		t.Fatal(err)
	}
	for i, c := range m.pair {
		c.abort()
		lines := strings.SplitAfter(strings.TrimSuffix(<-read[i], "\n"), "\n")
		if first, err := decodeFromServer([]byte(lines[0])); err != nil || first.kind() != typeIntroduction {
			t.Errorf("client %d is told first: %s", i, lines[0])
		}
		for k, line := range lines[1:] {
			want := encode(told(numbered(2-i, k)))
			if strings.TrimSuffix(line, "\n")+"\n" != string(want) {
				t.Errorf("client %d: line %d is %s, want %s", i, k, line, want)
			}
		}
		if want := []int{1, 2*MaxHeld + 1}[i]; len(lines)-1 != want {
			t.Errorf("client %d has heard %d notes, want %d", i, len(lines)-1, want)
		}
	}
}
