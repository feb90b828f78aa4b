package punch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
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

// gotNothing fails unless the connection ends without a byte from the engine.
func gotNothing(t *testing.T, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	if n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stranger read %d bytes, %v", n, err)
	}
}

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

// misbehaviours are what may sit at the other end of a connection instead of the peer.
var misbehaviours = map[string]func(*puppet, *net.TCPConn, Secret){
	"closes":          func(p *puppet, c *net.TCPConn, s Secret) { _ = c.Close() },
	"resets":          func(p *puppet, c *net.TCPConn, s Secret) { reset(c) },
	"garbage":         func(p *puppet, c *net.TCPConn, s Secret) { write(c, []byte("220 mail.example.org ESMTP\r\n")) },
	"another secret":  func(p *puppet, c *net.TCPConn, s Secret) { write(c, p.proof(NewSecret())) },
	"the wrong party": func(p *puppet, c *net.TCPConn, s Secret) { write(c, proof(s.proofKey(), p.engine(), p.self)) },
	"truncated": func(p *puppet, c *net.TCPConn, s Secret) {
		write(c, p.proof(s)[:proofSize-1])
		_ = c.CloseWrite()
	},
	"one bit wrong": func(p *puppet, c *net.TCPConn, s Secret) {
		mac := p.proof(s)
		mac[proofSize-1] ^= 1
		write(c, mac)
	},
	"reflected": func(p *puppet, c *net.TCPConn, s Secret) { // the engine's own proof, which it sends on what it dials
		own := make([]byte, proofSize)
		_, _ = io.ReadFull(c, own)
		write(c, own)
	},
	"replayed": func(p *puppet, c *net.TCPConn, s Secret) { // the same peer's, from an attempt with another nonce
		old := p.engine()
		old.nonce = rendezvous.NewNonce()
		write(c, proof(s.proofKey(), p.self, old))
	},
}

func TestConnectionsThatDoNotProveThemselves(t *testing.T) {
	for name, misbehave := range misbehaviours {
		t.Run(name, func(t *testing.T) {
			bothRoles(t, func(t *testing.T, id rendezvous.ID) {
				for _, strategy := range []string{"direct", "simultaneous-open"} {
					p, secret, engine := meetPuppet(t, strategy, id)
					stranger := p.accept()
					misbehave(p, stranger, secret)
					_, _ = io.Copy(io.Discard, stranger) // until the engine has closed it
					// A reset may come before the engine has seen the connection: then it was refused.
					if r := p.finish(secret, engine).report; r.Strangers+r.Refusals != 1 {
						t.Errorf("%s: %d strangers and %d refusals, want one", strategy, r.Strangers, r.Refusals)
					}
				}
			})
		})
	}
}

func TestStrangersAtTheListenerGetNothing(t *testing.T) {
	for name, say := range map[string][]byte{
		"garbage":        []byte("GET / HTTP/1.1\r\n\r\n"),
		"a false proof":  append([]byte(proofMagic), make([]byte, proofSize-len(proofMagic))...),
		"half the magic": []byte(proofMagic[:4]),
	} {
		t.Run(name, func(t *testing.T) {
			bothRoles(t, func(t *testing.T, id rendezvous.ID) {
				p, secret, engine := meetPuppet(t, "simultaneous-open", id)
				ours := p.accept() // answered last
				stranger := p.dial()
				write(stranger, say)
				_ = stranger.CloseWrite()
				gotNothing(t, stranger)
				p.gotProof(ours, secret)
				write(ours, p.proof(secret))
				got := <-engine
				if got.err != nil || got.report.Strangers != 1 {
					t.Fatalf("%v, %+v", got.err, got.report)
				}
				_ = got.conn.Close()
			})
		})
	}
}

// More silent strangers than the engine keeps push each other out, not the peer.
func TestManySilentStrangers(t *testing.T) {
	bothRoles(t, func(t *testing.T, id rendezvous.ID) {
		p, secret, engine := meetPuppet(t, "simultaneous-open", id)
		ours := p.accept()
		var strangers []*net.TCPConn
		for range 3 * maxStrangers {
			strangers = append(strangers, p.dial())
		}
		gotNothing(t, strangers[0]) // the oldest has paid
		p.gotProof(ours, secret)
		write(ours, p.proof(secret))
		got := <-engine
		if got.err != nil {
			t.Fatalf("the attempt ended: %v", got.err)
		}
		_ = got.conn.Close()
		for _, s := range strangers {
			gotNothing(t, s)
		}
	})
}

