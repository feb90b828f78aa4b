package harness_test

import (
	"context"
	"errors"
	"os"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/recording"
)

// What has left a NAT is marked in a file for Wireshark.
func ExampleLab_Watch() {
	record := func(ctx context.Context, lab *harness.Lab, trial func() error) error {
		watch, err := lab.Watch(ctx)
		if err != nil {
			return err
		}
		failed := trial()
		seen, err := watch.Stop()
		if err := errors.Join(failed, err, seen.Missing()); err != nil {
			return err
		}
		comments := make([]string, len(seen.Packets))
		for i, p := range seen.Packets {
			if seen.Legs[p.Leg].Side == recording.Outside && p.Out {
				comments[i] = "has been through the NAT"
			}
		}
		file, err := os.Create("trial.pcapng")
		if err != nil {
			return err
		}
		return errors.Join(seen.WritePCAPNG(file, comments), file.Close())
	}
	_ = record
}
