package specs

import (
	"context"
	"fmt"
	"io"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// watched is a lab of the spec that runs, and what is recorded of it.
type watched struct {
	lab   *harness.Lab
	watch *harness.Watch
}

var started []watched

// start builds a lab that is closed when the spec ends. If the spec fails, the lab is
// dumped, and its packets are kept.
func start(ctx context.Context, t topologies.Topology, nats harness.NATs) *harness.Lab {
	GinkgoHelper()
	lab, err := harness.New(ctx, t, nats)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lab.Close)
	watch, err := lab.Watch(ctx)
	Expect(err).NotTo(HaveOccurred())
	started = append(started, watched{lab, watch})
	return lab
}

// A failed spec's labs are dumped before anything in them is closed.
var _ = JustAfterEach(func() {
	for i, w := range started {
		if CurrentSpecReport().Failed() {
			var dump strings.Builder
			Expect(w.lab.Dump(&dump)).To(Succeed())
			name := w.lab.Topology().Name
			AddReportEntry("lab "+name, dump.String(), ReportEntryVisibilityFailureOrVerbose)
			AddReportEntry("packets of "+name, w.keep(i), ReportEntryVisibilityFailureOrVerbose)
		}
	}
	started = nil
})

// keep writes the packets of the spec's n-th lab to a file, and says to which.
func (w watched) keep(n int) string {
	seen, err := w.watch.Stop()
	if err != nil {
		return fmt.Sprintf("the packets were not kept: %v", err)
	}
	uncommented := func(to io.Writer) error { return seen.WritePCAPNG(to, nil) }
	file, err := writeCapture(fmt.Sprintf("%s,%d", CurrentSpecReport().FullText(), n), uncommented)
	if err != nil {
		return fmt.Sprintf("the packets were not kept: %v", err)
	}
	return "the packets are in " + file
}
