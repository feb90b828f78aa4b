package verify

import (
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/busytest"
	"github.com/punchlab/punchlab/natprofiles"
)

// TestSoak proves NATs of the nine classes over and over again, every other time
// with rules from a profile in which one field was changed: no verdict may be
// wrong. PUNCHLAB_SOAK says how many verifications, during which all processors
// are kept busy with other work; without it there are two of each class.
func TestSoak(t *testing.T) {
	harness.Need(t)
	classes := nineClasses()
	total, _ := strconv.Atoi(os.Getenv("PUNCHLAB_SOAK"))
	if total == 0 {
		total = 2 * len(classes)
	} else {
		defer busytest.Keep(t)()
	}
	seed := rand.Uint64()
	t.Logf("%d verifications, seed %d", total, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	work := make(chan func(), runtime.NumCPU())
	done := make(chan struct{})
	for range cap(work) {
		go func() {
			for f := range work {
				f()
			}
			done <- struct{}{}
		}()
	}
	for i := range total {
		p := classes[i/2%len(classes)]
		m := mutation{field: "nothing", change: func(*natprofiles.Profile) {}}
		if i%2 == 1 {
			m = aptMutation(random, p)
		}
		work <- func() { soak(t, p, m) }
	}
	close(work)
	for range cap(work) {
		<-done
	}
}

// soak makes one verification.
func soak(t *testing.T, p natprofiles.Profile, m mutation) {
	r, err := Profile(t.Context(), p, Options{Install: func(p natprofiles.Profile) natprofiles.Profile {
		m.change(&p)
		return p
	}})
	switch {
	case err != nil:
		t.Errorf("%s, %s changed: %v", p.Name, m.field, err)
	case r.OK != (m.field == "nothing"):
		t.Errorf("%s, %s changed: judged %t\n%s", p.Name, m.field, r.OK, table(r))
	}
}

// nineClasses are all pairs of mapping and filtering.
func nineClasses() []natprofiles.Profile {
	var all []natprofiles.Profile
	dependences := []natprofiles.Dependence{
		natprofiles.EndpointIndependent, natprofiles.AddressDependent, natprofiles.AddressAndPortDependent,
	}
	for _, mapping := range dependences {
		for _, filtering := range dependences {
			p := with(ours, both(func(t *natprofiles.Transport) { t.Mapping, t.Filtering = mapping, filtering }))()
			p.Name = string(mapping) + " mapping, " + string(filtering) + " filtering"
			all = append(all, p)
		}
	}
	return all
}

// aptMutation draws a mutation that changes a profile and needs no waiting.
func aptMutation(random *rand.Rand, p natprofiles.Profile) mutation {
	all := mutations()
	for {
		m := all[random.IntN(len(all))]
		changed := p
		m.change(&changed)
		if !m.timers && reflect.DeepEqual(m.base(), ours()) && !reflect.DeepEqual(changed, p) {
			return m
		}
	}
}
