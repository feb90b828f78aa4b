package capture_test

import (
	"testing"

	"github.com/punchlab/punchlab/harness"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }
