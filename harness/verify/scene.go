package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// scene is a lab with a NAT in it and stations all around. It belongs to one
// goroutine, which stays on one processor (kernel.Pinned): that is what makes
// fences work.
type scene struct {
	ctx     context.Context
	lab     *harness.Lab
	prepare func(context.Context, *harness.Lab) error

	alice, bob, carol  *station // inside
	observer, stranger *station // outside
	upstream           *station // the street's own side of the segment
	lan, wan           net.HardwareAddr

	ids     uint16
	isn     uint32
	fences  uint32
	taken   map[protocol]map[uint16]bool // ports that are in use, inside or outside
	remotes uint16
}

// openScene builds a lab with a NAT that behaves as p says, or as prepare makes
// it behave.
func openScene(ctx context.Context, p natprofiles.Profile, prepare func(context.Context, *harness.Lab) error) (_ *scene, err error) {
	s := &scene{ctx: ctx, prepare: prepare, isn: rand.Uint32()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.lab, err = harness.New(ctx, neighbourhood, harness.NATs{slot: p, street: forwarder})
	if err != nil {
		return s, err
	}
	if err := s.openStations(); err != nil {
		return s, err
	}
	s.forget()
	return s, s.prepared()
}

// openStations silences the hosts and opens a packet socket on each.
func (s *scene) openStations() error {
	hosts := map[string]**station{
		topologies.Alice: &s.alice, topologies.Bob: &s.bob, carol: &s.carol,
		topologies.Rendezvous: &s.observer, stranger: &s.stranger,
	}
	for name, into := range hosts {
		h := s.lab.Host(name)
		if err := h.Mute(); err != nil {
			return err
		}
		at, err := openStation(h, name, hostDevice, h.Addrs())
		if err != nil {
			return err
		}
		*into = at
	}
	var err error
	if s.upstream, err = openStation(s.lab.Router(street), street, lanDevice, nil); err != nil {
		return err
	}
	if s.lan, err = hardwareAddress(s.lab.Router(router), lanDevice); err != nil {
		return err
	}
	s.wan, err = hardwareAddress(s.lab.Router(router), wanDevice)
	return err
}

// The names of interfaces in a lab.
const (
	hostDevice = "eth0"
	wanDevice  = "wan"
	lanDevice  = "lan"
)

func hardwareAddress(at place, device string) (net.HardwareAddr, error) {
	var link *net.Interface
	err := at.Do(func() (err error) {
		link, err = net.InterfaceByName(device)
		return err
	})
	if err != nil {
		return nil, err
	}
	return link.HardwareAddr, nil
}

func (s *scene) prepared() error {
	if s.prepare == nil {
		return nil
	}
	return s.prepare(s.ctx, s.lab)
}

// fresh makes the NAT forget everything: what is opened next finds it as new.
func (s *scene) fresh() error {
	if err := s.lab.Reset(); err != nil {
		return err
	}
	s.forget()
	return s.prepared()
}

// forget makes all ports available again.
func (s *scene) forget() {
	s.taken = map[protocol]map[uint16]bool{tcp: {}, udp: {}}
	s.remotes = uint16(rand.IntN(20000))
}

func (s *scene) stations() []*station {
	return []*station{s.alice, s.bob, s.carol, s.observer, s.stranger, s.upstream}
}

// inside says whether a station is behind the NAT.
func (s *scene) inside(at *station) bool { return at == s.alice || at == s.bob || at == s.carol }

// close ends the lab, and tells of packets that a station had no room for: what
// was measured is then worth nothing.
func (s *scene) close() error {
	var errs []error
	for _, at := range s.stations() {
		if at == nil {
			continue
		}
		lost, err := at.missed()
		if err == nil && lost > 0 {
			err = fmt.Errorf("%s: %d packets found no room in its socket", at.name, lost)
		}
		errs = append(errs, err, at.close())
	}
	if s.lab != nil {
		errs = append(errs, s.lab.Close())
	}
	return errors.Join(errs...)
}

// endpoint is an endpoint and the station that speaks and listens for it.
type endpoint struct {
	at *station
	netip.AddrPort
}

// remote is a new endpoint outside, at the i-th address of a station.
func (s *scene) remote(at *station, i int) endpoint {
	s.remotes++
	return endpoint{at, netip.AddrPortFrom(at.addrs[i], leastRemote+s.remotes%mostRemotes)}
}

// The ports of remote endpoints.
const (
	leastRemote = 1024
	mostRemotes = 64000
)

// another is the endpoint's neighbour: another port of the same address.
func (s *scene) another(e endpoint) endpoint {
	s.remotes++
	return endpoint{e.at, netip.AddrPortFrom(e.Addr(), leastRemote+s.remotes%mostRemotes)}
}
