package harness

import (
	"context"
	"errors"
	"time"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/topologies"
)

// Check is one thing that labs use of the kernel or of the user's rights, and
// whether it is there, found out by using it.
type Check struct {
	// Name is what was tried, in a few words.
	Name string
	// Purpose is what labs use it for.
	Purpose string
	// Err is why it does not work; nil where it does.
	Err error
	// Advice is what to do about it where Err is not nil, and empty elsewhere.
	// It may have several lines.
	Advice string
	// Optional says that labs work without it.
	Optional bool
}

// Doctor tries everything that labs use, in namespaces of its own, and leaves
// nothing behind. It belongs inside [Main], as labs do. Once ctx ends it
// returns the checks made so far.
func Doctor(ctx context.Context) []Check {
	p := &patient{}
	defer p.discharge()
	var checks []Check
	for _, e := range examinations() {
		if ctx.Err() != nil {
			break
		}
		checks = append(checks, e.make(ctx, p))
	}
	return checks
}

// examination is a check and how it is made.
type examination struct {
	Check
	// alone says that the check needs no patient.
	alone bool
	try   func(context.Context, *patient) error
}

// examinations are all checks, each after those whose work it goes on from.
func examinations() (all []examination) {
	for _, group := range [][]examination{examineRights(), examineNetworks(), examineNATs(), examineFeatures(), examineLinks()} {
		all = append(all, group...)
	}
	return all
}

// checkTime bounds a single check.
const checkTime = 5 * time.Second

// errNotTried is what a check says that had no namespaces to try anything in.
var errNotTried = errors.New("not tried, since no network namespace could be made")

func (e examination) make(ctx context.Context, p *patient) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if !e.alone && len(p.made) == 0 {
		e.Err, e.Advice = errNotTried, ""
		return e.Check
	}
	if e.Err = e.try(ctx, p); e.Err == nil {
		e.Advice = ""
	}
	return e.Check
}

// patient is what the checks work in: a host on the left and one on the right
// of a router, which like those of labs tracks no connections, and a NAT that
// does.
type patient struct {
	made                     []*kernel.Namespace
	left, router, right, nat *kernel.Namespace
	unset                    error // why they are without their settings
	links                    *link.Emulator
}

// admit makes the namespaces, without their settings if it must be.
func (p *patient) admit() (err error) {
	if refusal != nil {
		return explain(refusal)
	}
	kinds := []topologies.Kind{topologies.Host, topologies.Transit, topologies.Host, topologies.NAT}
	settings := make([][]kernel.Sysctl, len(kinds))
	for i, k := range kinds {
		settings[i] = (&machine{Node: topologies.Node{Kind: k}}).settings()
	}
	if p.made, p.unset = kernel.NewNamespaces(settings); p.unset != nil {
		if p.made, err = kernel.NewNamespaces(make([][]kernel.Sysctl, len(kinds))); err != nil {
			return err
		}
	}
	p.left, p.router, p.right, p.nat = p.made[0], p.made[1], p.made[2], p.made[3]
	return nil
}

// discharge takes everything down. The checks are made by then, and nobody is
// there to tell of an error.
func (p *patient) discharge() {
	if p.links != nil {
		_ = p.links.Close()
	}
	_ = kernel.CloseAll(p.made)
}
