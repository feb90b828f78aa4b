package natrules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
)

// Contents reads what packets have put into the sets of the ruleset in the
// namespace that fd refers to, for people to look at: a line for each element,
// with what is left of its time.
func (r Ruleset) Contents(fd int) (string, error) {
	conn, err := nftables.New(nftables.WithNetNSFd(fd), nftables.WithSockOptions(prepare))
	if err != nil {
		return "", fmt.Errorf("nftables: %w", err)
	}
	var text strings.Builder
	for _, t := range r.Tables {
		table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: t.Name}
		for _, s := range t.Sets {
			if !s.Dynamic {
				continue
			}
			elements, err := conn.GetSetElements(&nftables.Set{Table: table, Name: s.Name})
			if err != nil {
				return "", fmt.Errorf("nftables: elements of %s: %w", s.Name, err)
			}
			var lines []string
			for _, e := range elements {
				lines = append(lines, s.element(e))
			}
			slices.Sort(lines)
			text.WriteString(strings.Join(lines, ""))
		}
	}
	return text.String(), nil
}

// element writes the fields of an element as the set's types say.
func (s Set) element(e nftables.SetElement) string {
	text := s.Name + ": " + fieldsText(s.Key, e.Key)
	if len(s.Data) > 0 {
		text += " = " + fieldsText(s.Data, e.Val)
	}
	if e.Expires > 0 {
		text += " for " + e.Expires.Round(time.Second).String()
	}
	return text + "\n"
}

// registerBytes is the size of a register, which each field of a concatenation
// fills.
const registerBytes = 4

func fieldsText(fields []nftables.SetDatatype, data []byte) string {
	var words []string
	for _, f := range fields {
		size := int(f.Bytes)
		if len(data) < size {
			break
		}
		words = append(words, elementText(f, data[:size]))
		data = data[min(len(data), max(registerBytes, size)):]
	}
	return strings.Join(words, " . ")
}
