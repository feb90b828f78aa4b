package verify

import (
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/internal/busytest"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// welcoming lets everybody in by a port that is mapped, and answers at all
// others.
var welcoming = with(ours, both(func(t *natprofiles.Transport) { t.Filtering = natprofiles.EndpointIndependent }))

// TestFence sends packets that must arrive, on a machine whose processors are
// all busy, and finds every one of them when the fence is back: what a fence
// proves is that nothing is still under way. The ways are the longest that a
// probe and its answer can take.
func TestFence(t *testing.T) {
	harness.Need(t)
	t.Cleanup(busytest.Keep(t)) // after the parallel tests
	const labs, rounds = 4, 1000
	for range labs {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			err := kernel.Pinned(func() error {
				s, err := openScene(t.Context(), welcoming(), nil)
				if err != nil {
					return err
				}
				for range rounds {
					if err := s.everything(t); err != nil {
						t.Error(err)
						break
					}
				}
				return s.close()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// everything sends what takes the longest ways there are: out and in, to a NAT
// that answers, and round by the street to another inside host.
func (s *scene) everything(t *testing.T) error {
	p := &prober{scene: s, protocol: tcp, hint: welcoming(), translates: true}
	out, err := p.begun(p.alice, p.remote(p.observer, 0))
	if err != nil {
		return err
	}
	in, err := p.alive(out)
	if err != nil {
		return err
	}
	if !in {
		t.Error("an answer that must arrive was not there after the fence")
	}
	free, err := p.unmapped(out)
	if err != nil {
		return err
	}
	refused, err := p.poke(p.remote(p.stranger, 0), endpoint{AddrPort: free})
	if err != nil {
		return err
	}
	if refused.answer != "reset" {
		t.Errorf("a RST that must arrive was not there after the fence: %s", refused.answer)
	}
	other, err := p.begun(p.bob, p.remote(p.observer, 0))
	if err != nil {
		return err
	}
	there, back := p.turn(out, other), p.turn(other, out)
	there.reverse = back
	if how, _, err := p.turnRound(there); err != nil || how != "external-source" {
		t.Errorf("a packet that turns round was not there after the fence: %s %v", how, err)
	}
	return nil
}

// TestFenceLost shows that a lab that loses what it must deliver is an error and
// not a finding.
func TestFenceLost(t *testing.T) {
	harness.Need(t)
	err := kernel.Pinned(func() error {
		s, err := openScene(t.Context(), ours(), nil)
		if err != nil {
			return err
		}
		defer s.close()
		if err := s.lab.Host(stranger).Unplug(); err != nil {
			return err
		}
		p := &prober{scene: s, protocol: udp, hint: ours()}
		word, err := p.translate()
		if err == nil {
			t.Errorf("without a fence the finding is %q", word)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNeighbourhood shows that the lab has the hosts that every topology has.
func TestNeighbourhood(t *testing.T) {
	for _, name := range []string{topologies.Alice, topologies.Bob, topologies.Rendezvous} {
		if n, ok := neighbourhood.Node(name); !ok || n.Kind != topologies.Host {
			t.Errorf("no host %s", name)
		}
	}
}

func TestMain(m *testing.M) {
	busytest.Main()
	harness.Main(m.Run)
}
