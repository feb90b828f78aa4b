package natrules

import (
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Set is a set, a map or a verdict map of a table.
type Set struct {
	Name string
	// Key and Data are the fields of a key and of what it stands for.
	Key, Data []nftables.SetDatatype
	// Dynamic says that packets fill it.
	Dynamic bool
	// Timeout is how long an element of a dynamic set lasts if the rule that
	// adds it does not say; zero for elements that never end.
	Timeout time.Duration
	// Size is the most elements; zero is the kernel's own bound for dynamic
	// sets, 65,535 (nf_tables_api.c, NFT_SET_MAXSIZE of nft_rhash).
	Size int
	// Elements are those of a constant set, in the order of the text.
	Elements []Element
}

// Element is an element of a constant set.
type Element struct {
	Key, Data []byte
	Verdict   *expr.Verdict
}

// widest is how many fields the library can concatenate.
const widest = 5

// datatype is the type of a concatenation. What has too many fields for the
// library is one opaque value to it.
func datatype(fields []nftables.SetDatatype) nftables.SetDatatype {
	switch {
	case len(fields) == 1:
		return fields[0]
	case len(fields) <= widest:
		return nftables.MustConcatSetType(fields...)
	default:
		return nftables.SetDatatype{Name: "raw", Bytes: uint32(4 * len(fields))}
	}
}

// elementsPerMessage keeps a list of elements within a netlink attribute, whose
// length has 16 bits.
const elementsPerMessage = 1000

// add puts the set into the batch. The library's own numbers of sets are not
// safe for concurrent use, so it is given one, which need only be unique within
// the batch; rules find sets by their names.
func (s Set) add(conn *nftables.Conn, table *nftables.Table, id uint32) error {
	set := &nftables.Set{
		Table: table, ID: id, Name: s.Name, KeyType: datatype(s.Key),
		Concatenation: len(s.Key) > 1 && len(s.Key) <= widest,
		IsMap:         len(s.Data) > 0, Dynamic: s.Dynamic,
		HasTimeout: s.Timeout > 0, Timeout: s.Timeout, Size: uint32(s.Size),
	}
	if set.IsMap {
		set.DataType = datatype(s.Data)
	}
	var elements []nftables.SetElement
	for _, e := range s.Elements {
		elements = append(elements, nftables.SetElement{Key: e.Key, Val: e.Data, VerdictData: e.Verdict})
	}
	first := min(len(elements), elementsPerMessage)
	err := conn.AddSet(set, elements[:first])
	for rest := elements[first:]; err == nil && len(rest) > 0; {
		n := min(len(rest), elementsPerMessage)
		err = conn.SetAddElements(set, rest[:n])
		rest = rest[n:]
	}
	if err != nil {
		return fmt.Errorf("set %s: %w", s.Name, err)
	}
	return nil
}
