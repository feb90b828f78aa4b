package report

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/goldentest"
)

func TestComparison(t *testing.T) {
	before, after := plan("two-nats", shipped, shipped, "auto"), plan("two-nats", shipped, shipped, "auto")
	for i := range after.Trials {
		trial := &after.Trials[i]
		switch {
		case trial.NATA == "none" && trial.NATB == "openwrt":
			trial.Outcome, trial.ConnectMS = results.Failed, nil
		case trial.NATA == "openwrt" && trial.NATB == "none":
			trial.ConnectMS = new(*trial.ConnectMS + 40 + float64(i%10)/100)
		}
	}
	before.Manifest.Options = map[string]string{"rtt": "40ms"}
	after.Manifest.Options = map[string]string{"rtt": "80ms"}
	after.Manifest.Cells[24].NATA = "elsewhere"
	for i := range after.Trials {
		if after.Trials[i].NATA == "linux-random" && after.Trials[i].NATB == "linux-random" {
			after.Trials[i].NATA = "elsewhere"
		}
	}
	for _, test := range []struct {
		name     string
		old, new results.Run
		width    int
	}{{"comparison", before, after, 100}, {"comparison-60-columns", before, after, 60}, {"comparison-same", before, before, 80}} {
		var out bytes.Buffer
		if err := Comparison(&out, results.Compare(test.old, test.new, results.Significance), test.width, false); err != nil {
			t.Fatal(err)
		}
		goldentest.Compare(t, filepath.Join("testdata", test.name+".txt"), out.String())
	}
}
