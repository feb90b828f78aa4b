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
	// Excerpt is the line of the file and below it a caret under the column;
	// empty where there is nothing to show, as with a missing field.
	Excerpt string

	quote bool // whether it is to have an excerpt when it is told
}

// Error gives the problem in the form that editors and terminals can jump to,
// file:line:column: text, and the excerpt below it, indented.
func (p *Problem) Error() string {
	head := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
	if p.Excerpt == "" {
		return head
	}
	return head + "\n" + p.Excerpt
}

// Err gives all problems in the order of the file, each a line and an excerpt
// and each once; nil if there are none.
func (d *Document) Err() error {
	told := make(map[Problem]bool)
	var errs []error
	sorted := slices.SortedStableFunc(slices.Values(d.problems), func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, p := range sorted {
		again := told[*p]
		told[*p] = true
		if again || len(told) > maxProblems {
			continue
		}
		tell := *p // a second call finds the problems as this one did
		if tell.quote {
			tell.Excerpt = excerpt(d.data, tell.Line, tell.Column)
		}
		errs = append(errs, &tell)
	}
	if more := len(told) - maxProblems; more > 0 {
		errs = append(errs, fmt.Errorf("%s: and %d more problems", d.file, more))
	}
	return errors.Join(errs...)
}
