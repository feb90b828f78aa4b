package harness_test

import (
	"context"
	"log"
	"os"
	"os/exec"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// A program that knows nothing of labs runs on alice, and what it prints goes
// where this program's output goes.
func ExampleHost_Start() {
	harness.Main(func() int {
		open, err := topologies.Get("open")
		if err != nil {
			log.Fatal(err)
		}
		lab, err := harness.New(context.Background(), open, nil)
		if err != nil {
			log.Fatal(err)
		}
		defer lab.Close()
		cmd := exec.Command("ping", "-c", "1", lab.Host("bob").Addrs()[0].String())
		cmd.Stdout = os.Stdout
		if err := lab.Host("alice").Start(cmd); err != nil {
			log.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			log.Print(err)
		}
		return cmd.ProcessState.ExitCode()
	})
}
