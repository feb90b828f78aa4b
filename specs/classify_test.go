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

	"github.com/punchlab/punchlab/bench"
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
			want := bench.Classified(p)
			want.Ports = punch.Allocation{} // see below
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

// expectPorts compares what ports look like with how they are given out.
func expectPorts(got punch.Allocation, t natprofiles.Transport) {
	GinkgoHelper()
	ports := t.Ports
	rule := ports.Allocation
	if rule == natprofiles.Preserve && !keeps(ports) {
		rule = ports.OnConflict
	}
	if rule == natprofiles.Preserve && t.Mapping != natprofiles.EndpointIndependent && ports.OnConflict == natprofiles.Sequential {
		rule = natprofiles.Sequential // all but the first destination of a port
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
