package punch

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// puppet is a peer whose every step a test decides: it knows the meeting, and maybe the secret, and need not behave.
type puppet struct {
	t        *testing.T
	self     party
	strategy string
	conn     *net.TCPConn
	client   *rendezvous.Client
	listener *net.TCPListener // on the port that the server sees
	met      rendezvous.Introduction
}

// The two places that a puppet's id can have among all others: it makes the puppet the chooser, or the engine.
var (
	chooserID = rendezvous.ID{0: 0xff, 1: 0xff, 2: 0xff, 3: 0xff, 4: 0xff, 5: 0xff, 6: 0xff, 7: 0xff}
	meekID    = rendezvous.ID{15: 1}
)

// newPuppet opens the puppet's port and connects to the server.
func newPuppet(t *testing.T, at netip.AddrPort, strategy string, id rendezvous.ID) *puppet {
	t.Helper()
	b, err := open(t.Context(), Here, at, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = b.conn.Close(), b.listener.Close() })
	_ = b.conn.SetDeadline(time.Now().Add(10 * time.Second)) // a test that hangs says where
	return &puppet{
		t: t, self: party{id, rendezvous.NewNonce()}, strategy: strategy,
		conn: b.conn, client: b.client, listener: b.listener,
	}
}

func (p *puppet) hello(meeting rendezvous.ID) {
	p.t.Helper()
	_, err := p.client.Hello(p.t.Context(), rendezvous.Hello{
		Meeting: meeting, Peer: p.self.id, Nonce: p.self.nonce, Strategy: p.strategy})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *puppet) introduced() {
	p.t.Helper()
	var err error
	if p.met, err = p.client.Introduction(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// engine is the other party, as the introduction names it.
func (p *puppet) engine() party { return party{p.met.Peer.ID, p.met.Peer.Nonce} }

// proof is the right one for the given secret.
func (p *puppet) proof(s Secret) []byte { return proof(s.proofKey(), p.self, p.engine()) }

// accept returns the next connection that the engine dials.
func (p *puppet) accept() *net.TCPConn {
	p.t.Helper()
	_ = p.listener.SetDeadline(time.Now().Add(10 * time.Second))
	conn, err := p.listener.AcceptTCP()
	if err != nil {
		p.t.Fatal(err)
	}
	return p.own(conn)
}

// dial connects to the engine's port, from a fresh one of the puppet's.
func (p *puppet) dial() *net.TCPConn {
	p.t.Helper()
	d, err := dial(Here, freshPort, p.met.Peer.Observed)
	if err != nil {
		p.t.Fatal(err)
	}
	conn, err := d.wait(p.t.Context(), time.Time{})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.own(conn)
}

func (p *puppet) own(conn *net.TCPConn) *net.TCPConn {
	p.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// write sends what may find a closed connection.
func write(conn net.Conn, what []byte) { _, _ = conn.Write(what) }

// gotProof fails unless the engine sends its proof.
func (p *puppet) gotProof(conn net.Conn, s Secret) {
	p.t.Helper()
	if err := readProof(conn, proof(s.proofKey(), p.engine(), p.self)); err != nil {
		p.t.Errorf("the engine's proof: %v", err)
	}
}

// meetPuppet has an engine and a puppet introduced to each other.
func meetPuppet(t *testing.T, strategy string, id rendezvous.ID) (*puppet, Secret, <-chan result) {
	t.Helper()
	_, at := serve(t)
	secret := NewSecret()
	p := newPuppet(t, at, strategy, id)
	engine := start(t.Context(), config(t, strategy, secret, at))
	p.hello(secret.meeting())
	p.introduced()
	return p, secret, engine
}

// bothRoles runs a test with the engine as the chooser and as the other.
func bothRoles(t *testing.T, test func(t *testing.T, id rendezvous.ID)) {
	t.Run("engine chooses", func(t *testing.T) { test(t, meekID) })
	t.Run("engine follows", func(t *testing.T) { test(t, chooserID) })
}

// finish completes an attempt: on the next connection that the engine dials, the puppet does what an honest peer does.
func (p *puppet) finish(s Secret, engine <-chan result) result {
	p.t.Helper()
	conn := p.accept()
	p.gotProof(conn, s) // the engine has dialled it: as chooser it is its bet, else it sends at once
	write(conn, p.proof(s))
	got := <-engine
	if got.err != nil {
		p.t.Fatalf("the attempt ended: %v", got.err)
	}
	p.t.Cleanup(func() { _ = got.conn.Close() })
	talk(p.t, conn, got.conn)
	talk(p.t, got.conn, conn)
	return got
}
