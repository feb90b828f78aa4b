package capture

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/harness/recording"
)

// A message as Linux 6.18 sends it on a little-endian machine, about a SYN that a
// NAT has sent on: header, nfgenmsg, both tuples, identifier, status, zone,
// timeout, state, and the time.
const newConnection = `
	b8000000 0001 0006 00000000 00000000 02000000
	3400 0180 1400 0180 0800 0100 c0a80102 0800 0200 c0000202
	          1c00 0280 0500 0100 06000000 0600 0200 d2ac0000 0600 0300 10e10000
	3400 0280 1400 0180 0800 0100 c0000202 0800 0200 cb007102
	          1c00 0280 0500 0100 06000000 0600 0200 10e10000 0600 0300 dedc0000
	0800 0c00 d3725a24
	0800 0300 00000198
	0600 1200 00070000
	0800 0700 00000078
	1000 0480 0c00 0180 0500 0100 01000000
	0c00 1b00 17dfe4a1b2c3d4e5`

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseReadsAllOfAMessage(t *testing.T) {
	read := time.Unix(1, 0)
	b := bytesOf(t, newConnection)
	got, err := parse(b, "nat-a", read)
	if err != nil {
		t.Fatal(err)
	}
	want := []recording.Flow{{
		At: time.Unix(0, 0x17dfe4a1b2c3d4e5), Stamped: true, Node: "nat-a", Event: recording.New, ID: 0xd3725a24, Protocol: 6,
		Original: recording.Tuple{Source: netip.MustParseAddrPort("192.168.1.2:53932"), Destination: netip.MustParseAddrPort("192.0.2.2:4321")},
		Reply:    recording.Tuple{Source: netip.MustParseAddrPort("192.0.2.2:4321"), Destination: netip.MustParseAddrPort("203.0.113.2:57052")},
		State:    "SYN_SENT", Timeout: 2 * time.Minute, Zone: 7,
		Status: recording.SourceRewritten | recording.Confirmed | recording.SourceConsidered | recording.TargetConsidered,
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// An event without a time of the kernel's has that of its reading.
func TestParseSaysWhoseTimeItIs(t *testing.T) {
	read := time.Unix(1, 0)
	b := bytesOf(t, newConnection)
	for what, cut := range map[string]int{"a kernel before 6.14": 12, "all of it": 0} {
		whole := append([]byte(nil), b[:len(b)-cut]...)
		whole[0] = byte(len(whole))
		got, err := parse(whole, "nat-a", read)
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		if got[0].Stamped != (cut == 0) || got[0].At.Equal(read) != (cut > 0) {
			t.Errorf("%s: %v, stamped %v", what, got[0].At, got[0].Stamped)
		}
	}
}

func TestParseTellsEventsApart(t *testing.T) {
	for _, c := range []struct {
		kind, flags string
		want        recording.Event
	}{{"0001", "0006", recording.New}, {"0001", "0000", recording.Update}, {"0201", "0000", recording.Destroy}, {"0101", "0000", ""}, {"0002", "0006", ""}} {
		b := bytesOf(t, strings.Replace(newConnection, "0001 0006", c.kind+c.flags, 1))
		got, err := parse(append(b, b...), "nat-a", time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 2 || got[0].Event != c.want || got[1].Event != c.want) {
			t.Errorf("two messages %s with flags %s are %v, want two of %q", c.kind, c.flags, got, c.want)
		}
	}
}

// What the kernel never sends must not be read beyond its end.
func FuzzParse(f *testing.F) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(newConnection), ""))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parse(b, "nat", time.Unix(1, 0)) })
}
