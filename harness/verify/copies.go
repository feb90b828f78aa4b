package verify

import (
	"strconv"

	"github.com/punchlab/punchlab/natprofiles"
)

// Some fields show only where others do not stand in the way, or after tens of
// thousands of packets. They are proved on copies of the profile, as timers are.

// withoutLimits copies a profile without its limits, and says whether these end
// a host's mappings before its block of ports does.
func withoutLimits(p natprofiles.Profile) (lifted natprofiles.Profile, hidden bool) {
	size := max(p.TCP.Ports.Block.Size, p.UDP.Ports.Block.Size)
	for _, n := range []int{p.Limits.Mappings, p.Limits.PerHost} {
		hidden = hidden || n > 0 && n < size
	}
	p.Limits.Mappings, p.Limits.PerHost = 0, 0
	return p, hidden
}

// blocks finds the size of blocks of ports.
func (s *scene) blocks(hint natprofiles.Profile, found findings) error {
	for _, of := range []protocol{tcp, udp} {
		p := &prober{scene: s, protocol: of, hint: hint, translates: hint.Translate}
		f, err := p.flood(0, p.most())
		if err != nil {
			return err
		}
		size := "none, as no other host gets a mapping either"
		end, err := p.bound(0, f)
		switch end {
		case byBlock:
			size = strconv.Itoa(len(f.got))
		case boundless:
			size = wordf("more than %d", len(f.got))
		}
		if err := found.note("ports.block.size", of, size, err); err != nil {
			return err
		}
		if err := p.fresh(); err != nil {
			return err
		}
	}
	return nil
}

// withFewPorts copies a profile so that its ports run out soon, and says whether
// they would not otherwise.
func withFewPorts(p natprofiles.Profile) (scarce natprofiles.Profile, plenty bool) {
	scarce = p
	for _, t := range []*natprofiles.Transport{&scarce.TCP, &scarce.UDP} {
		of := tcp
		if t == &scarce.UDP {
			of = udp
		}
		if near, _ := exhaustible(p, of); !near && p.Translate && p.Limits.AtLimit != "" {
			t.Ports.Range = []natprofiles.Interval{{Lo: 20000, Hi: 20127}}
			plenty = true
		}
	}
	return scarce, plenty
}

// exhaust takes all ports, to see what those get who ask for one more.
func (s *scene) exhaust(hint natprofiles.Profile, found findings) error {
	for _, of := range []protocol{tcp, udp} {
		p := &prober{scene: s, protocol: of, hint: hint, translates: true}
		f, err := p.flood(0, p.most())
		if err != nil {
			return err
		}
		if len(f.refusals) > 0 {
			if err := p.atLimit(f, found); err != nil {
				return err
			}
		}
		if err := p.fresh(); err != nil {
			return err
		}
	}
	return nil
}
