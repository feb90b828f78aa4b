package harness

import (
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// Main calls run where labs can be built, and ends the process with the status
// that run returns. It is the one line that a test binary needs:
//
//	func TestMain(m *testing.M) { harness.Main(m.Run) }
//
// Main runs the program once more, in namespaces of its own: a network
// namespace, so that no mistake can touch the machine's network; a PID and a
// mount namespace, so that every process started in a lab ends with the
// program, however it ends; and, for users other than root, a user namespace in
// which they may do all this. Arguments, environment, open files and the
// working directory stay the same; INT, TERM, HUP and QUIT are passed on, and
// TSTP stops everything until the shell has it go on. The program is lent the
// terminal when it asks for it, which reading from it does.
//
// Main raises the hard limit of open files where it may, since trials that guess ports
// have thousands of sockets.
//
// Where namespaces are forbidden, run is called in place, so that tests that need no
// lab still run, and [Available] says why.
//
// `ginkgo -p` reaches its processes over the loopback of the namespace that
// they were started in: there Main stays in place as root, and is an error for
// other users.
func Main(run func() int) {
	word, isInit := strings.CutPrefix(os.Getenv(marker), markerInit)
	p, inside := here()
	switch {
	case inside:
		p.ignore()
		os.Exit(run())
	case isInit && os.Getpid() == 1:
		os.Exit(initMain(word))
	case parallelGinkgo():
		if os.Geteuid() != 0 {
			fmt.Fprintln(os.Stderr, "punchlab: ginkgo -p reaches its processes over the loopback of this network namespace, which a lab's user namespace leaves: run it as root, or without -p")
			os.Exit(2)
		}
		os.Exit(run())
	}
	raiseFiles()
	status, err := reenter()
	if err != nil {
		refusal = err
		status = run()
	}
	os.Exit(status)
}

// marker is the environment variable by which a process knows where it is. It
// holds the namespace's ID and not just a flag: a program that is started
// inside a lab inherits the variable but not the place.
const (
	marker     = "PUNCHLAB_NAMESPACE"
	markerInit = "init:"
)

// place is what the marker tells the program.
type place struct {
	id      string // of the network namespace
	init    int    // the PID of init where Main was called
	user    bool   // there is a new user namespace, too
	ignored uint64 // signals that the caller ignores, as bits
}

func (p place) String() string { return fmt.Sprintf("%s %d %t %x", p.id, p.init, p.user, p.ignored) }

// ignore has the program ignore what it would ignore without Main. Those who
// pass signals on do not ignore them, since the program may want them all the
// same.
func (p place) ignore() {
	for _, s := range passedOn() {
		if p.ignored>>s.(unix.Signal)&1 == 1 {
			signal.Ignore(s)
		}
	}
}

// here is where this process runs, if that is in namespaces that Main made.
func here() (p place, inside bool) {
	id, err := kernel.CurrentID()
	if err != nil {
		return place{}, false
	}
	_, err = fmt.Sscanf(os.Getenv(marker), "%s %d %t %x", &p.id, &p.init, &p.user, &p.ignored)
	return p, err == nil && p.id == id
}

// parallelGinkgo says whether ginkgo runs this binary beside others.
func parallelGinkgo() bool {
	for _, arg := range os.Args[1:] {
		name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name == "ginkgo.parallel.total" && value != "1" {
			return true
		}
	}
	return false
}
