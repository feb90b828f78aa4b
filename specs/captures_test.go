package specs

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/story"
)

func keepIfFailed(o *bench.Observation, told story.Story) {
	DeferCleanup(func() {
		if CurrentSpecReport().Failed() {
			AddReportEntry("story", told.Text(120), ReportEntryVisibilityFailureOrVerbose)
		}
	})
}
