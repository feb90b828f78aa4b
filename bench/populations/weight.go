package populations

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// weight is a percentage such as 12.5, or a count of a total such as 184/286,
// as sources give them. It is exact, so that weights that add up do.
type weight struct{ share *big.Rat } // of 1; nil if it was not written or could not be read

// The forms of a weight. A count keeps the numbers that the source gives.
var (
	percentForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?$`)
	countForm   = regexp.MustCompile(`^([0-9]{1,9})/([0-9]{1,9})$`)
)

// hundred turns shares into percentages.
var hundred = big.NewRat(100, 1)

// whole is all of a population or of a group.
var whole = big.NewRat(1, 1)

// UnmarshalText reads a weight above 0 and of at most 100 percent.
func (w *weight) UnmarshalText(text []byte) error {
	word := strings.TrimSpace(string(text))
	quoted := strictyaml.Quote(word)
	share, err := share(word)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a weight: want a percentage such as 12.5, or a count of a total such as 184/286", quoted)
	case share.Sign() < 0:
		return fmt.Errorf("%s is negative; want more than 0 and at most 100 percent", quoted)
	case share.Sign() == 0:
		return fmt.Errorf("%s is no weight; leave out what nobody has", quoted)
	case share.Cmp(whole) > 0:
		return fmt.Errorf("%s is more than all; want at most 100 percent", quoted)
	}
	w.share = share
	return nil
}

// share reads the number that is written.
func share(word string) (*big.Rat, error) {
	percent := percentForm.MatchString(word)
	if !percent && !countForm.MatchString(word) {
		return nil, errors.New("neither a percentage nor a count")
	}
	number, ok := new(big.Rat).SetString(word)
	if !ok {
		return nil, errors.New("a total of nothing")
	}
	if percent {
		number.Quo(number, hundred)
	}
	return number, nil
}

// float is the weight as the computation has it.
func (w weight) float() float64 {
	f, _ := w.share.Float64()
	return f
}

// sum adds weights up; nil if one could not be read.
func sum(all []weight) *big.Rat {
	total := new(big.Rat)
	for _, w := range all {
		if w.share == nil {
			return nil
		}
		total.Add(total, w.share)
	}
	return total
}

// percent writes a share for people, with as many places as it needs up to four.
func percent(share *big.Rat) string {
	text := new(big.Rat).Mul(share, hundred).FloatString(4)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " %"
}

// percentage is the weight in percent; 0 if there is none.
func (w weight) percentage() float64 {
	if w.share == nil {
		return 0
	}
	f, _ := new(big.Rat).Mul(w.share, hundred).Float64()
	return f
}
