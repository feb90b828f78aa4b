package results_test

import (
	"bytes"
	"fmt"

	"github.com/punchlab/punchlab/bench/results"
)

// A run is written line by line as its trials end, and summed up from what
// was written.
func Example() {
	cell := results.Cell{Topology: "two-nats", NATA: "openwrt", NATB: "openwrt", Strategy: "simultaneous-open"}
	var file bytes.Buffer
	w, err := results.NewWriter(&file, results.Manifest{Version: "v0.1.0", Cells: []results.Cell{cell}, Trials: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range []results.Trial{
		{Cell: cell, Number: 1, Outcome: results.Connected, EstablishedMS: new(43.0), ConnectMS: new(65.0)},
		{Cell: cell, Number: 2, Outcome: results.Failed, Cause: "no answer"},
		{Cell: cell, Number: 3, Outcome: results.Connected, EstablishedMS: new(45.0), ConnectMS: new(67.0)},
	} {
		if err := w.Write(t); err != nil {
			fmt.Println(err)
			return
		}
	}

	run, err := results.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range run.Summaries() {
		fmt.Println(s)
		fmt.Printf("established after %.0f ms, failed because of %v\n", *s.EstablishedMedian, s.Causes)
	}
	fmt.Println("complete:", run.Complete())
	// Output:
	// two-nats openwrt x openwrt by simultaneous-open: 2/3 (21–94 %), median 66.0 ms
	// established after 44 ms, failed because of map[no answer:1]
	// complete: true
}
