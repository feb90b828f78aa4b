package report

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// ladder is what packets did in one trial, as text, and where the page has it.
type ladder struct {
	trial   int
	text    string
	kind    string // ladders of one kind look alike
	failure bool
	luck    uint64 // drawn from the cell's name, for a sample that is the same each time

	chunk, at int // -1 where the page has no room for it
}

// or is the first ladder of a cell: the one that there is, or else that of a trial.
func (l *ladder) or(t *results.Trial, kind string) *ladder {
	if l != nil || t.Story == "" {
		return l
	}
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %s", t.Cell, t.Outcome) // a hash takes everything
	return &ladder{
		trial: t.Number, text: strings.ReplaceAll(t.Story, separator, ""), kind: kind,
		failure: t.Outcome == results.Failed, luck: h.Sum64(), chunk: -1,
	}
}

// MarshalJSON writes where it is, and of which trial it tells.
func (l *ladder) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("null"), nil
	}
	return json.Marshal([]int{l.chunk, l.at, l.trial})
}

const (
	// separator stands between ladders of a chunk: U+001E, which ASCII has for that.
	separator = "\x1e"
	// chunkSize is how many bytes of ladders are packed together. Much more, and a
	// phone would notice when it unpacks one; much less, and they would need a tenth
	// more room.
	chunkSize = 256 << 10
)

// packed are the ladders that a page has room for.
type packed struct {
	chunks    []string // base64 of zlib streams, which a browser's DecompressionStream unpacks
	kept, all int
	failures  int // of all that are left out
}

// absent says what the page leaves out, and where it is.
func (p packed) absent() string {
	const rest = "The times, causes and sentences of single trials are in results.jsonl, and punchlab trial --explain with the flags " +
		"that each cell names makes one more trial and draws its packets."
	switch {
	case p.all == 0:
		return "No trial of this run was told packet by packet. " + rest
	case p.kept == p.all:
		return "Of each cell, the page draws the packets of the first success and of the first failure, as results.jsonl has them. " + rest
	}
	failures := "all of failures are here"
	if p.failures > 0 {
		failures = fmt.Sprintf("%s of those that are left out are of failures", thousands(p.failures))
	}
	return fmt.Sprintf("Of each cell, results.jsonl draws the packets of the first success and of the first failure. The page has room for "+
		"%s of these %s drawings: each kind of success and of failure, then failures, then a sample of successes; %s. ",
		thousands(p.kept), thousands(p.all), failures) + rest
}

// pack compresses as many ladders as room allows, in bytes of the page, and notes
// in each where it is. Ladders of one kind differ in little: twenty of them take
// the room of two. A browser unpacks a chunk when one of it is looked at.
func (m *model) pack(room int) (packed, error) {
	ladders := m.byWorth()
	p := packed{all: len(ladders)}
	for rest := ladders; len(rest) > 0; {
		chunk, size := 0, 0
		for chunk < len(rest) && size < chunkSize {
			size += len(rest[chunk].text)
			chunk++
		}
		own := slices.Clone(rest[:chunk])
		slices.SortStableFunc(own, func(x, y *ladder) int { return cmp.Compare(x.kind, y.kind) })
		text, err := squeeze(own)
		if err != nil {
			return packed{}, err
		}
		if room -= len(text); room < 0 {
			break
		}
		for at, l := range own {
			l.chunk, l.at = len(p.chunks), at
		}
		p.chunks, p.kept = append(p.chunks, text), p.kept+chunk
		rest = rest[chunk:]
	}
	for _, l := range ladders {
		if l.failure && l.chunk < 0 {
			p.failures++
		}
	}
	return p, nil
}

// byWorth are all ladders, those first that a reader would miss most: one of each
// kind, then failures, then successes.
func (m *model) byWorth() []*ladder {
	var all []*ladder
	worth := map[*ladder]int{}
	kinds := map[string]bool{}
	for _, t := range m.Tables {
		for _, c := range t.Cells {
			if c == nil {
				continue
			}
			for _, l := range []*ladder{c.failures, c.successes} {
				if l == nil {
					continue
				}
				all = append(all, l)
				switch {
				case !kinds[l.kind]:
					kinds[l.kind] = true
				case l.failure:
					worth[l] = 1
				default:
					worth[l] = 2
				}
			}
		}
	}
	slices.SortStableFunc(all, func(x, y *ladder) int {
		return cmp.Or(cmp.Compare(worth[x], worth[y]), cmp.Compare(x.luck, y.luck))
	})
	return all
}

// squeeze packs ladders together, as text.
func squeeze(all []*ladder) (string, error) {
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err != nil {
		return "", err
	}
	for i, l := range all {
		text := l.text
		if i > 0 {
			text = separator + text
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
