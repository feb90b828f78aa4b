// Package verify proves NAT profiles: it puts a profile into a lab and finds
// out by packets alone, as observers inside and outside could, what every one
// of its fields really is. It reads no rules, no tables and no connection
// tracking, and shares no code with what makes the rules, so that the two
// cannot share a mistake.
package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
)

// Options are what can be chosen of a verification. The zero value proves
// everything but timers.
type Options struct {
	// Timers says whether to prove timers as well, which takes some seconds.
	Timers bool
	// Parallel is how many profiles All proves side by side; 0 means
	// DefaultParallel.
	Parallel int
	// Install gives what is put into the lab in place of the declared profile;
	// nil means the profile itself. It is for those who test the prover.
	Install func(natprofiles.Profile) natprofiles.Profile
	// Prepare is called with every lab before it is probed, and again each time
	// that the lab was reset: to put a NAT of one's own into its router, whose
	// name is [Router].
	Prepare func(context.Context, *harness.Lab) error
}

// Router is the name that the NAT under test has in the lab that Prepare gets.
const Router = router

// Report is what came of a verification.
type Report struct {
	Profile string `json:"profile"`
	// OK says that every field is as declared.
	OK     bool    `json:"ok"`
	Fields []Field `json:"fields"`
}

// Profile proves one profile in labs of its own. A field that is not as declared,
// or that could not be measured, is a finding and makes the report not OK; an
// error is returned only where no lab could be built or where one did not
// deliver packets that it must. It may be called concurrently.
func Profile(ctx context.Context, p natprofiles.Profile, o Options) (Report, error) {
	found := findings{}
	if err := run(ctx, o, o.jobs(p), found); err != nil {
		return Report{}, fmt.Errorf("verify %s: %w", p.Name, err)
	}
	found.delay()
	return found.report(p, o.Timers), nil
}

// findings are what was measured.
type findings map[key]word

// note keeps what a probe has found, or why it has found nothing. Other errors
// are returned.
func (f findings) note(field string, of protocol, found word, err error) error {
	var none unmeasured
	switch {
	case errors.As(err, &none):
		f[key{field, of}] = "not measured: " + none.Error()
		return nil
	case err == nil:
		f[key{field, of}] = found
	}
	return err
}

// join makes one finding of those of both protocols.
func (f findings) join(field string) {
	a, measured := f[key{field, tcp}]
	b, too := f[key{field, udp}]
	switch {
	case measured && too && a == b:
		f[key{field, 0}] = a
	case measured && too:
		f[key{field, 0}] = wordf("%s for TCP, %s for UDP", a, b)
	}
}

// delay corrects what was found at once by what was found later, of a NAT that
// was silent at first.
func (f findings) delay() {
	at := key{"unsolicited", tcp}
	if later, ok := f[key{"unsolicited after a while", tcp}]; ok && f[at] == word(natprofiles.Drop) {
		f[at] = later
	}
}

// report compares what was found with what a profile says.
func (f findings) report(p natprofiles.Profile, timers bool) Report {
	r := Report{Profile: p.Name, OK: true}
	for _, c := range claims(p, timers) {
		measured, ok := f[c.key]
		if !ok {
			measured = "not measured"
		}
		field := Field{c.field, c.text(), c.says, measured, ok && means(c.protocol, c.says, measured)}
		if field.OK {
			field.Measured = c.says
		}
		r.OK = r.OK && field.OK
		r.Fields = append(r.Fields, field)
	}
	return r
}
