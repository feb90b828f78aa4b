package harness

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/topologies"
)

// refusal is why Main could not make its namespaces, if it could not.
var refusal error

// Available returns nil where labs may be built, found out by making a
// namespace with the settings of one, and otherwise what forbids it and what to
// do about it. What else a lab needs of the kernel, [Doctor] finds out.
func Available() error { return available() }

var available = sync.OnceValue(func() error {
	if refusal != nil {
		return explain(refusal)
	}
	host := &machine{Node: topologies.Node{Kind: topologies.Host}}
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{host.settings()})
	if err != nil {
		return explain(err)
	}
	return kernel.CloseAll(made)
})

// TB is the part of testing.TB that Need uses; Ginkgo's GinkgoT() has it too.
type TB interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Need skips the calling test where no lab can be built, and says what to do.
// Where the environment variable CI is "true" it fails the test instead: a CI
// that silently tests nothing is worse than a red one.
func Need(tb TB) {
	tb.Helper()
	err := Available()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("no lab can be built here, and CI=true forbids to skip: %v", err)
		return
	}
	tb.Skipf("SKIPPED, NOTHING WAS TESTED: no lab can be built here: %v", err)
}

// explain adds to an error of the kernel's what a user can do about it.
func explain(err error) error {
	for _, forbidden := range []error{unix.EPERM, unix.EACCES, unix.EROFS, unix.ENOSPC, errSetup} {
		if errors.Is(err, forbidden) {
			return fmt.Errorf("%w\n%s", err, advice())
		}
	}
	return err
}

// advice names what usually forbids namespaces.
func advice() string {
	if os.Geteuid() == 0 {
		return "root may not make network namespaces here, as in a container without CAP_SYS_ADMIN and CAP_NET_ADMIN: " +
			"run the container with --privileged, or outside of one"
	}
	return "unprivileged users may not make network namespaces here. One of these allows it:\n" +
		"  - run as root (sudo -E)\n" +
		"  - Ubuntu 23.10 and later: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0\n" +
		"  - Debian 10 and earlier: sudo sysctl kernel.unprivileged_userns_clone=1\n" +
		"  - a limit of 0: sudo sysctl user.max_user_namespaces=10000 user.max_net_namespaces=10000\n" +
		"  - Docker: run the container with --privileged"
}
