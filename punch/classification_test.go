package punch

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// kinds are classifications of all sorts of NATs, and of none: every mapping with every filtering, every allocation and
// every answer.
func kinds() (all []Classification) {
	for _, mapping := range []Dependence{None, EndpointIndependent, AddressDependent, AddressAndPortDependent} {
		for _, filtering := range []Dependence{None, EndpointIndependent, AddressDependent, AddressAndPortDependent} {
			if filtering == None && mapping != None {
				continue
			}
			for _, ports := range []Allocation{
				{Rule: Preserve}, {Rule: Sequential, Step: 1, Regularity: 1}, {Rule: Sequential, Step: -2, Regularity: 0.5},
				{Rule: Random}, {Rule: Block, Low: 2048, High: 2559}, {Rule: Block, Low: 1024, High: 1087},
			} {
				if mapping == None && ports.Rule != Preserve {
					continue
				}
				for _, answer := range []Answer{Drop, Reset, ICMP} {
					for _, after := range []Finding{Yes, No} {
						c := Classification{
							Version: ClassificationVersion, Mapping: mapping, Filtering: filtering,
							Ports: ports, Answer: answer, AfterICMP: after, Hairpin: after,
							External: netip.MustParseAddr("203.0.113.7"),
						}
						if after == Yes {
							c.ArmingTTL = 2
						}
						all = append(all, c)
					}
				}
			}
		}
	}
	return all
}

func TestAClassificationTravelsAsJSON(t *testing.T) {
	for _, c := range append(kinds(), Classification{Version: 1}, Classification{
		Version: 1, Mapping: EndpointIndependent, Filtering: AddressDependent, Nested: Yes, NATHop: 2, PublicHop: 4, ArmingTTL: 3,
		Disturbed: No, Doubts: []string{"the external address changed"},
	}) {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseClassification(text)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
		if len(text) > 1024 {
			t.Errorf("%d bytes are much for a note: %s", len(text), text)
		}
	}
}

func TestAClassificationPrintsAsOneLine(t *testing.T) {
	for want, c := range map[string]Classification{
		"not known": {},
		"no NAT":    {Mapping: None, Filtering: None},
		"no translation, address-dependent filtering, answers unsolicited SYNs with drop": {
			Mapping: None, Filtering: AddressDependent, Answer: Drop},
		"address-and-port-dependent mapping, address-dependent filtering, ports sequential -2": {
			Mapping: AddressAndPortDependent, Filtering: AddressDependent, Ports: Allocation{Rule: Sequential, Step: -2}},
		"endpoint-independent mapping, address-and-port-dependent filtering, ports block 2048-2559, " +
			"answers unsolicited SYNs with icmp, does not hairpin, nested, closes on ICMP errors, opened by a TTL of 3": {
			Mapping: EndpointIndependent, Filtering: AddressAndPortDependent, Ports: Allocation{Rule: Block, Low: 2048, High: 2559},
			Answer: ICMP, Hairpin: No, Nested: Yes, AfterICMP: No, ArmingTTL: 3},
	} {
		if got := c.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestWhatNoMeasurementCanComeToIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                                                                       "unexpected end",
		`{"version":2}`:                                                           "its version 2 is newer than 1, which is understood here",
		`{"version":0}`:                                                           "version 0 is not 1",
		`{"version":1,"mapping":"symmetric"}`:                                     `mapping "symmetric"`,
		`{"version":1,"filtering":"cone"}`:                                        `filtering "cone"`,
		`{"version":1,"answer":"shout"}`:                                          `answer "shout"`,
		`{"version":1,"hairpin":"maybe"}`:                                         `finding "maybe"`,
		`{"version":1,"ports":{"rule":"lottery"}}`:                                `port allocation "lottery"`,
		`{"version":1,"ports":{"rule":"sequential"}}`:                             "a sequential allocation without a step",
		`{"version":1,"ports":{"rule":"random","step":2}}`:                        "a step of 2 with ports that are not sequential",
		`{"version":1,"ports":{"rule":"sequential","step":9999}}`:                 "a step of 9999",
		`{"version":1,"ports":{"rule":"block","low":9,"high":8}}`:                 "a block from 9 to 8",
		`{"version":1,"ports":{"rule":"sequential","step":1,"regularity":1.5}}`:   "a regularity of 1.5",
		`{"version":1,"mapping":"none","nested":"yes"}`:                           "several NATs, none of which translates",
		`{"version":1,"mapping":"endpoint-independent","filtering":"none"}`:       "a NAT that maps and lets everything in",
		`{"version":1,"nat-hop":4,"public-hop":2}`:                                "a NAT 4 routers away, behind the public one 2 away",
		`{"version":1,"arming-ttl":-1}`:                                           "a distance of -1",
		`{"version":1,"external":"2001:db8::1"}`:                                  "which is not IPv4",
		`{"version":1,"mapping":"none","filtering":"none","ports":{"low":70000}}`: "cannot unmarshal",
	} {
		c, err := ParseClassification([]byte(text))
		if !errors.Is(err, ErrClassification) || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(c, Classification{}) {
			t.Errorf("%s: got %+v, %v; want %s", text, c, err, want)
		}
	}
}
