package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// Drawing is a file of a results folder for a curve of the run's sweep.
type Drawing struct {
	File  string
	Curve results.Curve
}

// Drawings are those of a run: none where nothing is swept. They are numbered, since
// names that differ in a folder of profiles may not in a folder of files.
func Drawings(run results.Run) (all []Drawing) {
	curves := run.Curves()
	digits := len(fmt.Sprint(len(curves)))
	for i, c := range curves {
		name := strings.Map(fileLetter, c.Cell.String())
		all = append(all, Drawing{fmt.Sprintf("sweep-%0*d-%s.svg", digits, i+1, name), c})
	}
	return all
}

// fileLetter keeps what file names may have everywhere.
func fileLetter(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
		return r
	}
	return '-'
}

// drawAll writes the drawings of a run to a folder.
func drawAll(dir string, run results.Run) error {
	for _, d := range Drawings(run) {
		if err := replace(filepath.Join(dir, d.File), func(w io.Writer) error { return put(w, SweepSVG(d.Curve)) }); err != nil {
			return err
		}
	}
	return nil
}
