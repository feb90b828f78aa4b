package specs

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// started are the labs of the spec that runs.
var started []*harness.Lab

// start builds a lab that is closed when the spec ends, and that is dumped if
// the spec fails.
func start(ctx context.Context, t topologies.Topology, nats harness.NATs) *harness.Lab {
	GinkgoHelper()
	lab, err := harness.New(ctx, t, nats)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lab.Close)
	started = append(started, lab)
	return lab
}

// A failed spec's labs are dumped before anything in them is closed.
var _ = JustAfterEach(func() {
	for _, lab := range started {
		if CurrentSpecReport().Failed() {
			var dump strings.Builder
			Expect(lab.Dump(&dump)).To(Succeed())
			AddReportEntry("lab "+lab.Topology().Name, dump.String(), ReportEntryVisibilityFailureOrVerbose)
		}
	}
	started = nil
})
