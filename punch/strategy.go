package punch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Strategy is one way of getting a connection through. There is one file for each, strategy_<name>.go, which registers
// it, draws its packets, and says what it needs of both NATs.
type Strategy interface {
	// Name is how people and the wire call it: letters a-z, digits and hyphens.
	Name() string
	// Summary says in one line what it does.
	Summary() string

	// Forecast says what one round of it makes of two NATs. It reads nothing but the classifications, and is the same
	// whichever is named first.
	Forecast(a, b Classification) Forecast

	// needs tells which parts of both classifications the strategy works by; run begins when they are known, or when it
	// is known that they never will be.
	needs() part
	// mixes tells that its SYNs leave from ports, or go to addresses, of their own, so that it may run beside others.
	mixes() bool
	// relays tells that the strategy uses the connection to the server itself. Otherwise the engine listens on that
	// connection's local port, and to what the server says about the peer.
	relays() bool
	// run makes connections and offers them to the attempt's arbiter until ctx ends, round after round. It returns an
	// error if it cannot go on and nothing can come of the attempt any more, and nil early where the technique has no way
	// between these two NATs.
	run(ctx context.Context, a *attempt) error
}

// part is a set of parts of a classification, which cost time and packets each; see survey.
type part int

// The parts. Mapping has filtering and the allocation of ports with it.
const (
	partMapping part = 1 << iota
	partArming
	partHairpin
)

// Measures tells whether a strategy works by classifications, so that one that was made before saves it time.
func Measures(s Strategy) bool { return s.needs() != 0 }

var registry = map[string]Strategy{}

// register adds a strategy; every strategy's file calls it once.
func register(s Strategy) {
	if _, taken := registry[s.Name()]; taken {
		panic("punch: two strategies are called " + s.Name())
	}
	registry[s.Name()] = s
}

// Strategies returns all strategies, sorted by name.
func Strategies() []Strategy {
	return slices.SortedFunc(maps.Values(registry), func(a, b Strategy) int { return strings.Compare(a.Name(), b.Name()) })
}

// StrategyNamed returns the strategy of that name, or an error that lists the names that there are, and suggests one of
// which the given one is a beginning, or the other way round.
func StrategyNamed(name string) (Strategy, error) {
	if s, ok := registry[name]; ok {
		return s, nil
	}
	names := slices.Sorted(maps.Keys(registry))
	err := fmt.Errorf("strategy %q is not one of %s", name, strings.Join(names, ", "))
	near := slices.IndexFunc(names, func(known string) bool {
		return name != "" && (strings.HasPrefix(known, name) || strings.HasPrefix(name, known))
	})
	if near >= 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, names[near])
	}
	return nil, err
}
