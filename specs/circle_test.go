package specs

import (
	"context"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/verify"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
)

// A NAT that was met somewhere can be had in a lab: probed, written as a profile,
// built from it, and proved. The prover, which shares nothing with the engine,
// must find in the first NAT what the profile says that was measured there.
var _ = Describe("A NAT that was probed", func() {
	for _, name := range []string{
		"openwrt", "linux-random", "eim-adf", "eim-eif", "eim-apdf-icmp", "eim-after-icmp-close", "eim-random",
		"adm-apdf", "apdm-sequential-2", "apdm-block", "firewall-adf", "pfsense",
	} {
		It("is a profile of a lab: "+name, func(ctx SpecContext) {
			met := profile(name)
			found := probed(ctx, met)
			text, err := bench.Profile(found, "a lab")
			Expect(err).NotTo(HaveOccurred())
			AddReportEntry("profile", text, ReportEntryVisibilityFailureOrVerbose)
			written, err := natprofiles.Parse("probed.yaml", []byte(text))
			Expect(err).NotTo(HaveOccurred(), text)

			proof, err := verify.Profile(ctx, written, verify.Options{})
			Expect(err).NotTo(HaveOccurred())
			Expect(wrong(proof, nil)).To(BeEmpty(), "the lab does not do what the profile says")
			again := probed(ctx, written)
			again.External, found.External = netip.Addr{}, netip.Addr{}
			again.Ports.Low, again.Ports.High, found.Ports.Low, found.Ports.High = 0, 0, 0, 0 // estimates
			Expect(again).To(Equal(found), "the lab is not what was probed")

			other, err := verify.Profile(ctx, written, verify.Options{
				Install: func(natprofiles.Profile) natprofiles.Profile { return met },
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(wrong(other, written.Sources[0].Fields)).To(BeEmpty(), "what was measured is not so")
		}, SpecTimeout(time.Minute))
	}
})

// probed is what alice finds out in a lab with the profile in front of her.
func probed(ctx context.Context, p natprofiles.Profile) punch.Classification {
	GinkgoHelper()
	c, _ := classified(ctx, start(ctx, topology("one-nat"), harness.NATs{"a": p}))
	return c
}

// wrong are the fields of TCP that are not as declared, of those that are named,
// or of all. Which of the ports of a block a host has nobody knows outside.
func wrong(r verify.Report, named []string) (all []verify.Field) {
	for _, f := range r.Fields {
		if f.OK || named != nil && (f.Protocol != "tcp" || !slices.Contains(named, f.Field)) {
			continue
		}
		all = append(all, f)
	}
	return all
}
