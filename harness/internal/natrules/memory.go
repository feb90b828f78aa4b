package natrules

import (
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

// Forgets says whether Forget alone makes the NAT forget all its connections, as long as
// no zone is used twice.
func (r Ruleset) Forgets() bool { return r.inMaps() || r.hasSet(zoneTable, zoneMap) }

// inMaps says whether all that the NAT knows of connections is in its maps.
func (r Ruleset) inMaps() bool { return r.hasSet("nat", "reverse") }

func (r Ruleset) hasSet(table, set string) bool {
	for _, t := range r.Tables {
		for _, s := range t.Sets {
			if t.Name == table && s.Name == set {
				return true
			}
		}
	}
	return false
}

// Memory is what a NAT knows, which can be emptied. It keeps a socket, since that is done
// after each trial. One goroutine at a time may use it.
type Memory struct {
	sets   []*nftables.Set // that packets fill
	zoned  bool
	conn   *nftables.Conn // nil where there is nothing to forget
	socket *netlink.Conn  // of conn
}

// Memory is that of a NAT with these rules in the namespace that fd refers to.
func (r Ruleset) Memory(fd int) (*Memory, error) {
	m := &Memory{zoned: r.hasSet(zoneTable, zoneMap)}
	for _, t := range r.Tables {
		table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: t.Name}
		for _, s := range t.Sets {
			if s.Dynamic {
				m.sets = append(m.sets, &nftables.Set{Table: table, Name: s.Name})
			}
		}
	}
	if len(m.sets) == 0 && !m.zoned {
		return m, nil
	}
	keep := func(c *netlink.Conn) error { m.socket = c; return nil }
	var err error
	m.conn, err = nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(fd), nftables.WithSockOptions(keep))
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	return m, nil
}

// Forget empties all sets that packets fill, in one transaction: a NAT that is maps then
// knows no mapping. Its counters go on. One with zones is put into the given one.
func (m *Memory) Forget(zone uint16) error {
	if m.conn == nil {
		return nil
	}
	if err := m.socket.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	for _, s := range m.sets {
		m.conn.FlushSet(s)
	}
	if m.zoned {
		if err := enter(m.conn, zone); err != nil {
			return err
		}
	}
	if err := m.conn.Flush(); err != nil {
		return fmt.Errorf("nftables: emptying %d sets: %w", len(m.sets), err)
	}
	return nil
}

// Close closes the socket.
func (m *Memory) Close() error {
	if m == nil || m.conn == nil {
		return nil
	}
	return m.conn.CloseLasting()
}
