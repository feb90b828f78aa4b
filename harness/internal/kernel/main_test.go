package kernel_test

import (
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

// namespaces makes n namespaces that last until the test ends.
func namespaces(tb testing.TB, n int) []*kernel.Namespace {
	tb.Helper()
	harness.Need(tb)
	made, err := kernel.NewNamespaces(make([][]kernel.Sysctl, n))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := kernel.CloseAll(made); err != nil {
			tb.Error(err)
		}
	})
	return made
}
