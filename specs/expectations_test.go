package specs

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// verdict is what a table expects of a cell.
type verdict string

const (
	connects verdict = "ok" // every trial
	cannot   verdict = "--" // no trial
	either   verdict = "~"  // nothing is promised
	// guesses: no trial, but for a SYN that happens to leave from the one port
	// of 64,512 that the peer aims at. A cell sends a few hundred such SYNs, so
	// that one cell in some hundred has a trial that connects.
	guesses verdict = "1/64k"
)

const (
	// mostGuessed is how many trials of a cell may connect by a guessed port. At
	// 40 SYNs in each of five trials, two do once in 200,000 cells.
	mostGuessed = 1
	// mostGuessedInAll is the same for the whole matrix, of which some 14 cells
	// guess: three connect once in 80,000 matrices.
	mostGuessedInAll = 2
)

// table is one file of testdata: what two behaviours make of a strategy in a
// topology.
type table struct {
	topology, strategy string
	columns            []string
	rows               map[string][]verdict
}

// nowhere stands for a slot that a topology does not have.
const nowhere = "."

// tables reads all expectations, in the order of their names.
func tables() []table {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("no expectations in testdata: %v", err))
	}
	var all []table
	for _, file := range files {
		t, err := readTable(file)
		if err != nil {
			panic(err) // the spec tree cannot be built without it
		}
		all = append(all, t)
	}
	return all
}

func readTable(file string) (table, error) {
	t := table{
		topology: filepath.Base(filepath.Dir(file)),
		strategy: strings.TrimSuffix(filepath.Base(file), ".txt"),
		rows:     map[string][]verdict{},
	}
	f, err := os.Open(file)
	if err != nil {
		return t, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := t.add(words); err != nil {
			return t, fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	return t, lines.Err()
}

// add takes a line: the behaviours of the columns first, then a row each.
func (t *table) add(words []string) error {
	if t.columns == nil {
		t.columns = words[1:]
		return nil
	}
	if len(words) != 1+len(t.columns) {
		return fmt.Errorf("%d verdicts for %d columns", len(words)-1, len(t.columns))
	}
	var row []verdict
	for _, w := range words[1:] {
		v := verdict(w)
		if !slices.Contains([]verdict{connects, cannot, either, guesses}, v) {
			return fmt.Errorf("%q is not one of %s, %s, %s, %s", w, connects, cannot, either, guesses)
		}
		row = append(row, v)
	}
	t.rows[words[0]] = row
	return nil
}

// expected is what the table says of a cell, by the behaviour of the profiles
// in its slots. A behaviour that no line or column speaks of is an error.
func (t table) expected(c bench.Cell) (verdict, error) {
	a, b := behaviour(c, "a"), behaviour(c, "b")
	row, known := t.rows[a]
	column := slices.Index(t.columns, b)
	if !known || column < 0 {
		return "", fmt.Errorf("testdata/%s/%s.txt says nothing of %s x %s", t.topology, t.strategy, a, b)
	}
	return row[column], nil
}

func behaviour(c bench.Cell, slot string) string {
	p, filled := c.NATs[slot]
	if !filled {
		return nowhere
	}
	return p.Behaviour()
}

// met says whether trials of a cell came out as expected.
func (v verdict) met(s results.Summary) bool {
	switch v {
	case connects:
		return s.Successes == s.Trials
	case cannot:
		return s.Successes == 0
	case guesses:
		return s.Successes <= mostGuessed
	}
	return true
}
