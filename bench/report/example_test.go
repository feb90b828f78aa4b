package report_test

import (
	"fmt"
	"os"

	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

func ExampleTerminal() {
	var run results.Run
	run.Manifest.Trials = 1
	for _, a := range []results.Name{"openwrt", "linux-random"} {
		for _, b := range []results.Name{"openwrt", "linux-random"} {
			cell := results.Cell{Topology: "two-nats", NATA: a, NATB: b, Strategy: "simultaneous-open"}
			trial := results.Trial{Cell: cell, Outcome: results.Failed, Cause: "filtered"}
			if a == b && a == "openwrt" {
				trial.Outcome, trial.ConnectMS = results.Connected, new(66.2)
			}
			run.Manifest.Cells = append(run.Manifest.Cells, cell)
			run.Trials = append(run.Trials, trial)
		}
	}
	if err := report.Terminal(os.Stdout, run, 80, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// simultaneous-open on two-nats
	//
	//  a \ b                    openwrt        linux-random
	// ──────────────────────────────────────────────────────
	//  openwrt       1/1 21–100 % 66 ms  0/1   0–79 %     –
	//  linux-random  0/1   0–79 %     –  0/1   0–79 %     –
	//
	// Why trials failed
	//
	//  cause     trials  cells  that is
	// ───────────────────────────────────────────────────────────────
	//  filtered       3      3  a NAT dropped a SYN that nobody
	//                           inside had asked for
	//
	// Cells: trials that connected / trials that count, the 95 % interval of the rate,
	// median time to connect.
}
