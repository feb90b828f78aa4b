package natprofiles

import "github.com/punchlab/punchlab/internal/strictyaml"

// shape is a profile as it is written. The JSON Schema is made from it and from
// the types below: the comments of fields are what editors show, and speak to
// the author of a file.
type shape struct {
	// What behaves so, in one line.
	Summary string `yaml:"summary" jsonschema:"required,minLength=1"`
	// Devices and systems that behave so, with their versions.
	SeenOn []string `yaml:"seen-on"`
	// Where the fields are known from.
	Sources []source `yaml:"sources"`
	// Other names of the profile.
	Aliases []string `yaml:"aliases"`
	// Free words to choose profiles by.
	Tags []string `yaml:"tags"`
	// False for a router that translates nothing: a stateful firewall, or with filtering none one that only forwards.
	Translate bool `yaml:"translate" jsonschema:"default=true"`
	transport
	// What is true of TCP alone. A field here goes before the same field outside.
	TCP tcpShape `yaml:"tcp"`
	// What is true of UDP alone. A field here goes before the same field outside.
	UDP udpShape `yaml:"udp"`
	// The external addresses.
	Addresses addressesShape `yaml:"addresses"`
	// How many mappings may exist at a time. Without it a lab keeps 65,535 of TCP and UDP together.
	Limits limitsShape `yaml:"limits"`
	// Whether a rule guards the router's own TCP and UDP from the outside, or its own stack answers. Only with ports.overloading.
	Input Input `yaml:"input" jsonschema:"default=filtered"`
	// What becomes of packets that connection tracking calls invalid: forward lets them out untranslated. Only with ports.overloading.
	Invalid Invalid `yaml:"invalid" jsonschema:"default=forward"`
}

type source struct {
	// A document, a file of source code, or a measurement.
	Ref string `yaml:"ref" jsonschema:"required,minLength=1"`
	// How far the source goes. Documented: by the maker's documentation or source code. Measured: somebody has tried it. Assumed: neither, and it is likely.
	Says Claim `yaml:"says" jsonschema:"required"`
	// The fields that it is the source of, such as ports.allocation or tcp.timeouts.
	Fields []field `yaml:"fields" jsonschema:"required,minItems=1"`
}

// transport holds the fields that stand outside, for TCP and UDP alike, and in
// the block of a protocol.
type transport struct {
	// What a mapping depends on: the inside endpoint alone, or the destination's address, or its address and port (RFC 4787 section 4.1).
	Mapping mapping `yaml:"mapping"`
	// Whose packets may come in through a mapping: anybody's, those of addresses or of endpoints that the inside host has sent to (RFC 4787 section 5). None is for a router that only forwards.
	Filtering Dependence `yaml:"filtering"`
	// How a mapping gets its external port.
	Ports portsShape `yaml:"ports"`
	// What becomes of a packet from inside to an external endpoint of the same NAT: dropped, or delivered with its internal or its external source (RFC 4787 section 6).
	Hairpin Hairpin `yaml:"hairpin" jsonschema:"default=none"`
	// The answer to a packet that belongs to no mapping or that filtering refuses (RFC 5382 REQ-4). For UDP, reset is a port unreachable, and icmp-after-6s is drop.
	Unsolicited Answer `yaml:"unsolicited"`
	// Whether ICMP errors about a session reach the inside host (RFC 5508 REQ-4).
	ICMPErrors Passage `yaml:"icmp-errors" jsonschema:"default=forward"`
	// What an ICMP error does to the mapping that it is about (RFC 4787 REQ-12, RFC 5382 REQ-10).
	AfterICMP Fate `yaml:"after-icmp" jsonschema:"default=keep"`
}

type tcpShape struct {
	transport
	// What becomes of a SYN that meets an outbound SYN: simultaneous open (RFC 5382 REQ-2).
	CrossedSYN Crossing `yaml:"crossed-syn" jsonschema:"default=accept"`
	// What a RST from outside that answers a SYN does to the mapping (RFC 7857 section 2.2).
	AfterReset Fate `yaml:"after-reset" jsonschema:"default=close"`
	// Whether sequence numbers are rewritten.
	Sequence Sequence `yaml:"sequence" jsonschema:"default=keep"`
	// How long a mapping lasts that nothing uses.
	Timeouts tcpTimeouts `yaml:"timeouts"`
}

