package expect

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Want is what is expected of a cell: that every trial that counts connects, that
// none does, or a least rate, such as 95%.
type Want string

// The words of a Want.
const (
	Connects Want = "connects"
	Cannot   Want = "cannot"
)

// wanted tells what may stand there.
const wanted = "connects (every trial), cannot (none), or a least rate such as 95%"

// UnmarshalText accepts what wanted says.
func (w *Want) UnmarshalText(text []byte) error {
	read := Want(text)
	if _, isRate := read.rate(); read != Connects && read != Cannot && !isRate {
		return fmt.Errorf("%s is not one of %s%s", strictyaml.Quote(string(text)), wanted,
			strictyaml.DidYouMean(string(text), []string{string(Connects), string(Cannot)}))
	}
	*w = read
	return nil
}

// rate is the least rate, from above 0 to 1.
func (w Want) rate() (float64, bool) {
	number, isPercent := strings.CutSuffix(string(w), "%")
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	return percent / 100, isPercent && err == nil && percent > 0 && percent <= 100
}

// holds says whether a cell is as expected. Of a cell without a trial that counts
// nothing holds. A least rate is missed where the whole interval of what was
// measured lies below it: not where chance alone may have been against a cell, and
// so not where trials are few.
func (w Want) holds(s results.Summary) bool {
	if s.Trials == 0 {
		return false
	}
	switch w {
	case Connects:
		return s.Successes == s.Trials
	case Cannot:
		return s.Successes == 0
	}
	least, _ := w.rate()
	return s.Interval.High >= least
}

// found tells what a run found of a cell.
func found(s results.Summary) string {
	if s.Trials == 0 {
		return "no trial that counts"
	}
	return fmt.Sprintf("%d of %d trials connected (%s)", s.Successes, s.Trials, s.Interval)
}
