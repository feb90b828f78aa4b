package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/punchlab/punchlab/punch"
)

// storyWidth is the width of ladders in results files.
const storyWidth = 100

// story tells what happened: by a ladder where the trial was observed, or what the
// engine of each peer saw, a line for each. Times are milliseconds since the later
// peer read the introduction.
func (a Attempt) story() string {
	if a.Seen != nil {
		return a.Seen.Story().Text(storyWidth)
	}
	start := later(a.Alice.Introduced, a.Bob.Introduced)
	text := tell(peers[0], a.Alice, start) + "\n" + tell(peers[1], a.Bob, start)
	for _, f := range a.Faults {
		text += "\nfault " + f.String()
	}
	return text
}

func tell(name string, r punch.Report, start time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, seen as %s", name, r.Local, r.Observed)
	if r.Introduced.IsZero() {
		return b.String() + ", was not introduced"
	}
	fmt.Fprintf(&b, ", aimed at %s from %s on: %d SYNs, %d refused, %d replaced unanswered, %d strangers",
		r.Peer, moment(r.Introduced, start), r.SYNs, r.Refusals, r.Silences, r.Strangers)
	if !r.Proven.IsZero() {
		way := "dialled"
		if r.Accepted {
			way = "accepted"
		}
		fmt.Fprintf(&b, "; %s, established %s, proven %s", way, moment(r.Established, start), moment(r.Proven, start))
	}
	return b.String()
}

func moment(t, start time.Time) string {
	return fmt.Sprintf("%.1f ms", float64(t.Sub(start).Microseconds())/1000)
}