type tcpTimeouts struct {
	// From a SYN that has not been answered.
	SYNSent Timeout `yaml:"syn-sent" jsonschema:"default=2m"`
	// From the last packet of an established session (RFC 5382 REQ-5).
	Established Timeout `yaml:"established" jsonschema:"default=2h4m"`
	// From the last packet after a FIN.
	Closing Timeout `yaml:"closing" jsonschema:"default=4m"`
	// From the last packet after a RST that ended an established session.
	Closed Timeout `yaml:"closed" jsonschema:"default=10s"`
	// Whose packets start the time anew: either side's, or the inside host's alone (RFC 4787 REQ-6).
	Refresh Refresh `yaml:"refresh" jsonschema:"default=both"`
}

type udpShape struct {
	transport
	// How long a mapping lasts that nothing uses.
	Timeouts udpTimeouts `yaml:"timeouts"`
}

type udpTimeouts struct {
	// From a datagram to an endpoint that has sent none back.
	Unreplied Timeout `yaml:"unreplied" jsonschema:"default=30s"`
	// From the last datagram where both ends have sent some (RFC 4787 REQ-5).
	Stream Timeout `yaml:"stream" jsonschema:"default=2m"`
	// Whose packets start the time anew: either side's, or the inside host's alone (RFC 4787 REQ-6).
	Refresh Refresh `yaml:"refresh" jsonschema:"default=both"`
}

type portsShape struct {
	// How a mapping gets its port: the inside port (preserve), the next one (sequential), any (random), or one of a block that belongs to the inside host.
	Allocation Allocation `yaml:"allocation" jsonschema:"default=preserve"`
	// What happens where the inside port is taken or out of range. Only for allocation preserve.
	OnConflict fallback `yaml:"on-conflict" jsonschema:"default=random"`
	// The ports that may be given out: lo-hi, or a list of such ranges; 1024-65535 if left out.
	Range strictyaml.OneOrMore[Interval] `yaml:"range"`
	// The distance from one port to the next where ports are sequential; negative counts down.
	Step int `yaml:"step" jsonschema:"default=1"`
	// The block of ports of an inside host. Only for allocation block.
	Block blockShape `yaml:"block"`
	// Whether an even inside port gets an even external one and an odd one an odd one (RFC 4787 section 4.2.2).
	Parity bool `yaml:"parity" jsonschema:"default=false"`
	// Whether two inside hosts may have one external port at a time, towards different endpoints (RFC 4787 section 4.2.1). Such a NAT is Linux's own masquerade, and can do what that can.
	Overloading bool `yaml:"overloading" jsonschema:"default=false"`
}

type blockShape struct {
	// How many ports an inside host gets.
	Size int `yaml:"size" jsonschema:"required,minimum=1,maximum=65535"`
	// How a port of the block is chosen.
	Inside inside `yaml:"inside" jsonschema:"default=random"`
}

type addressesShape struct {
	// How many external addresses there are.
	Count int `yaml:"count" jsonschema:"minimum=1,maximum=8,default=1"`
	// How one of several is chosen: one for all mappings of an inside host, or any for each mapping (RFC 4787 REQ-2).
	Pooling Pooling `yaml:"pooling" jsonschema:"default=paired"`
}

type limitsShape struct {
	// The most mappings in all, of TCP and UDP together.
	Mappings int `yaml:"mappings" jsonschema:"minimum=1,maximum=262144"`
	// The most mappings of one inside host.
	PerHost int `yaml:"per-host" jsonschema:"minimum=1,maximum=65535"`
	// What an inside host gets that asks for one too many, or for one when no port is left.
	AtLimit refusal `yaml:"at-limit" jsonschema:"default=drop"`
}
