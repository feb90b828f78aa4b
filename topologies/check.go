package topologies

import (
	"regexp"
	"slices"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/links"
)

const (
	// maxDelay bounds a whole round trip as it does one link.
	maxDelay = links.MaxDelay
	// maxAddresses bounds the addresses of one host.
	maxAddresses = 8
	// maxNodes bounds a lab's cost: each node is a network namespace of its own.
	maxNodes = 64
)

// validName is what names an interface too: Linux allows those 15 characters
// (IFNAMSIZ in include/uapi/linux/if.h).
var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,14}$`)

// checker applies the rules between the nodes of a file.
type checker struct {
	doc    *strictyaml.Document
	nodes  []node
	byName map[string]node // the first of each name, without the core
}

func newChecker(doc *strictyaml.Document, nodes []node) *checker {
	c := &checker{doc: doc, nodes: nodes, byName: make(map[string]node)}
	for _, n := range nodes {
		if _, again := c.byName[n.Name]; !again && n.Name != Core {
			c.byName[n.Name] = n
		}
	}
	return c
}

// at is the place of a node, or of a field of it.
func (c *checker) at(n node, field ...string) strictyaml.Place {
	return c.doc.At(append([]string{n.section, n.Name}, field...)...)
}

func (c *checker) check(name string) {
	if err := catalogue.CheckName(name); err != nil {
		c.doc.At().Errorf("file name: %v", err)
	}
	c.doc.At("summary").Require("one line that says who stands behind whom")
	c.doc.At("transits").Require("at least one router between the core and the hosts")
	c.doc.At("hosts").Require("alice, bob and rendezvous")
	if len(c.nodes) > maxNodes {
		c.doc.At().Errorf("%d nodes; at most %d are possible", len(c.nodes), maxNodes)
		return
	}
	c.checkNames()
	c.checkValues()
	c.checkSlots()
	c.checkTree()
	c.checkHosts()
}

func (c *checker) checkNames() {
	for _, n := range c.nodes {
		switch first := c.byName[n.Name]; {
		case !validName.MatchString(n.Name):
			c.at(n).Errorf("%s is not a name: want 1 to 15 lower-case letters, digits and hyphens, a letter first", strictyaml.Quote(n.Name))
		case n.Name == Core:
			c.at(n).Errorf("the name core is taken: the core is always there, and not in the file")
		case first.section != n.section:
			c.at(n).Errorf("the name %s is taken by a %s; names are unique over all kinds", n.Name, first.Kind)
		}
	}
}

func (c *checker) checkValues() {
	for _, n := range c.nodes {
		if n.Kind == Transit {
			c.checkLink(n)
		}
		addresses := c.at(n, "addresses")
		if addresses.Given() && addresses.Sound() && (n.Addresses < 1 || n.Addresses > maxAddresses) {
			addresses.Errorf("addresses: %d is not from 1 to %d", n.Addresses, maxAddresses)
		}
	}
}

// checkLink checks what the link of a transit does, each problem where its field
// stands: in the block of the direction, or else for both.
func (c *checker) checkLink(n node) {
	for _, way := range links.Directions {
		for _, p := range n.Link.Way(way).Problems() {
			at := c.at(n, p.Field)
			if own := c.at(n, string(way), p.Field); own.Given() {
				at = own
			}
			if at.Sound() {
				at.Errorf("%s: %s", p.Field, p.Text)
			}
		}
		for _, in := range [][]string{{"mtu"}, {string(way), "mtu"}} {
			if at := c.at(n, in...); at.Is("0") {
				at.Errorf("mtu: 0 is not from %d, which IPv4 needs (RFC 791), to %d", links.MinMTU, links.MaxMTU)
			}
		}
	}
}

func (c *checker) checkSlots() {
	taken := make(map[string]string)
	for _, n := range c.nodes {
		if n.Kind != NAT {
			continue
		}
		c.at(n, "slot").Require("a or b, or another name with a default")
		if n.Slot == "" {
			continue
		}
		if owner, again := taken[n.Slot]; again {
			c.at(n, "slot").Errorf("slot: %s is the slot of %s already", n.Slot, owner)
		} else {
			taken[n.Slot] = n.Name
		}
		c.checkDefault(n)
	}
	if nat, ok := taken["b"]; ok && taken["a"] == "" {
		c.at(c.byName[nat], "slot").Errorf("slot: b without a slot a; the first slot to vary is a")
	}
}

// checkDefault checks the name of a slot, and that the slot has a default
// unless it is one of those that somebody must choose for.
func (c *checker) checkDefault(n node) {
	def := c.at(n, "default")
	switch isVaried := slices.Contains(varied, n.Slot); {
	case !validName.MatchString(n.Slot):
		c.at(n, "slot").Errorf("slot: %s is not a name: want 1 to 15 lower-case letters, digits and hyphens, a letter first", strictyaml.Quote(n.Slot))
	case isVaried && def.Given():
		def.Errorf("default: slot %s has none, since every experiment chooses for it; leave it out", n.Slot)
	case !isVaried && !def.Given():
		c.at(n, "slot").Errorf("slot: %s needs default: the name of a profile; only a and b have none", n.Slot)
	case n.Default != "":
		if err := catalogue.CheckName(n.Default); err != nil {
			def.Errorf("default: %v", err)
		}
	}
}

// checkHosts checks that the three hosts are there and that the rendezvous is
// public.
func (c *checker) checkHosts() {
	if !c.doc.At("hosts").Given() || !c.doc.At("hosts").Sound() {
		return
	}
	for _, name := range []string{Alice, Bob, Rendezvous} {
		if n, ok := c.byName[name]; !ok || n.Kind != Host {
			c.doc.At("hosts").Errorf("host %s is missing; every topology has the hosts alice, bob and rendezvous", name)
		}
	}
	server, ok := c.byName[Rendezvous]
	if !ok {
		return
	}
	for _, n := range c.pathUp(server) {
		if n.Kind == NAT {
			c.at(server, "behind").Errorf("behind: the rendezvous is behind the nat %s; it must be public, so that both peers reach it", n.Name)
			return
		}
	}
}
