package harness_test

import (
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// BenchmarkLabOfNATs builds two-nats labs with NATs of either make in turn,
// resets them, and reports the medians of both.
func BenchmarkLabOfNATs(b *testing.B) {
	harness.Need(b)
	topology, err := topologies.Get("two-nats")
	if err != nil {
		b.Fatal(err)
	}
	names := []string{"linux-masquerade", "eim-apdf", "apdm-apdf"}
	builds, resets := map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		for _, name := range names {
			nat, err := natprofiles.Get(name)
			if err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			lab, err := harness.New(b.Context(), topology, harness.NATs{"a": nat, "b": nat})
			if err != nil {
				b.Fatal(err)
			}
			built := time.Now()
			if err := lab.Reset(); err != nil {
				b.Fatal(err)
			}
			builds[name] = append(builds[name], milliseconds(built.Sub(began)))
			resets[name] = append(resets[name], milliseconds(time.Since(built)))
			if err := lab.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, name := range names {
		b.ReportMetric(median(builds[name]), name+"-build-ms")
		b.ReportMetric(median(resets[name]), name+"-reset-ms")
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
