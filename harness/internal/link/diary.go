package link

import (
	"slices"
	"time"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/links"
)

// diary is what the links of a lab did to packets on purpose, while somebody
// watches. It belongs to the keeper's thread.
type diary struct {
	bytes uint32 // that are kept of each packet; 0: nobody watches
	acts  []recording.Act
	lost  uint64 // that found no room
}

const (
	// mostActs bounds a diary: a megabyte for each lab at most.
	mostActs = 4096
	// actsAtOnce is how many of them fit into a message, each with its packet in
	// JSON: 500 bytes at the most.
	actsAtOnce = 200
)

// enter writes down what was done to a packet. If it was dropped, nothing else
// matters.
func (d *diary) enter(link string, p handed, now time.Time, deeds []fate.Deed) {
	if d.bytes == 0 {
		return
	}
	at := now
	if !p.stamp.IsZero() {
		at = p.stamp.Add(resolution) // not before it was seen to leave the router in front
	}
	if i := slices.IndexFunc(deeds, func(d fate.Deed) bool { return d.Do == links.Drop }); i >= 0 {
		deeds = deeds[i : i+1]
	}
	for _, deed := range deeds {
		if len(d.acts) == mostActs {
			d.lost++
			continue
		}
		d.acts = append(d.acts, recording.Act{
			At: at, Link: link, Did: recording.Deed(deed.Do), Why: deed.Why,
			Data: slices.Clone(p.payload[:min(len(p.payload), int(d.bytes))]), Length: size(p.payload),
		})
	}
}

// watch begins a new diary, of which packets are to be seen, or ends it.
func (w *wires) watch(bytes uint32) error {
	for _, one := range w.all {
		w.keeper.read(one)
	}
	w.diary.bytes = bytes
	if bytes > 0 {
		w.diary = diary{bytes: bytes}
	}
	for _, one := range w.all {
		if err := one.shape(); err != nil {
			return err
		}
	}
	return nil
}

// told takes the oldest acts out of the diary: fewer than actsAtOnce if they are
// the last.
func (w *wires) told() answer {
	d := &w.diary
	n := min(len(d.acts), actsAtOnce)
	a := answer{Acts: d.acts[:n], Lost: d.lost}
	d.acts = d.acts[n:]
	return a
}
