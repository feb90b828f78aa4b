package natrules

import (
	"cmp"
	"fmt"

	"github.com/google/nftables"
)

// Installed reads the tables of the IPv4 family back from the network
// namespace that fd refers to, for people to look at. An expression that the
// library does not know is missing from its rule.
func Installed(fd int) (Ruleset, error) {
	conn, err := nftables.New(nftables.WithNetNSFd(fd), nftables.WithSockOptions(prepare))
	if err != nil {
		return Ruleset{}, fmt.Errorf("nftables: %w", err)
	}
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return Ruleset{}, fmt.Errorf("nftables: list chains: %w", err)
	}
	var all Ruleset
	for _, c := range chains {
		rules, err := conn.GetRules(c.Table, c)
		if err != nil {
			return Ruleset{}, fmt.Errorf("nftables: rules of %s %s: %w", c.Table.Name, c.Name, err)
		}
		all.put(c, rules)
	}
	return all, nil
}

// put adds a chain to its table.
func (r *Ruleset) put(c *nftables.Chain, rules []*nftables.Rule) {
	accept := nftables.ChainPolicyAccept
	chain := Chain{
		Name: c.Name, Type: c.Type, Hook: c.Hooknum, Priority: c.Priority,
		Policy: *cmp.Or(c.Policy, &accept),
	}
	for _, rule := range rules {
		chain.Rules = append(chain.Rules, rule.Exprs)
	}
	if n := len(r.Tables); n == 0 || r.Tables[n-1].Name != c.Table.Name {
		r.Tables = append(r.Tables, Table{Name: c.Table.Name})
	}
	last := &r.Tables[len(r.Tables)-1]
	last.Chains = append(last.Chains, chain)
}
