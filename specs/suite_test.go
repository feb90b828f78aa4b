package specs

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/busytest"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

func TestMain(m *testing.M) {
	busytest.Main()
	harness.Main(m.Run)
}

func TestSpecs(t *testing.T) {
	harness.Need(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "punchlab")
}

func topology(name string) topologies.Topology {
	GinkgoHelper()
	t, err := topologies.Get(name)
	Expect(err).NotTo(HaveOccurred())
	return t
}

func profile(name string) natprofiles.Profile {
	GinkgoHelper()
	p, err := natprofiles.Get(name)
	Expect(err).NotTo(HaveOccurred())
	return p
}

func strategy(name string) punch.Strategy {
	GinkgoHelper()
	s, err := punch.StrategyNamed(name)
	Expect(err).NotTo(HaveOccurred())
	return s
}
