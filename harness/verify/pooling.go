package verify

import (
	"net/netip"
	"strconv"

	"github.com/punchlab/punchlab/natprofiles"
)

// addressHosts and addressEach are how many hosts open how many sessions to see
// all external addresses: even of eight, each shows with more than 99.999 %,
// and of fewer, for all that it matters, always.
const addressHosts, addressEach = 30, 4

// pool counts external addresses and says how they are chosen: whether each
// inside host has one.
func (p *prober) pool() (count, pooling word, err error) {
	hosts, each := addressHosts, addressEach
	if n := p.hint.Addresses.Count; n > 2 {
		hosts *= n / 2
	}
	if room := p.capacity(); room < hosts*each {
		each = 2
		hosts = max(1, min(hosts, room/each))
	}
	var pairs []pair
	for range each {
		for host := range hosts {
			port, err := p.port()
			if err != nil {
				return "", "", err
			}
			pairs = append(pairs, pair{p.insider(host, port), p.remote(p.observer, 0)})
		}
	}
	sessions, err := p.open(pairs...)
	if err != nil {
		return "", "", err
	}
	all, paired := map[netip.Addr]bool{}, true
	ofHost := map[netip.Addr]netip.Addr{}
	for _, s := range sessions {
		if !s.passed {
			continue
		}
		addr, host := s.external().Addr(), s.inside.Addr()
		all[addr] = true
		paired = paired && (!ofHost[host].IsValid() || ofHost[host] == addr)
		ofHost[host] = addr
	}
	pooling = word(natprofiles.Arbitrary)
	if paired {
		pooling = word(natprofiles.Paired)
	}
	return strconv.Itoa(len(all)), pooling, nil
}
