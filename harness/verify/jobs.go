package verify

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/natprofiles"
)

// job is what is found out in a lab of its own. A job that waits keeps no
// processor busy, so that all jobs of a profile can wait at the same time.
type job struct {
	// installed is what the lab gets; it is the declared profile, or one that
	// differs in its timers.
	installed natprofiles.Profile
	measure   func(*scene, findings) error
}

// jobs are what there is to do for a profile.
func (o Options) jobs(p natprofiles.Profile) []job {
	all := []job{{p, func(s *scene, found findings) error { return s.observe(p, found) }}}
	answer := p.TCP.Unsolicited
	if answer == natprofiles.DelayedUnreachable || o.Timers && answer == natprofiles.Drop {
		all = append(all, job{p, func(s *scene, found findings) error { return s.outlast(p, found) }})
	}
	if lifted, hidden := withoutLimits(p); hidden {
		all = append(all, job{lifted, func(s *scene, found findings) error { return s.blocks(lifted, found) }})
	}
	if scarce, plenty := withFewPorts(p); plenty {
		all = append(all, job{scarce, func(s *scene, found findings) error { return s.exhaust(scarce, found) }})
	}
	if !o.Timers || forwards(p) {
		return all
	}
	for _, st := range states {
		all = append(all, job{st.withShort(p), func(s *scene, found findings) error { return s.lifetimes(st, p, found) }})
	}
	return all
}

// outlast finds out whether a NAT that is silent about SYNs stays so.
func (s *scene) outlast(hint natprofiles.Profile, found findings) error {
	p := &prober{scene: s, protocol: tcp, hint: hint, translates: hint.Translate}
	answer, err := p.patience()
	return found.note("unsolicited after a while", tcp, answer, err)
}

// run does all jobs side by side.
func run(ctx context.Context, o Options, all []job, found findings) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wait  sync.WaitGroup
		mutex sync.Mutex
		errs  []error
	)
	for _, j := range all {
		wait.Go(func() {
			own := findings{}
			err := kernel.Pinned(func() error { return o.do(ctx, j, own) })
			if err != nil {
				cancel()
			}
			mutex.Lock()
			defer mutex.Unlock()
			errs = append(errs, err)
			maps.Copy(found, own)
		})
	}
	wait.Wait()
	return first(errs)
}

// first is the first error that is not only the end of another job.
func first(errs []error) error {
	var ended error
	for _, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, context.Canceled):
			ended = err
		default:
			return err
		}
	}
	return ended
}

// attempts is how often a job is begun anew on a machine that is too busy.
const attempts = 3

// do opens a lab for a job and does it there.
func (o Options) do(ctx context.Context, j job, found findings) error {
	for attempt := 1; ; attempt++ {
		err := o.attempt(ctx, j, found)
		if !errors.Is(err, errLate) || attempt == attempts {
			return err
		}
		clear(found)
	}
}

func (o Options) attempt(ctx context.Context, j job, found findings) (err error) {
	installed := j.installed
	if o.Install != nil {
		installed = o.Install(installed)
	}
	s, err := openScene(ctx, installed, o.Prepare)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return j.measure(s, found)
}
