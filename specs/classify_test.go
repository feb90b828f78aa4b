package specs

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/punch/rendezvous"
	"github.com/punchlab/punchlab/topologies"
)

// A host that asks a server about its NAT must find what the profile says.
var _ = Describe("A classification", func() {
	for _, p := range everyProfile() {
		It("finds what "+p.Name+" says of TCP", func(ctx SpecContext) {
			lab := start(ctx, topology("one-nat"), harness.NATs{"a": p})
			got, cost := classified(ctx, lab)
			want := seen(p)
			AddReportEntry(got.String(), cost, ReportEntryVisibilityFailureOrVerbose)
			expectPorts(got.Ports, p.TCP)
			expectDoubts(got.Doubts, p)
			got.Ports, got.External, got.Doubts = punch.Allocation{}, netip.Addr{}, nil
			Expect(got).To(Equal(want))
		}, SpecTimeout(20*time.Second))
	}

	It("finds the step of a NAT that is busy with others", func(ctx SpecContext) {
		lab := start(ctx, topology("one-nat"), harness.NATs{"a": profile("apdm-sequential-2")})
		others, err := lab.CrossTraffic(ctx, "nat-a", harness.CrossTraffic{PerSecond: 500, Seed: 1})
		Expect(err).NotTo(HaveOccurred())
		got, _ := classified(ctx, lab)
		Expect(others.Stop()).To(Succeed())
		Expect(got.Ports.Rule).To(Equal(punch.Sequential))
		Expect(got.Ports.Step).To(Equal(2))
		Expect(got.Doubts).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	// A SYN that dies in Linux's own NAT opens nothing (nf_conntrack_confirm comes at the end of its way); one that
	// dies in a NAT of maps does, since they are filled first of all.
	carriers := map[string]int{"linux-masquerade": 3, "openwrt": 3, "firewalld-masquerade": 3, "eim-apdf": 2}
	for _, carrier := range slices.Sorted(maps.Keys(carriers)) {
		It("finds that there are two NATs, the outer one "+carrier, func(ctx SpecContext) {
			lab := start(ctx, topology("double-nat"), harness.NATs{
				"a": profile("openwrt"), "b": profile("linux-masquerade"), "carrier": profile(carrier),
			})
			got, cost := classified(ctx, lab)
			AddReportEntry(got.String(), cost, ReportEntryVisibilityFailureOrVerbose)
			Expect(got.Doubts).To(BeEmpty())
			got.Doubts, got.External, got.Hairpin, got.Answer = nil, netip.Addr{}, "", ""
			Expect(got).To(Equal(punch.Classification{
				Version: punch.ClassificationVersion,
				Mapping: punch.EndpointIndependent, Filtering: punch.AddressAndPortDependent,
				Ports: punch.Allocation{Rule: punch.Preserve}, Disturbed: punch.No, AfterICMP: punch.Yes,
				Nested: punch.Yes, NATHop: 2, PublicHop: 3, ArmingTTL: carriers[carrier],
			}))
		}, SpecTimeout(20*time.Second))
	}
})

func everyProfile() []natprofiles.Profile {
	all, err := natprofiles.Select("all")
	if err != nil {
		panic(err) // the spec tree cannot be built without it
	}
	return all
}

// classified has alice of a lab find out what she is behind, from a server with two addresses and two ports.
func classified(ctx context.Context, lab *harness.Lab) (punch.Classification, punch.Cost) {
	GinkgoHelper()
	host := lab.Host(topologies.Rendezvous)
	server := &rendezvous.Server{Network: host, DialPort: 3480}
	var listeners []net.Listener
	for _, addr := range host.Addrs() {
		for _, port := range []uint16{3478, 3479} {
			at := netip.AddrPortFrom(addr, port)
			l, err := punch.Listen(host, at)
			Expect(err).NotTo(HaveOccurred())
			listeners, server.Endpoints = append(listeners, l), append(server.Endpoints, at)
		}
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(serving, listeners...) }()
	DeferCleanup(func() { stop(); Expect(<-ended).To(Succeed()) })
	c, cost, err := punch.Classify(ctx, lab.Host(topologies.Alice), server.Endpoints[:1])
	Expect(err).NotTo(HaveOccurred())
	Expect(c.Check()).To(Succeed())
	Expect(c.External.IsValid()).To(BeTrue())
	return c, cost
}

// seen is what a host behind a NAT of a profile, and of nothing else, can find out, but for the ports. What it says
// differently from the profile is argued here.
func seen(p natprofiles.Profile) punch.Classification {
	t := p.TCP
	c := punch.Classification{
		Version:   punch.ClassificationVersion,
		PublicHop: 2, NATHop: 1, ArmingTTL: 2, Nested: punch.No, Disturbed: punch.No,
		Mapping: punch.Dependence(t.Mapping), Filtering: punch.Dependence(t.Filtering), Answer: answer(t.Unsolicited),
	}
	if !p.Translate { // the first router has a public address, and there is no NAT that has an end
		c.Mapping, c.PublicHop, c.NATHop, c.Nested = punch.None, 1, 0, ""
	}
	if t.Filtering == natprofiles.Unfiltered { // a server cannot dial a port that does not ask it to
		c.Filtering = punch.EndpointIndependent
	}
	if c.Open() { // nobody is kept out of a port that the server may dial
		c.Answer = ""
	}
	if c.Cone() && !c.Open() { // a SYN that comes back through the hole is one that crosses
		c.AfterICMP = punch.Found(t.AfterICMP == natprofiles.Keep && t.CrossedSYN == natprofiles.CrossedAccept)
	}
	if p.Translate && c.Cone() { // handed round with an inside source, TCP takes the answer for a stranger's
		c.Hairpin = punch.Found(t.Hairpin == natprofiles.HairpinExternal)
	}
	if c.Mapping == punch.AddressAndPortDependent { // another endpoint has another port in any case
		c.Disturbed = ""
	}
	if t.ICMPErrors == natprofiles.Eaten { // no router behind the NAT is heard of
		c.PublicHop, c.Nested = 0, ""
		if c.AfterICMP == "" { // nor has a hole shown where it ends
			c.NATHop, c.ArmingTTL = 0, 0
		}
	}
	return c
}

// answer is to the first SYN: what comes after six seconds is silence to who waits for two round trips.
func answer(a natprofiles.Answer) punch.Answer {
	return map[natprofiles.Answer]punch.Answer{
		natprofiles.Drop: punch.Drop, natprofiles.DelayedUnreachable: punch.Drop, natprofiles.Reset: punch.Reset,
		natprofiles.PortUnreachable: punch.ICMP, natprofiles.AdminProhibited: punch.ICMP,
	}[a]
}

// expectPorts compares what ports look like with how they are given out.
func expectPorts(got punch.Allocation, t natprofiles.Transport) {
	GinkgoHelper()
	ports := t.Ports
	rule := ports.Allocation
	if rule == natprofiles.Preserve && (t.Mapping != natprofiles.EndpointIndependent || !keeps(ports)) {
		rule = ports.OnConflict
	}
	if rule == natprofiles.Block && ports.Block.Inside == natprofiles.Sequential { // its end is far away
		rule = natprofiles.Sequential
	}
	Expect(got.Rule).To(Equal(punch.Rule(rule)))
	switch rule {
	case natprofiles.Sequential:
		Expect(got.Step).To(Equal(ports.Step))
		Expect(got.Regularity).To(BeNumerically("==", 1))
	case natprofiles.Block: // the first host's is the first one; what is not a power of two is estimated
		low := int(ports.Range[0].Lo)
		Expect(int(got.Low)).To(BeNumerically("<=", low))
		Expect(int(got.High)).To(BeNumerically(">=", low+ports.Block.Size-1))
		Expect(got.Size()).To(BeNumerically("<=", 2*ports.Block.Size))
	}
}

// keeps tells whether the inside ports of our kind, Linux's ephemeral ones (ip_local_port_range in ip(7)), are kept.
func keeps(ports natprofiles.Ports) bool {
	return slices.ContainsFunc(ports.Range, func(i natprofiles.Interval) bool { return i.Lo <= 32768 && i.Hi >= 60999 })
}

// expectDoubts allows for one: several addresses, drawn for each mapping.
func expectDoubts(got []string, p natprofiles.Profile) {
	GinkgoHelper()
	if p.Addresses.Pooling == natprofiles.Arbitrary {
		Expect(got).To(ConsistOf(ContainSubstring("external addresses")))
		return
	}
	Expect(got).To(BeEmpty())
}
