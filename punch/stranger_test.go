package punch

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// gotNothing fails unless the connection ends without a byte from the engine.
func gotNothing(t *testing.T, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	if n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stranger read %d bytes, %v", n, err)
	}
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
