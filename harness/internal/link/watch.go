package link

import (
	"slices"

	"github.com/punchlab/punchlab/harness/recording"
)

// Watch begins to record what links do to packets on purpose, with so many bytes
// of each.
func (e *Emulator) Watch(bytes int) error {
	_, err := e.ask(request{Op: opWatch, Bytes: uint32(bytes)}, noDescriptor)
	return err
}

// Unwatch ends the recording and returns it in the order of time, with the number
// of acts that it lacks.
func (e *Emulator) Unwatch() (all []recording.Act, lost uint64, err error) {
	if _, err := e.ask(request{Op: opWatch}, noDescriptor); err != nil {
		return nil, 0, err
	}
	for {
		a, err := e.ask(request{Op: opActs}, noDescriptor)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, a.Acts...)
		if len(a.Acts) < actsAtOnce {
			slices.SortStableFunc(all, func(x, y recording.Act) int { return x.At.Compare(y.At) })
			return all, a.Lost, nil
		}
	}
}
