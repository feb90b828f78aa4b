package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/punch/rendezvous"
	"github.com/punchlab/punchlab/topologies"
)

// site is a lab with a server at its rendezvous: the place of one cell's
// trials, one after the other.
type site struct {
	lab    *harness.Lab
	server *rendezvous.Server
	at     []netip.AddrPort // where the server listens
	stop   func() error
	sent   uint64 // packets that the peers had sent when the last trial ended
}

// rendezvousPort is where the server listens, on each address of its host.
// It is STUN's, which a rendezvous resembles (RFC 8489, section 2).
const rendezvousPort = 3478

var building sync.Mutex
// open builds the lab of a cell and starts its server.
func open(ctx context.Context, c Cell) (_ *site, err error) {
	building.Lock()
	lab, err := harness.New(ctx, c.Topology, c.NATs)
	building.Unlock()
	if err != nil {
		return nil, err
	}
	s := &site{lab: lab, server: new(rendezvous.Server)}
	defer func() {
		if err != nil {
			err = errors.Join(err, lab.Close())
		}
	}()
	var listeners []net.Listener
	host := lab.Host(topologies.Rendezvous)
	for _, addr := range host.Addrs() {
		at := netip.AddrPortFrom(addr, rendezvousPort)
		l, err := punch.Listen(host, at)
		if err != nil {
			return nil, fmt.Errorf("rendezvous: %w", err)
		}
		listeners, s.at = append(listeners, l), append(s.at, at)
	}
	serving, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(serving, listeners...) }()
	s.stop = func() error { cancel(); return <-ended }
	return s, nil
}

// close stops the server and takes the lab down.
func (s *site) close() error { return errors.Join(s.stop(), s.lab.Close()) }

// reset makes the site fit for the next trial, as if it were new.
func (s *site) reset() error {
	s.server.Reset()
	return s.lab.Reset()
}

// packets counts what the peers have sent since it was last asked.
func (s *site) packets() (int64, error) {
	var total uint64
	for _, name := range peers {
		n, err := s.lab.Host(name).Sent()
		if err != nil {
			return 0, err
		}
		total += n
	}
	count := total - s.sent
	s.sent = total
	return int64(count), nil
}

// peers are the hosts that try to connect.
var peers = [2]string{topologies.Alice, topologies.Bob}
