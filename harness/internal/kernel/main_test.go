package kernel_test

import (
	"slices"
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

// silent keeps interfaces from telling of themselves by IPv6, as labs do: packets
// are counted.
var silent = []kernel.Sysctl{
	{Path: "ipv6/conf/all/disable_ipv6", Value: "1", Optional: true},
	{Path: "ipv6/conf/default/disable_ipv6", Value: "1", Optional: true},
}

// namespaces makes n namespaces that last until the test ends.
func namespaces(tb testing.TB, n int) []*kernel.Namespace {
	tb.Helper()
	harness.Need(tb)
	made, err := kernel.NewNamespaces(slices.Repeat([][]kernel.Sysctl{silent}, n))
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
