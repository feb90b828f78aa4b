package harness

import (
	"os"
	"testing"
)

// No interface of a lab has a setting of its own that differs from what its
// machine's settings say for all.
func TestEveryInterfaceHasItsSettings(t *testing.T) {
	lab := buildTopology(t, estate, everySlot(estate, owner(t, 1)))
	for _, n := range lab.nodes {
		want := map[string]string{"rp_filter": "0", "accept_redirects": "0", "send_redirects": "0"}
		switch n.Kind {
		case "":
			want["rp_filter"] = "1"
		case "host":
			delete(want, "send_redirects") // a host forwards nothing
		}
		for _, i := range n.interfaces {
			for setting, value := range want {
				var got []byte
				err := n.ns.Do(func() (err error) {
					got, err = os.ReadFile("/proc/sys/net/ipv4/conf/" + i.Name + "/" + setting)
					return err
				})
				if err != nil || string(got) != value+"\n" {
					t.Errorf("%s: %s of %s is %q, %v; want %s", n.Name, setting, i.Name, got, err, value)
				}
			}
		}
	}
}
