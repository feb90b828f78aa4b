package verify

import (
	"slices"
	"strconv"

	"github.com/punchlab/punchlab/natprofiles"
)

// probe measures one field.
type probe struct {
	field   string
	measure func(*prober) (word, error)
}

// commonProbes are those that apply to whatever filters.
var commonProbes = []probe{
	{"filtering", (*prober).filtering},
	{"unsolicited", (*prober).unsolicited},
	{"icmp-errors", (*prober).icmpErrors},
	{"after-icmp", (*prober).afterICMP},
}

// tcpProbes are those of TCP alone.
var tcpProbes = []probe{
	{"crossed-syn", (*prober).crossedSYN},
	{"after-reset", (*prober).afterReset},
	{"sequence", (*prober).sequence},
}

// natProbes are those of what translates.
var natProbes = []probe{
	{"mapping", (*prober).mapping},
	{"hairpin", (*prober).hairpin},
}

// observe makes all probes of both protocols.
func (s *scene) observe(hint natprofiles.Profile, found findings) error {
	for _, of := range []protocol{tcp, udp} {
		p := &prober{scene: s, protocol: of, hint: hint}
		if err := p.fresh(); err != nil {
			return err
		}
		rewritten, err := p.translate()
		if err := found.note("translate", of, rewritten, err); err != nil {
			return err
		}
		p.translates = rewritten == "true"
		if err := p.observe(found); err != nil {
			return err
		}
	}
	for _, field := range []string{"translate", "addresses.count", "addresses.pooling", "limits.mappings", "limits.per-host"} {
		found.join(field)
	}
	return nil
}

// observe makes all probes of the prober's protocol.
func (p *prober) observe(found findings) error {
	for _, probe := range p.probes() {
		if cramped(p.hint) {
			if err := p.fresh(); err != nil {
				return err
			}
		}
		measured, err := probe.measure(p)
		if err := found.note(probe.field, p.protocol, measured, err); err != nil {
			return err
		}
	}
	if found[key{"filtering", p.protocol}] == word(natprofiles.Unfiltered) {
		return nil
	}
	var how allocation
	if p.translates {
		var err error
		if how, err = p.observePorts(found); err != nil {
			return err
		}
	}
	if p.hint.Overloads() {
		if err := p.observeLinux(how.how, found); err != nil {
			return err
		}
	}
	return p.observeRoom(how, found)
}

// probes are those that apply to the prober's protocol.
func (p *prober) probes() []probe {
	probes := slices.Clone(commonProbes)
	if p.translates {
		probes = append(probes, natProbes...)
	}
	if p.protocol == tcp {
		probes = append(probes, tcpProbes...)
	}
	return probes
}

// observePorts finds out how ports and addresses are given out.
func (p *prober) observePorts(found findings) (a allocation, err error) {
	if err := p.fresh(); err != nil {
		return a, err
	}
	a, err = p.allocation()
	if err := found.note("ports.allocation", p.protocol, word(a.how), err); err != nil || a.how == "" {
		return a, err
	}
	rule := a
	if a.how == natprofiles.Preserve {
		if rule, err = p.observeConflict(found); err != nil {
			return a, err
		}
	}
	found[key{"ports.parity", p.protocol}] = strconv.FormatBool(rule.parity)
	if rule.step != 0 {
		found[key{"ports.step", p.protocol}] = strconv.Itoa(rule.step)
	}
	if rule.inside != "" {
		found[key{"ports.block.inside", p.protocol}] = word(rule.inside)
	}
	if err := p.fresh(); err != nil {
		return a, err
	}
	shared, err := p.overloading()
	if err := found.note("ports.overloading", p.protocol, strconv.FormatBool(shared), err); err != nil {
		return a, err
	}
	return a, p.observeAddresses(found)
}

// observeConflict finds out what becomes of those who want a port that is taken
// or out of range, where ports are preserved.
func (p *prober) observeConflict(found findings) (rule allocation, err error) {
	if err := p.fresh(); err != nil {
		return rule, err
	}
	rule, refused, err := p.onConflict()
	if err := found.note("ports.on-conflict", p.protocol, word(rule.how), err); err != nil {
		return rule, err
	}
	if len(refused) > 0 {
		found[key{"limits.at-limit", p.protocol}] = p.refused(refused)
	}
	if err := p.fresh(); err != nil {
		return rule, err
	}
	ends, err := p.edges()
	return rule, found.note("ports.range", p.protocol, ends, err)
}

func (p *prober) observeAddresses(found findings) error {
	if err := p.fresh(); err != nil {
		return err
	}
	count, pooling, err := p.pool()
	if err := found.note("addresses.count", p.protocol, count, err); err != nil {
		return err
	}
	return found.note("addresses.pooling", p.protocol, pooling, err)
}
