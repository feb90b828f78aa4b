package main

import (
	"errors"
	"testing"

	"github.com/punchlab/punchlab/harness/verify"
)

// TestVerdict keeps what is told of a profile.
func TestVerdict(t *testing.T) {
	good := verify.Field{Field: "translate", Declared: "true", Measured: "true", OK: true}
	bad := verify.Field{Field: "mapping", Protocol: "tcp", Declared: "endpoint-independent", Measured: "address-dependent"}
	for _, c := range []struct {
		fields  []verify.Field
		verbose bool
		want    string
	}{
		{[]verify.Field{good}, false, "✓ home: all 1 fields are as declared\n"},
		{[]verify.Field{good, bad}, false, "✗ home: 1 of 2 fields are not as declared\n" +
			"       field    protocol  declared              measured\n" +
			"    ✗  mapping  tcp       endpoint-independent  address-dependent\n"},
		{[]verify.Field{good}, true, "✓ home: all 1 fields are as declared\n" +
			"       field      protocol  declared  measured\n" +
			"    ✓  translate  –         true      true\n"},
	} {
		if got := verdict(verify.Report{Profile: "home", Fields: c.fields}, c.verbose, 0); got != c.want {
			t.Errorf("got\n%swant\n%s", got, c.want)
		}
	}
}

// TestOutcome says with which status nat verify ends.
func TestOutcome(t *testing.T) {
	broken := errors.New("no lab")
	for _, c := range []struct {
		wrong int
		err   error
		want  int
	}{{0, nil, statusDone}, {1, nil, statusFailed}, {1, failed(broken), statusFailed}, {0, failed(broken), statusFailed}} {
		v := &verdicts{wrong: c.wrong}
		if got := exit(errors.Join(c.err, v.outcome(c.err)), statusMisuse); got != c.want {
			t.Errorf("%d wrong, %v: status %d", c.wrong, c.err, got)
		}
	}
}