// The peer reaches our listener while what we dialled is a silent stranger. The chooser has bet on that and moves on after
// a time without an answer; the other answers the chooser's proof at once.
func TestThePeerComesToTheListener(t *testing.T) {
	bothRoles(t, func(t *testing.T, id rendezvous.ID) {
		p, secret, engine := meetPuppet(t, "simultaneous-open", id)
		silent := p.accept()
		peer := p.dial()
		write(peer, p.proof(secret))
		p.gotProof(peer, secret)
		got := <-engine
		if got.err != nil {
			t.Fatalf("the attempt ended: %v", got.err)
		}
		t.Cleanup(func() { _ = got.conn.Close() })
		if !got.report.Accepted || got.report.Established.After(got.report.Proven) {
			t.Errorf("%+v", got.report)
		}
		talk(t, peer, got.conn)
		_, _ = io.Copy(io.Discard, silent) // closed too
	})
}

// What the peer sends right behind its proof belongs to the caller.
func TestBytesBehindTheProof(t *testing.T) {
	bothRoles(t, func(t *testing.T, id rendezvous.ID) {
		p, secret, engine := meetPuppet(t, "simultaneous-open", id)
		write(p.accept(), append(p.proof(secret), "hello"...))
		got := <-engine
		if got.err != nil {
			t.Fatal(got.err)
		}
		defer got.conn.Close()
		text := make([]byte, 5)
		if _, err := io.ReadFull(got.conn, text); err != nil || string(text) != "hello" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestAnIntroductionToOurselvesIsRefused(t *testing.T) {
	self := party{rendezvous.NewID(), rendezvous.NewNonce()}
	cfg := config(t, "direct", NewSecret(), netip.MustParseAddrPort("127.0.0.1:1"))
	honest := rendezvous.Peer{ID: rendezvous.NewID(), Nonce: rendezvous.NewNonce(), Strategy: "direct",
		Observed: netip.MustParseAddrPort("203.0.113.7:1")}
	if err := acceptable(cfg, self, honest); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*rendezvous.Peer){
		"our id":       func(p *rendezvous.Peer) { p.ID = self.id },
		"our nonce":    func(p *rendezvous.Peer) { p.Nonce = self.nonce },
		"seen on IPv6": func(p *rendezvous.Peer) { p.Observed = netip.MustParseAddrPort("[2001:db8::1]:1") },
	} {
		peer := honest
		spoil(&peer)
		if err := acceptable(cfg, self, peer); !errors.Is(err, ErrRendezvous) {
			t.Errorf("%s: %v", name, err)
		}
	}
	honest.Strategy = "relay"
	if err := acceptable(cfg, self, honest); !errors.Is(err, ErrStrategyMismatch) {
		t.Errorf("another strategy: %v", err)
	}
}

func TestAPeerThatVanishesAfterTheIntroduction(t *testing.T) {
	for how, leave := range map[rendezvous.Departure]func(*puppet){
		rendezvous.Vanished: func(p *puppet) { _ = p.client.Close() },
		rendezvous.SaidBye:  func(p *puppet) { _ = p.client.Bye(context.Background()) },
	} {
		for _, s := range Strategies() {
			t.Run(string(how)+"/"+s.Name(), func(t *testing.T) {
				_, at := serve(t)
				cfg := config(t, s.Name(), NewSecret(), at)
				cfg.Patience = 300 * time.Millisecond
				p := newPuppet(t, at, s.Name(), meekID)
				engine := start(t.Context(), cfg)
				p.hello(cfg.Secret.meeting())
				p.introduced()
				_ = p.listener.Close()
				leave(p)
				got := <-engine
				if !errors.Is(got.err, ErrPatience) && !(s.relays() && errors.Is(got.err, ErrRendezvous)) {
					t.Errorf("got %v", got.err)
				}
				if !s.relays() && got.report.PeerLeft != how {
					t.Errorf("the peer left by %q, want %q", got.report.PeerLeft, how)
				}
			})
		}
	}
}

// A peer that says bye has stopped: nobody waits for the whole patience then.
func TestByeShortensThePatience(t *testing.T) {
	_, at := serve(t)
	cfg := config(t, "simultaneous-open", NewSecret(), at)
	cfg.Patience = time.Hour
	p := newPuppet(t, at, "simultaneous-open", meekID)
	engine := start(t.Context(), cfg)
	p.hello(cfg.Secret.meeting())
	p.introduced()
	_ = p.client.Bye(t.Context())
	if got := <-engine; !errors.Is(got.err, ErrPatience) || got.report.PeerLeft != rendezvous.SaidBye {
		t.Errorf("got %v, %+v", got.err, got.report)
	}
}
