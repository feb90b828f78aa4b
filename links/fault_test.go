package links_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/punchlab/punchlab/links"
)

func TestFaultsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]links.Fault{
		"transit-a up: drop SYN-ACK #1": {Link: "transit-a", Way: links.Up, Do: links.Drop, Class: links.SYNACK, First: 1, Last: 1},
		"transit-b down: delay ICMP-time-exceeded #1 by 30ms": {
			Link: "transit-b", Way: links.Down, Do: links.Delay, Class: links.Expiry, First: 1, Last: 1, By: 30 * time.Millisecond,
		},
		"transit-a up: corrupt any #3-5":     {Link: "transit-a", Way: links.Up, Do: links.Corrupt, Class: links.Any, First: 3, Last: 5},
		"transit-a up: duplicate data every": {Link: "transit-a", Way: links.Up, Do: links.Duplicate, Class: links.DATA},
		"t up: drop UDP every from alice to 198.51.100.2:3478": {
			Link: "t", Way: links.Up, Do: links.Drop, Class: links.UDP, From: links.End{Node: "alice"},
			To: links.End{Addr: netip.MustParseAddr("198.51.100.2"), Port: 3478},
		},
		"t down: delay RST #2 by 1.5s from nat-a:80 to bob": {
			Link: "t", Way: links.Down, Do: links.Delay, Class: links.RST, First: 2, Last: 2, By: 1500 * time.Millisecond,
			From: links.End{Node: "nat-a", Port: 80}, To: links.End{Node: "bob"},
		},
	} {
		got, err := links.ParseFault(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%s is written as %s", text, got)
		}
		var again links.Fault
		written, err := json.Marshal(got)
		if err == nil {
			err = json.Unmarshal(written, &again)
		}
		if err != nil || again != want {
			t.Errorf("%s as JSON: %s, %+v, %v", text, written, again, err)
		}
	}
	// Case and spaces do not matter where they mean nothing.
	got, err := links.ParseFault("  transit-a\tup:  DROP  syn-ack  #1 ")
	if want, _ := links.ParseFault("transit-a up: drop SYN-ACK #1"); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestFaultsThatCannotBeReadSayWhereAndWhatIsAllowed(t *testing.T) {
	const classes = "SYN, SYN-ACK, RST, FIN, ACK, data, UDP, ICMP, ICMP-time-exceeded, any"
	for text, want := range map[string]string{
		"":                                "column 1: the rule ends; want the name of a transit",
		"transit-a":                       "column 10: the rule ends; want a direction, up: or down:",
		"transit-a: drop SYN #1":          `column 12: "drop" is not one of up:, down:`,
		"transit-a upp: drop SYN #1":      `column 11: "upp:" is not one of up:, down:; did you mean up?`,
		"transit-a up drop SYN #1":        "column 11: no colon behind up; want up:",
		"transit-a up: dorp SYN #1":       `column 15: "dorp" is not one of drop, delay, duplicate, corrupt; did you mean drop?`,
		"transit-a up: drop":              "column 19: the rule ends; want a class of packets: " + classes,
		"transit-a up: drop SYNACK #1":    `column 20: "SYNACK" is not one of ` + classes + "; did you mean SYN-ACK?",
		"transit-a up: drop SYN":          "column 23: the rule ends; want which of them: #1, #1-3 or every",
		"transit-a up: drop SYN 1":        `column 24: "1" is not which of them: #1, #1-3 or every; they are counted from 1`,
		"transit-a up: drop SYN #0":       `column 24: "#0" is not which of them: #1, #1-3 or every; they are counted from 1`,
		"transit-a up: drop SYN #3-2":     `column 24: "#3-2" is not which of them: #1, #1-3 or every; they are counted from 1`,
		"transit-a up: delay SYN #1":      "column 27: the rule ends; want by and a duration, such as by 30ms",
		"transit-a up: delay SYN #1 30ms": `column 28: "30ms" is not by; a delay wants by and a duration, such as by 30ms`,
		"transit-a up: delay SYN #1 by 0": `column 31: "0" is not a duration above 0s and up to 10s, such as 30ms`,
		"t up: drop SYN #1 by 30ms":       "column 19: by belongs to delay, and this rule is to drop",
		"t up: drop SYN #1 form bob":      `column 19: "form" is not one of from, to; did you mean from?`,
		"t up: drop SYN #1 to":            "column 21: the rule ends; want a host, or an address such as 198.51.100.2:3478",
		"t up: drop SYN #1 to bob to bob": "column 26: to is given twice",
		"t up: drop SYN #1 to bob:x":      `column 22: "bob:x": port "x" is not from 1 to 65535`,
		"t up: drop SYN #1 to 1.2.3:7":    `column 22: "1.2.3:7" is neither the name of a node nor an IPv4 address, with :PORT or without`,
	} {
		_, err := links.ParseFault(text)
		if want := `"` + text + `": ` + want; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestHits(t *testing.T) {
	for which, want := range map[string][4]bool{
		"#1": {true, false, false, false}, "#2-3": {false, true, true, false}, "every": {true, true, true, true},
	} {
		f, err := links.ParseFault("t up: drop SYN " + which)
		if err != nil {
			t.Fatal(err)
		}
		for i, hit := range want {
			if f.Hits(i+1) != hit {
				t.Errorf("%s hits packet %d: %v, want %v", which, i+1, !hit, hit)
			}
		}
	}
}

// Whatever can be read, is written as what is read as the same.
func FuzzParseFault(f *testing.F) {
	f.Add("transit-a up: drop SYN-ACK #1")
	f.Add("t down: delay RST #2-9 by 1.5s from nat-a:80 to 192.0.2.1")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := links.ParseFault(text)
		if err != nil {
			return
		}
		if again, err := links.ParseFault(first.String()); err != nil || again != first {
			t.Errorf("%q is %+v, written as %q, read again as %+v, %v", text, first, first, again, err)
		}
	})
}
