package kernel

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/punchlab/punchlab/links"
)

// Byte for byte as include/uapi/linux/pkt_sched.h has the structures, on a
// little-endian machine.
func TestNetemOptions(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("written for a little-endian machine") // in CI too: the numbers would be the same, only turned round
	}
	const (
		noDelay  = "0c000a00" + "0000000000000000" + "0c000b00" + "0000000000000000" // TCA_NETEM_LATENCY64, JITTER64
		seeded   = "0c000e00" + "0700000000000000"                                   // TCA_NETEM_PRNG_SEED
		half     = "00000080"
		none     = "00000000"
		capacity = "ffff0000"
	)
	for name, c := range map[string]struct {
		of   links.Conditions
		want string
	}{
		// struct tc_netem_qopt {latency, limit, loss, gap, duplicate, jitter}
		"perfect": {links.Conditions{}, none + capacity + none + none + none + none + noDelay + seeded},
		"delay": {links.Conditions{Delay: 10 * time.Millisecond},
			// 156,250 ticks of 64 ns; 10,000,000 ns.
			"5a620200" + capacity + none + none + none + none + "0c000a00" + "8096980000000000" + "0c000b00" + "0000000000000000" + seeded},
		"loss and duplication": {links.Conditions{Loss: links.Loss{Good: 0.5}, Duplicate: 0.5},
			none + capacity + half + none + half + none + noDelay + seeded},
		"reordering": {links.Conditions{Delay: 64, Reorder: 0.5},
			"01000000" + capacity + none + "01000000" + none + none + "0c000a00" + "4000000000000000" + "0c000b00" + "0000000000000000" + seeded +
				"0c000300" + half + none}, // TCA_NETEM_REORDER {probability, correlation}
		"bursts": {links.Conditions{Loss: links.Loss{P: 0.5, R: 1, Good: 0, Bad: 1}},
			none + capacity + none + none + none + none + noDelay + seeded +
				"18000580" + "14000200" + half + "ffffffff" + none + none}, // TCA_NETEM_LOSS {NETEM_LOSS_GE {p, r, h, k1}}
	} {
		if got := hex.EncodeToString(netemOptions(c.of, 7)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
}

// The table of deviations is what its distribution is, in units of 8,192.
func TestDistributions(t *testing.T) {
	for name, c := range map[string]struct {
		normal          bool
		deviation, most float64
	}{"uniform": {false, 1 / math.Sqrt(3), 1}, "normal": {true, 1, 4}} {
		table := distribution(c.normal)
		if len(table) != 2*distributionSize {
			t.Fatalf("%s: %d bytes", name, len(table))
		}
		var sum, squares, most float64
		last := -math.MaxFloat64
		for i := 0; i < len(table); i += 2 {
			x := float64(int16(binary.NativeEndian.Uint16(table[i:]))) / distributionScale
			if x < last {
				t.Fatalf("%s: %v comes after %v", name, x, last)
			}
			last = x
			sum, squares, most = sum+x, squares+x*x, max(most, math.Abs(x))
		}
		if mean := sum / distributionSize; math.Abs(mean) > 0.001 {
			t.Errorf("%s: the mean is %v", name, mean)
		}
		if deviation := math.Sqrt(squares / distributionSize); math.Abs(deviation-c.deviation) > 0.01 {
			t.Errorf("%s: the standard deviation is %v, want %v", name, deviation, c.deviation)
		}
		if most > c.most {
			t.Errorf("%s: a deviation of %v, more than %v", name, most, c.most)
		}
	}
}

func TestRateOptions(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("written for a little-endian machine") // in CI too: the numbers would be the same, only turned round
	}
	got := hex.EncodeToString(rateOptions(links.Conditions{Rate: 8_000_000, Queue: 64_000}))
	want := "28000100" + // TCA_TBF_PARMS
		"0001000000000000" + "40420f00" + // struct tc_ratespec: Ethernet, 1,000,000 bytes a second
		"0000000000000000" + "00000000" + // no peak rate
		"00fa0000" + // a queue of 64,000 bytes
		"695c0000" + // 1,514 bytes take 1.514 ms: 23,657 ticks of 64 ns
		"00000000"
	if got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

// The kernel takes the rate as we write it, and changes it in place. It has this
// queueing discipline where netem is missing, too.
func TestTheKernelTakesRates(t *testing.T) {
	made, err := NewNamespaces([][]Sysctl{nil})
	if err != nil {
		t.Fatal(err)
	}
	defer made[0].Close()
	_, lo, err := made[0].find("lo")
	if err != nil {
		t.Fatal(err)
	}
	const root = 0xffffffff
	for _, rate := range []links.Rate{links.MinRate, 10_000_000, links.MaxRate} {
		if err := made[0].setQdisc(lo, root, rateHandle, "tbf", rateOptions(links.Conditions{Rate: rate})); err != nil {
			t.Errorf("%v: %v", rate, err)
		}
		if _, full, err := made[0].NetemDrops("lo"); err != nil || full != 0 {
			t.Errorf("%v: %d packets dropped, %v", rate, full, err)
		}
	}
}

func TestLimitSegments(t *testing.T) {
	made, err := NewNamespaces([][]Sysctl{nil, nil})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := CloseAll(made); err != nil {
			t.Error(err)
		}
	}()
	if err := Join(End{Namespace: made[0], Name: "left"}, End{Namespace: made[1], Name: "right"}); err != nil {
		t.Fatal(err)
	}
	if err := made[0].LimitSegments("left"); err != nil {
		t.Fatal(err)
	}
	_, left, err := made[0].find("left")
	if err != nil || left.Attrs().GSOMaxSegs != 1 {
		t.Errorf("%+v, %v: want one segment at most", left, err)
	}
}
