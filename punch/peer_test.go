package punch

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

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
		for _, s := range unmeasured() {
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
