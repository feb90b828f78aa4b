package natrules

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
)

// A NAT that is Linux itself remembers its connections in conntrack, which has one
// table for all namespaces. Going through that costs more than many a trial, so such a
// NAT can be made to forget in another way: all its packets, those of its own too, are
// in one zone of conntrack, and are put into another one, which knows no connection.
// The zone is not seen by anybody else.

const (
	zoneTable = "zone"
	zoneMap   = "now"
)

// allInOneZone puts all packets into the zone that its map holds.
func allInOneZone() Table {
	z := &router{Table: Table{Name: zoneTable}}
	z.Sets = []Set{{
		Name: zoneMap, Key: []nftables.SetDatatype{typePort}, Data: []nftables.SetDatatype{typeZone},
		Size: 1, Elements: []Element{{Key: now[:], Data: zoneNumber(0)}},
	}}
	rule := join(constant(now[:], 0), get(zoneMap, 0, 1), inZone(1))
	z.base("prerouting", nftables.ChainHookPrerouting, rawPriority, rule)
	z.base("output", nftables.ChainHookOutput, rawPriority, rule)
	return z.Table
}

// now is the one key of the map.
var now [2]byte

func zoneNumber(n uint16) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

// enter puts all packets into a zone from now on.
func enter(conn *nftables.Conn, zone uint16) error {
	s := &nftables.Set{
		Table: &nftables.Table{Family: nftables.TableFamilyIPv4, Name: zoneTable},
		Name:  zoneMap, KeyType: typePort, DataType: typeZone, IsMap: true,
	}
	conn.FlushSet(s)
	if err := conn.SetAddElements(s, []nftables.SetElement{{Key: now[:], Val: zoneNumber(zone)}}); err != nil {
		return fmt.Errorf("nftables: zone %d: %w", zone, err)
	}
	return nil
}
