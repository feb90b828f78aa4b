package specs

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// stage is a lab that is watched, in which two peers do what a script says: with
// plain sockets, where no engine would be as foolish, or with engines that are
// killed.
type stage struct {
	ctx  context.Context
	site *bench.Site
	lab  *harness.Lab
	rtt  time.Duration

	mu         sync.Mutex
	told       [2][]punch.Event
	introduced [2]time.Time
	open       []int         // descriptors that the script left open
	late       time.Duration // by how much the machine held the script up, at most
}

// peer is one of the two.
type peer int

const (
	alice peer = iota
	bob
)

var peerNames = [2]string{topologies.Alice, topologies.Bob}

// ports are those that the peers were introduced with.
var ports = [2]uint16{4000, 5000}

func (p peer) other() peer { return 1 - p }

func (s *stage) host(p peer) *harness.Host { return s.lab.Host(peerNames[p]) }

// at is where a peer is reached from outside: by the port that it has inside, which
// the NATs of scripts keep.
func (s *stage) at(p peer) netip.AddrPort {
	chain, addr := s.lab.Topology(), s.host(p).Addrs()[0]
	for n, ok := chain.Node(peerNames[p]); ok; n, ok = chain.Node(n.Behind) {
		if n.Kind == topologies.NAT {
			addr = s.lab.Router(n.Name).External()[0]
		}
	}
	return netip.AddrPortFrom(addr, ports[p])
}

// tell is an event of a peer's engine.
func (s *stage) tell(p peer, e punch.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == punch.EventIntroduced {
		s.introduced[p] = e.At
	}
	s.told[p] = append(s.told[p], e)
}

// introduce has the peers know each other's endpoints, as if a server had told them.
func (s *stage) introduce() {
	now := time.Now()
	for _, p := range []peer{alice, bob} {
		own := netip.AddrPortFrom(s.host(p).Addrs()[0], ports[p])
		s.tell(p, punch.Event{At: now, Kind: punch.EventIntroduced, Local: own, Remote: s.at(p.other())})
	}
}

// giveUp is the end of a peer's engine.
func (s *stage) giveUp(p peer) {
	s.tell(p, punch.Event{At: time.Now(), Kind: punch.EventEnded, Err: errors.New("the patience has ended")})
}

// shoot sends a peer's SYN to the other one's endpoint, from the port that it was
// introduced with; the kernel sends it again after a second. A TTL of zero is the
// ordinary one. What is returned closes the socket, which sends nothing.
func (s *stage) shoot(p peer, ttl int) (gone func()) { return s.shootAt(p, s.at(p.other()), ttl) }

func (s *stage) shootAt(p peer, to netip.AddrPort, ttl int) (gone func()) {
	GinkgoHelper()
	return s.socket(p, func(fd int) error {
		if ttl != 0 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl); err != nil {
				return os.NewSyscallError("setsockopt IP_TTL", err)
			}
		}
		err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		if err == unix.EINPROGRESS {
			err = nil
		}
		return os.NewSyscallError("connect", err)
	})
}

// fill sends a datagram that takes nearly all room of the smallest queue.
func (s *stage) fill(p peer) {
	GinkgoHelper()
	Expect(s.host(p).Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		to := s.at(p.other())
		at := &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
		return os.NewSyscallError("sendto", unix.Sendto(fd, make([]byte, links.MaxMTU-ipAndUDP), 0, at))
	})).To(Succeed())
}

// ipAndUDP are both headers of a datagram.
const ipAndUDP = 28

// listen has a peer listen on its port.
func (s *stage) listen(p peer) {
	GinkgoHelper()
	s.socket(p, func(fd int) error { return os.NewSyscallError("listen", unix.Listen(fd, 8)) })
}

// socket opens a socket of a peer's at its port.
func (s *stage) socket(p peer, use func(fd int) error) (gone func()) {
	GinkgoHelper()
	opened := -1
	Expect(s.host(p).Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		opened = fd
		for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(ports[p])}); err != nil {
			return os.NewSyscallError("bind", err)
		}
		return use(fd)
	})).To(Succeed())
	s.open = append(s.open, opened)
	return func() {
		s.open = slices.DeleteFunc(s.open, func(fd int) bool { return fd == opened })
		_ = unix.Close(opened)
	}
}

// pass lets so many round trips pass: what packets need, and a part of the script
// like a stagger. A busy machine adds to it; too much of that spoils the script.
func (s *stage) pass(roundTrips float64) {
	GinkgoHelper()
	began, wanted := time.Now(), time.Duration(roundTrips*float64(s.rtt))
	select {
	case <-time.After(wanted):
		s.late = max(s.late, time.Since(began)-wanted)
	case <-s.ctx.Done():
		Fail("there was no time for the script")
	}
}

// connect lets both engines try until killed says of an event of one peer's that it
// is the last: that peer is gone from then on, with its sockets.
func (s *stage) connect(by punch.Strategy, patience time.Duration, classified [2]*punch.Classification, killed func(peer, punch.Event) bool) {
	secret := punch.NewSecret()
	var trying sync.WaitGroup
	for _, p := range []peer{alice, bob} {
		ctx, kill := context.WithCancel(s.ctx)
		trying.Go(func() {
			defer kill()
			conn, _, err := punch.Connect(ctx, punch.Config{
				Network: s.host(p), Rendezvous: s.site.Rendezvous(), Secret: secret, Strategy: by,
				Patience: patience, Wait: patience, Classification: classified[p],
				Trace: func(e punch.Event) {
					if ctx.Err() != nil {
						return // who is dead tells nothing
					}
					s.tell(p, e)
					if killed != nil && killed(p, e) {
						kill()
					}
				},
			})
			if err == nil {
				_ = conn.Close()
			}
		})
	}
	trying.Wait()
}

// play plays a script in the site's lab and tells its story, and whether the lab
// was fast enough for it to be true.
func play(ctx context.Context, site *bench.Site, of situation) (o *bench.Observation, told story.Story, sound bool) {
	GinkgoHelper()
	t := site.Lab().Topology()
	s := &stage{ctx: ctx, site: site, lab: site.Lab(), rtt: t.RTT(topologies.Alice, topologies.Bob)}
	if len(t.Slots()) == 1 && s.rtt == 0 {
		s.rtt = t.RTT(topologies.Alice, topologies.Rendezvous) // peers on one network
	}
	watch, err := s.lab.Watch(ctx)
	Expect(err).NotTo(HaveOccurred())
	of.script(s)
	seen, err := watch.Stop()
	Expect(err).NotTo(HaveOccurred())
	for _, fd := range s.open {
		_ = unix.Close(fd)
	}
	stats, err := s.lab.Links()
	Expect(err).NotTo(HaveOccurred())
	bound := bench.LatenessBound(s.rtt)
	sound = stats.Lost == 0 && stats.Lateness <= bound && s.late <= bound && seen.Missing() == nil
	if of.blinded != nil {
		of.blinded(&seen)
	}
	o = site.Observed(seen, s.told, s.introduced)
	return o, o.Story(), sound
}

// private is where a peer is on its own network.
func (s *stage) private(p peer) netip.AddrPort {
	return netip.AddrPortFrom(s.host(p).Addrs()[0], ports[p])
}

func benchClassified(name string) punch.Classification { return bench.Classified(profile(name)) }
