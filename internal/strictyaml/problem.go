package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// maxProblems bounds how many problems of one file are told: a person mends a
// few at a time, and a file of garbage must not fill a terminal.
const maxProblems = 20

// Problem is one thing wrong with a file, at a line and column that count from
// one.
type Problem struct {
	File         string
	Line, Column int
	Text         string
}

// Error gives the problem in the form that editors and terminals can jump to,
// file:line:column: text.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// join gives all problems in the order of the file, one per line, or nil.
func join(problems []*Problem) error {
	sorted := slices.SortedStableFunc(slices.Values(problems), func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var errs []error
	for i, p := range sorted {
		if i == maxProblems {
			errs = append(errs, fmt.Errorf("%s: and %d more problems", p.File, len(sorted)-i))
			break
		}
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}
