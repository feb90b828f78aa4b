package story

import (
	"fmt"
	"time"
)

// folds are the packets and events between two lines of the ladder that have none of their own.
type folds struct {
	story *Story
	more  string
	order []class
	by    map[class]*fold
}

type fold struct {
	at   time.Time
	n    int
	syns int // to the rendezvous
}

func (f *folds) add(at time.Time, c class, opens bool) {
	if f.by == nil {
		f.by = map[class]*fold{}
	}
	one := f.by[c]
	if one == nil {
		one = &fold{at: at}
		f.by[c], f.order = one, append(f.order, c)
	}
	one.n++
	if opens {
		one.syns++
	}
}

// flush makes a line of each class, and forgets them.
func (f *folds) flush() (rows []row) {
	for _, c := range f.order {
		if words := f.words(c, f.by[c]); words != "" {
			rows = append(rows, row{at: f.by[c].at, note: f.more + " " + words, station: none})
		}
	}
	f.order, f.by = nil, nil
	return rows
}

func (f *folds) words(c class, one *fold) string {
	n := f.story.trial.network
	switch {
	case c.event == SYNSent:
		return "" // the packets tell
	case c.event != "":
		return fmt.Sprintf("%s more of %s: %s", count(one.n), n.name(c.origin), c.event)
	case c.origin == none:
		return plural(one.n, "packet") + " of others"
	case c.server && one.syns > 0:
		return fmt.Sprintf("%s between %s and %s, with %s to classify NATs or to register",
			plural(one.n, "more packet"), n.name(c.origin), n.name(n.server), plural(one.syns, "connection"))
	case c.server:
		return fmt.Sprintf("%s between %s and %s", plural(one.n, "more packet"), n.name(c.origin), n.name(n.server))
	}
	all := "all "
	if one.n == 1 {
		all = ""
	}
	return fmt.Sprintf("%s from %s, %s", plural(one.n, "more "+c.kind), n.name(c.origin), all+f.end(c))
}

// end says how those of a class ended.
func (f *folds) end(c class) string {
	at := f.story.trial.network.name(c.where)
	switch c.end {
	case Arrived:
		return "arrived at " + at
	case HostReset:
		return "refused by " + at
	case Dropped:
		return "dropped by " + at
	case NATReset:
		return "reset by " + at
	case Unreachable:
		return "answered by an ICMP error of " + at
	case TTLExpired:
		return "with a TTL that ran out at " + at
	case LinkLost:
		return "lost behind " + at
	}
	return "last seen at " + at
}
