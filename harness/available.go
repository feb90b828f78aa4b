package harness

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
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

// explain makes one message of an error of the kernel's that forbids labs: what
// was refused, and what a user can do about it. Other errors stay as they are.
func explain(err error) error {
	is := func(cause error) bool { return errors.Is(err, cause) }
	var told []string
	if slices.ContainsFunc([]error{unix.EPERM, unix.EACCES, unix.EROFS, errSetup}, is) {
		told = append(told, advice())
	}
	if is(unix.ENOSPC) {
		told = append(told, adviceOnLimits)
	}
	if told == nil {
		return err
	}
	return &refusedError{err, strings.Join(told, "\n")}
}

// refusedError is an error that forbids labs, with advice.
type refusedError struct {
	err    error
	advice string
}

func (e *refusedError) Error() string {
	return strings.Join(causes(e.err), "; ") + "\n" + e.advice
}

func (e *refusedError) Unwrap() error { return e.err }

// causes tells each cause of a joined error once: root tries two ways into new
// namespaces, which mostly fail alike.
func causes(err error) (all []string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			for _, cause := range causes(one) {
				if !slices.Contains(all, cause) {
					all = append(all, cause)
				}
			}
		}
		return all
	}
	// What os.StartProcess calls fork/exec is a clone that makes namespaces, and
	// what it does in them before the program begins.
	var started *fs.PathError
	if errors.As(err, &started) && started.Op == "fork/exec" {
		return []string{"start a process in new namespaces: " + started.Err.Error()}
	}
	return []string{err.Error()}
}

// adviceOnLimits is about ENOSPC, which clone and unshare fail with where there
// may be no more namespaces (namespaces(7), /proc/sys/user). The limits of all
// user namespaces above count as well, and hold for their root, too.
const adviceOnLimits = "the limit for namespaces is 0 or reached (user.max_net_namespaces, user.max_user_namespaces), " +
	"which binds root of a user namespace, too. One of these raises it:\n" +
	"  - sudo sysctl user.max_user_namespaces=10000 user.max_net_namespaces=10000\n" +
	"  - Docker: run the container with --privileged"

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
