package natprofiles_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/natprofiles"
)

func TestTimeoutsAreWrittenAsPeopleWriteThem(t *testing.T) {
	for n, want := range map[int]string{
		0: "0s", 1: "1s", 10: "10s", 60: "1m", 90: "1m30s", 120: "2m", 3600: "1h", 3610: "1h0m10s", 7440: "2h4m", 7450: "2h4m10s",
		432000: "120h", 720 * 3600: "720h",
	} {
		if got := seconds(n).String(); got != want {
			t.Errorf("%d seconds: %s, want %s", n, got, want)
		}
	}
}

func TestTimeoutsComeBackFromTheirText(t *testing.T) {
	for _, n := range []int{1, 59, 60, 61, 3599, 3600, 3601, 3660, 86399, 432000, 2592000} {
		var back natprofiles.Timeout
		if err := back.UnmarshalText([]byte(seconds(n).String())); err != nil || back != seconds(n) {
			t.Errorf("%d seconds: %s, %v", n, back, err)
		}
	}
}

func TestBadTimeoutsAndIntervals(t *testing.T) {
	for _, text := range []string{"", "5", "-5s", "1.5s", "500ms", "0s", "721h", "0.5h", "5d", "1s1h", "+5s", "1e3s"} {
		var to natprofiles.Timeout
		if err := to.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("timeout %q is %s", text, to)
		}
	}
	for _, text := range []string{"", "-", "1024", "1024-", "-1024", "0-5", "5-4", "1-65536", "1 - 5", "1-2-3", "+1-5", "0x1-0x2"} {
		var i natprofiles.Interval
		if err := i.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("interval %q is %s", text, i)
		}
	}
}

// A profile comes back from its JSON as it was: results keep it so.
func TestProfilesComeBackFromJSON(t *testing.T) {
	for _, p := range natprofiles.All() {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back natprofiles.Profile
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if diff := cmp.Diff(p, back); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.Name, diff)
		}
	}
}
