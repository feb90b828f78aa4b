package harness

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
)

func TestRouterTellsItsAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		nats NATs
		want string
	}{
		"Linux's own": {NATs{"a": profile(t, "openwrt")}, "203.0.113.2"},
		"none":        {NATs{"a": profile(t, "none")}, "203.0.113.2"},
		"owner":       {NATs{"a": owner(t, 3)}, "203.0.113.3 203.0.113.4 203.0.113.5"},
	} {
		t.Run(name, func(t *testing.T) {
			r := build(t, "one-nat", c.nats).Router("nat-a")
			if got := words(r.External()); got != c.want {
				t.Errorf("external addresses %s, want %s", got, c.want)
			}
			if r.Name() != "nat-a" || r.Profile().Name != c.nats["a"].Name {
				t.Errorf("router %s with profile %s", r.Name(), r.Profile().Name)
			}
		})
	}
}

func TestAnUnknownRouterIsAMistake(t *testing.T) {
	for topo, want := range map[string]string{
		"one-nat": `lab one-nat has no nat "transit-a"; it has nat-a`,
		"open":    `lab open has no nat "transit-a"; it has none`,
	} {
		func() {
			lab := build(t, topo, everySlot(topology(t, topo), profile(t, "none")))
			defer func() {
				if got := recover(); got != want {
					t.Errorf("Router panicked with %v, want %s", got, want)
				}
			}()
			lab.Router("transit-a")
		}()
	}
}

// What a router starts sees the router's network.
func TestAProgramOnARouter(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "none")))
	var out strings.Builder
	cmd := exec.Command("cat", "/proc/thread-self/net/dev")
	cmd.Stdout = &out
	if err := lab.Router("nat-a").Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{"wan:", "lan:"} {
		if !slices.Contains(strings.Fields(out.String()), device) {
			t.Errorf("no %s among the devices of the router:\n%s", device, &out)
		}
	}
	missing := exec.Command("/nowhere/nat")
	want := "nat nat-a: start /nowhere/nat: fork/exec /nowhere/nat: no such file or directory"
	if err := lab.Router("nat-a").Start(missing); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Who puts rules of his own into a router in the place of the profile's can
// still reset the lab.
func TestResetLeavesTheRulesOfOthersAlone(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": kind(t, "cone")})
	r := lab.Router("nat-a")
	var own *nftables.Conn
	err := r.Do(func() (err error) {
		own, err = nftables.New(nftables.AsLasting())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := own.CloseLasting(); err != nil {
			t.Error(err)
		}
	}()
	own.FlushRuleset()
	own.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "own"})
	if err := own.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := lab.Reset(); err != nil {
		t.Error(err)
	}
	if tables, err := own.ListTables(); err != nil || len(tables) != 1 || tables[0].Name != "own" {
		t.Errorf("after a reset the tables are %v, %v; want own alone", tables, err)
	}
}
