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

// Table is a named list of chains.
type Table struct {
	Name   string
	Chains []Chain
}

// Chain is a base chain: it hangs on a hook, at a priority.
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
func (r Ruleset) Apply(fd int) error {
	if len(r.Tables) == 0 {
		return nil
	}
	conn, err := nftables.New(nftables.WithNetNSFd(fd), nftables.WithSockOptions(prepare))
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	for _, t := range r.Tables {
		t.add(conn)
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

func (t Table) add(conn *nftables.Conn) {
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: t.Name})
	for _, c := range t.Chains {
		chain := conn.AddChain(&nftables.Chain{
			Table: table, Name: c.Name, Type: c.Type,
			Hooknum: c.Hook, Priority: c.Priority, Policy: &c.Policy,
		})
		for _, r := range c.Rules {
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r})
		}
	}
}
