package harness

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/leaktest"
)

// Where tests of labs run, the doctor finds nothing missing that labs need.
func TestDoctorFindsWhatLabsNeed(t *testing.T) {
	Need(t)
	for _, c := range Doctor(t.Context()) {
		switch {
		case c.Err != nil && !c.Optional:
			t.Errorf("%s: %v", c.Name, c.Err)
		case c.Err != nil:
			t.Logf("without %s (optional): %v", c.Name, c.Err)
		}
	}
}

func TestDoctorTellsWhatToDo(t *testing.T) {
	var names []string
	for _, e := range examinations() {
		failing := e
		failing.alone = true
		failing.try = func(context.Context, *patient) error { return unix.EOPNOTSUPP }
		c := failing.make(t.Context(), &patient{})
		if c.Name == "" || c.Purpose == "" || c.Advice == "" || !errors.Is(c.Err, unix.EOPNOTSUPP) {
			t.Errorf("a failure is told as %+v", c)
		}
		if strings.HasSuffix(c.Advice, "\n") {
			t.Errorf("%s: the advice ends in an empty line", c.Name)
		}
		if slices.Contains(names, c.Name) {
			t.Errorf("two checks are called %s", c.Name)
		}
		names = append(names, c.Name)

		working := failing
		working.try = func(context.Context, *patient) error { return nil }
		if c := working.make(t.Context(), &patient{}); c.Err != nil || c.Advice != "" {
			t.Errorf("what works is told as %+v", c)
		}
	}
}

// Where Main was refused its namespaces, the doctor makes none either, and
// tells so once.
func TestDoctorTriesNothingWithoutNamespaces(t *testing.T) {
	before := refusal
	t.Cleanup(func() { refusal = before })
	refusal = unix.EPERM
	checks := Doctor(t.Context())
	if len(checks) != len(examinations()) {
		t.Errorf("%d of %d checks told", len(checks), len(examinations()))
	}
	refused := 0
	for _, c := range checks {
		switch {
		case errors.Is(c.Err, unix.EPERM) && c.Name == "network namespaces":
			refused++
			if !strings.Contains(c.Advice, "privileged") {
				t.Errorf("the advice for %s is %q", c.Name, c.Advice)
			}
		case errors.Is(c.Err, errNotTried) && c.Advice != "":
			t.Errorf("%s was not tried, and has the advice %q", c.Name, c.Advice)
		case c.Name == "veth pairs" && !errors.Is(c.Err, errNotTried):
			t.Errorf("%s: %v, want that it was not tried", c.Name, c.Err)
		}
	}
	if refused != 1 {
		t.Errorf("the refusal was told %d times", refused)
	}
}

func TestDoctorStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if checks := Doctor(ctx); len(checks) != 0 {
		t.Errorf("%d checks were made after the end", len(checks))
	}
}

func TestDoctorLeavesNothingBehind(t *testing.T) {
	Need(t)
	Doctor(t.Context()) // opens what is opened once
	leaktest.Watch(t)
	Doctor(t.Context())
}

// programDoctor prints the errors of the checks by their names, in place.
func programDoctor() {
	found := map[string]string{}
	for _, c := range Doctor(context.Background()) {
		if c.Err != nil {
			found[c.Name] = c.Err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}

func TestDoctorFindsWhatIsForbidden(t *testing.T) {
	var found map[string]string
	if err := json.Unmarshal([]byte(output(t, forbidden(t, "doctor"))), &found); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"network namespaces", "user namespaces"} {
		if !strings.Contains(found[name], "no space left on device") {
			t.Errorf("%s: %q, want that the limit of namespaces is reached", name, found[name])
		}
	}
	if found["veth pairs"] != errNotTried.Error() {
		t.Errorf("veth pairs: %q, want %q", found["veth pairs"], errNotTried)
	}
}
