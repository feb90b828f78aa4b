package natrules_test

import (
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
)

// BenchmarkApply gives a fresh namespace the rules of each shipped profile, and
// then replaces them: it reports the medians. It shows what a profile costs
// that needs a chain for each inside host.
func BenchmarkApply(b *testing.B) {
	for _, p := range natprofiles.All() {
		rules := natrules.NAT(p, place(p))
		if len(rules.Tables) == 0 {
			continue
		}
		b.Run(p.Name, func(b *testing.B) {
			var fresh, replaced []float64
			for b.Loop() {
				made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil})
				if err != nil {
					b.Fatal(err)
				}
				fresh = append(fresh, took(b, func() error { return rules.Apply(made[0].FD()) }))
				replaced = append(replaced, took(b, func() error { return rules.Replace(made[0].FD()) }))
				if err := made[0].Close(); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(fresh)
			slices.Sort(replaced)
			b.ReportMetric(fresh[len(fresh)/2], "apply-ms")
			b.ReportMetric(replaced[len(replaced)/2], "replace-ms")
		})
	}
}

func took(b *testing.B, f func() error) float64 {
	b.Helper()
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(began).Microseconds()) / 1000
}
