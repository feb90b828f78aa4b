// Package natrules turns a profile's fields into nftables rules. It is the
// only package that imports google/nftables. Rulesets are plain values: they
// can be made, compared and rendered on any machine, and applied to a
// namespace on Linux.
package natrules

import (
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
)

// Ruleset is a set of tables of the IPv4 family.
type Ruleset struct {
	Tables []Table
}

// Table is a named list of sets, of timeouts for connections, and of chains.
type Table struct {
	Name     string
	Sets     []Set
	Timeouts []Timeouts
	Chains   []Chain
}

// Chain is a list of rules. A base chain hangs on a hook, at a priority; one
// without a hook is jumped to from others.
type Chain struct {
	Name     string
	Type     nftables.ChainType
	Hook     *nftables.ChainHook
	Priority *nftables.ChainPriority
	Policy   nftables.ChainPolicy
	Rules    []Rule
}

// Rule is a list of expressions that the kernel evaluates in order.
type Rule []expr.Any

// join makes one rule of several phrases.
func join(phrases ...[]expr.Any) Rule {
	var r Rule
	for _, p := range phrases {
		r = append(r, p...)
	}
	return r
}

const (
	// socketBuffer holds the acknowledgements of a whole batch, which
	// otherwise ends in ENOBUFS after about a hundred messages although it was
	// applied.
	socketBuffer = 4 << 20
	// answerTime bounds the wait for the kernel's answer to a batch.
	answerTime = 10 * time.Second
)

// Apply commits the ruleset to the network namespace that fd refers to, in one
// transaction: all of it or nothing.
func (r Ruleset) Apply(fd int) error { return r.commit(fd, false) }

// Replace does the same where the namespace has rules already, which are gone
// afterwards. It takes longer, since the kernel waits until no packet is within
// the old rules. Connections that conntrack knows stay: who wants them
// forgotten flushes conntrack.
func (r Ruleset) Replace(fd int) error { return r.commit(fd, true) }

func (r Ruleset) commit(fd int, flush bool) error {
	if len(r.Tables) == 0 && !flush {
		return nil
	}
	conn, err := nftables.New(nftables.WithNetNSFd(fd), nftables.WithSockOptions(prepare))
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	if flush {
		conn.FlushRuleset()
	}
	for _, t := range r.Tables {
		if err := t.add(conn); err != nil {
			return fmt.Errorf("nftables: table %s: %w", t.Name, err)
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nftables: commit of %d tables: %w", len(r.Tables), err)
	}
	return nil
}

// prepare sizes the socket. An unprivileged user may get less than he asks
// for, which is enough for the rulesets of this package.
func prepare(c *netlink.Conn) error {
	if err := c.SetReadBuffer(socketBuffer); err != nil {
		return err
	}
	if err := c.SetWriteBuffer(socketBuffer); err != nil {
		return err
	}
	return c.SetDeadline(time.Now().Add(answerTime))
}

// add puts the table into the batch: the chains that others jump to before all
// rules, and the sets before the rules that use them.
func (t Table) add(conn *nftables.Conn) error {
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: t.Name})
	chains := make([]*nftables.Chain, len(t.Chains))
	for i, c := range t.Chains {
		chains[i] = &nftables.Chain{Table: table, Name: c.Name}
		if c.Hook != nil {
			chains[i].Type, chains[i].Hooknum, chains[i].Priority, chains[i].Policy = c.Type, c.Hook, c.Priority, &c.Policy
		}
		conn.AddChain(chains[i])
	}
	for i, s := range t.Sets {
		if err := s.add(conn, table, uint32(i+1)); err != nil {
			return err
		}
	}
	for _, o := range t.Timeouts {
		o.add(conn, table)
	}
	for i, c := range t.Chains {
		for _, r := range c.Rules {
			conn.AddRule(&nftables.Rule{Table: table, Chain: chains[i], Exprs: r})
		}
	}
	return nil
}
