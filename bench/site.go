package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/punch/rendezvous"
	"github.com/punchlab/punchlab/topologies"
)

// Site is the place of one cell's trials: a lab with a server at its
// rendezvous. Trials are made one after the other, with a Reset between them.
type Site struct {
	cell   Cell
	lab    *harness.Lab
	server *rendezvous.Server
	at     []netip.AddrPort // where the server listens
	stop   func() error
	others []*harness.Traffic

	nats     [2]punch.Classification // of both peers
	measured [2]bool                 // whether they are known: some strategy wanted to know

	watched bool // the lab has been
}

// rendezvousPorts are where the server listens, on each address of its host. The
// first is STUN's, which a rendezvous resembles (RFC 8489, section 2).
var rendezvousPorts = []uint16{3478, 3479}

// dialPort is where the server dials clients back from. Nothing listens there.
const dialPort = 3480

// building is held while a lab is built. The kernel builds one at a time in
// any case (rtnl_lock), and several that try take the processors from the
// trials that are under way.
var building sync.Mutex

// Open builds the lab of a cell and starts its server. The caller closes the
// site.
func Open(ctx context.Context, c Cell) (_ *Site, err error) {
	lab, err := build(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &Site{cell: c, lab: lab}
	defer func() {
		if err != nil {
			err = errors.Join(err, lab.Close())
		}
	}()
	if err := s.serve(); err != nil {
		return nil, fmt.Errorf("rendezvous: %w", err)
	}
	if err = lab.SetFaults(c.Faults...); err == nil {
		err = s.use(ctx, c)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// use has the site's next trials be those of a cell that has the same lab.
func (s *Site) use(ctx context.Context, c Cell) error {
	if err := s.relink(c); err != nil {
		return err
	}
	s.cell = c
	if s.classified() || !punch.Measures(c.Strategy) {
		return nil
	}
	return s.classify(ctx)
}

// classified says whether both peers know their NATs.
func (s *Site) classified() bool { return s.measured[0] && s.measured[1] }

// refit puts the cell's NATs into the site's lab, if they fit there, for use to make the
// rest of it the cell's. A peer who is behind the same ones as before still knows them.
func (s *Site) refit(c Cell) (fits bool, err error) {
	if !s.cell.samePlace(c) {
		return false, nil
	}
	s.server.Reset()
	if fits, err = s.lab.Refit(c.NATs); !fits || err != nil {
		return fits, err
	}
	for i, name := range peers {
		if !s.cell.sameNATs(c, name) {
			s.measured[i], s.nats[i] = false, punch.Classification{}
		}
	}
	return true, nil
}

// serve starts the server on both addresses of its host, with two ports each:
// what a classification needs (RFC 5780 section 2 says the same of STUN).
func (s *Site) serve() error {
	var listeners []net.Listener
	host := s.lab.Host(topologies.Rendezvous)
	for _, addr := range host.Addrs() {
		for _, port := range rendezvousPorts {
			at := netip.AddrPortFrom(addr, port)
			l, err := punch.Listen(host, at)
			if err != nil {
				return err
			}
			listeners, s.at = append(listeners, l), append(s.at, at)
		}
	}
	s.server = &rendezvous.Server{Endpoints: s.at, DialPort: dialPort, Network: host}
	serving, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(serving, listeners...) }()
	s.stop = func() error { cancel(); return <-ended }
	return nil
}

// classifyTries is how often peers measure their NATs before the bench gives up: a
// busy machine can hold up everything for longer than the engine waits.
const classifyTries = 3

// classify has peers measure their NATs once for all trials, as programs do
// that keep what they know of their network. Meanwhile links lose nothing and no
// fault acts, since all trials would have what one lost packet made of it.
func (s *Site) classify(ctx context.Context) (err error) {
	lossless, err := s.calm()
	defer func() { err = errors.Join(err, lossless()) }()
	if err != nil {
		return err
	}
	for range classifyTries {
		if err = errors.Join(s.measure(ctx), s.Reset()); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("classify, %d times: %w", classifyTries, err)
	}
	return nil
}

func (s *Site) measure(ctx context.Context) error {
	var errs [2]error
	var measuring sync.WaitGroup
	for i, name := range peers {
		if s.measured[i] {
			continue
		}
		measuring.Go(func() {
			s.nats[i], _, errs[i] = punch.Classify(ctx, s.lab.Host(name), s.at)
			s.measured[i] = errs[i] == nil
		})
	}
	measuring.Wait()
	return errors.Join(errs[:]...)
}

// calm has no link and no fault do anything to single packets, until what it
// returns is called.
func (s *Site) calm() (end func() error, err error) {
	was := map[string]links.Link{}
	end = func() error {
		var errs []error
		for name, l := range was {
			errs = append(errs, s.lab.SetLink(name, l))
		}
		if len(s.cell.Faults) > 0 {
			errs = append(errs, s.lab.SetFaults(s.cell.Faults...))
		}
		return errors.Join(errs...)
	}
	if len(s.cell.Faults) > 0 {
		if err := s.lab.SetFaults(); err != nil {
			return end, err
		}
	}
	for _, n := range s.cell.Topology.Nodes {
		if n.Link == n.Link.Lossless() {
			continue
		}
		if err := s.lab.SetLink(n.Name, n.Link.Lossless()); err != nil {
			return end, err
		}
		was[n.Name] = n.Link
	}
	return end, nil
}

func build(ctx context.Context, c Cell) (*harness.Lab, error) {
	building.Lock()
	defer building.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return harness.Build(ctx, c.Topology, c.NATs, harness.Options{Emulation: c.Emulation})
}

// Lab is the site's lab.
func (s *Site) Lab() *harness.Lab { return s.lab }

// Rendezvous are the endpoints of the site's server.
func (s *Site) Rendezvous() []netip.AddrPort { return slices.Clone(s.at) }

// Close stops the server and takes the lab down.
func (s *Site) Close() error { return errors.Join(s.stop(), s.lab.Close()) }

// Reset makes the site fit for the next trial, as if it were new. Cross traffic
// goes on; if it has ended of itself, Reset returns why.
func (s *Site) Reset() error {
	s.server.Reset()
	errs := []error{s.lab.Reset()}
	for _, t := range s.others {
		_, err := t.Stats()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// CrossTraffic has others open flows through the NATs in the slots that cells
// vary, through each as many in a second, until [Site.Quiet] or Close. The seed
// draws when.
func (s *Site) CrossTraffic(ctx context.Context, perSecond float64, seed uint64) error {
	for _, n := range s.cell.Topology.Nodes {
		if n.Kind != topologies.NAT || n.Default != "" {
			continue
		}
		t, err := s.lab.CrossTraffic(ctx, n.Name, harness.CrossTraffic{PerSecond: perSecond, Seed: seed})
		if err != nil {
			return err
		}
		s.others = append(s.others, t)
		seed++ // flows through two NATs do not begin together
	}
	return nil
}

// Quiet ends all cross traffic.
func (s *Site) Quiet() error {
	var errs []error
	for _, t := range s.others {
		errs = append(errs, t.Stop())
	}
	s.others = nil
	return errors.Join(errs...)
}

// sent counts the packets that the peers have sent since the lab was built.
func (s *Site) sent() (total int64, err error) {
	for _, name := range peers {
		n, err := s.lab.Host(name).Sent()
		if err != nil {
			return 0, err
		}
		total += int64(n)
	}
	return total, nil
}

// peers are the hosts that try to connect.
var peers = [2]string{topologies.Alice, topologies.Bob}
