package natrules

import (
	"fmt"
	"strings"

	"github.com/google/nftables"
)

// String renders the ruleset in the words of `nft list ruleset`, from the
// expressions themselves, so that what people review is what the kernel gets.
func (r Ruleset) String() string {
	var text strings.Builder
	for _, t := range r.Tables {
		fmt.Fprintf(&text, "table ip %s {\n", t.Name)
		for _, s := range t.Sets {
			s.render(&text)
		}
		for _, o := range t.Timeouts {
			o.render(&text)
		}
		for i, c := range t.Chains {
			if i > 0 || len(t.Sets)+len(t.Timeouts) > 0 {
				text.WriteByte('\n')
			}
			c.render(&text)
		}
		text.WriteString("}\n")
	}
	return text.String()
}

var hooks = map[nftables.ChainHook]string{
	*nftables.ChainHookPrerouting:  "prerouting",
	*nftables.ChainHookInput:       "input",
	*nftables.ChainHookForward:     "forward",
	*nftables.ChainHookOutput:      "output",
	*nftables.ChainHookPostrouting: "postrouting",
}

func (c Chain) render(text *strings.Builder) {
	fmt.Fprintf(text, "\tchain %s {\n", c.Name)
	if c.Hook != nil {
		policy := map[nftables.ChainPolicy]string{nftables.ChainPolicyAccept: "accept", nftables.ChainPolicyDrop: "drop"}[c.Policy]
		fmt.Fprintf(text, "\t\ttype %s hook %s priority %s; policy %s;\n", c.Type, hooks[*c.Hook], c.priority(), policy)
	}
	for _, r := range c.Rules {
		fmt.Fprintf(text, "\t\t%s\n", r)
	}
	text.WriteString("\t}\n")
}

// priority uses the names that nft prints for the standard places.
func (c Chain) priority() string {
	switch *c.Priority {
	case *nftables.ChainPriorityFilter:
		return "filter"
	case *nftables.ChainPriorityNATSource:
		return "srcnat"
	case *nftables.ChainPriorityNATDest:
		return "dstnat"
	case *nftables.ChainPriorityRaw:
		return "raw"
	case *nftables.ChainPriorityMangle:
		return "mangle"
	}
	return fmt.Sprint(*c.Priority)
}
