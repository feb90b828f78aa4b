package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/punch"
)

// TryOptions say how one trial goes.
type TryOptions struct {
	Patience time.Duration // how long the pair may try, from the introduction on
	Stagger  time.Duration // how much later bob reads his introduction than alice; negative: alice later
	Seed     uint64        // decides what links do to which packet; recorded with the trial

	// Unclassified has the peers measure their NATs in the trial itself, from the
	// moment on when they meet the server, and not once before all trials.
	Unclassified bool

	// Observe has every packet and every event recorded, so that the trial can be
	// explained. It costs some milliseconds, and does not change the trial.
	Observe bool
}

// Attempt is a trial and what the engine of each peer saw of it.
type Attempt struct {
	results.Trial
	Alice, Bob punch.Report

	// Seen is what was observed of the trial; nil if nothing was.
	Seen *Observation

	hosts lateness // of this process, during the trial
}

// Try builds the lab of a cell and runs one trial in it.
func Try(ctx context.Context, c Cell, o TryOptions) (_ Attempt, err error) {
	s, err := Open(ctx, c)
	if err != nil {
		return Attempt{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Try(ctx, o)
}

// party is one peer's side of a trial.
type party struct {
	conn   net.Conn
	report punch.Report
	err    error
}

// Try runs one trial. An error means that there was none: the lab failed, or
// ctx ended. When it returns, both peers' connections are closed.
func (s *Site) Try(ctx context.Context, o TryOptions) (Attempt, error) {
	before, eyes, err := s.begin(ctx, o)
	if err != nil {
		return Attempt{}, err
	}
	defer eyes.giveUp() // unless it has ended
	defer heart.feel()()
	began := time.Now()
	both := s.connect(ctx, o, eyes)
	defer func() {
		for _, p := range both {
			abort(p.conn)
		}
	}()
	usable := converse(both, o.Patience)
	hosts := heart.since(began)
	if ctx.Err() != nil {
		return Attempt{}, context.Cause(ctx)
	}
	links, err := s.lab.Links()
	faults, errF := s.lab.Faults()
	after, errS := s.sent()
	if err := errors.Join(err, errF, errS); err != nil {
		return Attempt{}, err
	}
	t := results.Trial{
		Cell: s.cell.Key(), Seed: o.Seed, At: began,
		StaggerMS: results.Milliseconds(o.Stagger), LatenessMS: results.Milliseconds(links.Lateness), Packets: after - before,
		HostLatenessMS: results.Milliseconds(hosts.worst),
		SYNs:           both[0].report.SYNs + both[1].report.SYNs, Links: done(links), Faults: met(faults),
	}
	judge(&t, both, usable)
	if spoiled := spoiled(roundAbout(s.cell.Topology), hosts.worst, links); spoiled != nil {
		t.Outcome, t.Cause, t.Why = results.Invalid, spoiled.cause, spoiled.why
	}
	a := Attempt{Trial: t, Alice: both[0].report, Bob: both[1].report, hosts: hosts}
	if eyes != nil {
		if a.Seen, err = eyes.end(s, a, usable); err != nil {
			return Attempt{}, err
		}
		if a.Outcome == results.Failed {
			a.explain(a.Seen.Story())
		}
	}
	return a, nil
}

// TryUntilValid runs a trial again as long as the machine spoils it, as a run does, and
// returns the last try: an invalid one if all of twenty were. Spoilt, which may be nil, is
// called with each that is made again.
func (s *Site) TryUntilValid(ctx context.Context, o TryOptions, spoilt func(Attempt)) (Attempt, error) {
	return untilValid(func() (Attempt, error) { return s.Try(ctx, o) }, s.Reset, spoilt)
}

func untilValid(try func() (Attempt, error), reset func() error, spoilt func(Attempt)) (Attempt, error) {
	for n := 1; ; n++ {
		a, err := try()
		if err != nil || a.Outcome != results.Invalid || n == fewestTries {
			return a, err
		}
		if spoilt != nil {
			spoilt(a)
		}
		if err := reset(); err != nil {
			return Attempt{}, err
		}
	}
}

// begin gives links the seed of a trial, counts what the peers have sent before it, and
// begins to observe, if that is wanted.
func (s *Site) begin(ctx context.Context, o TryOptions) (sent int64, eyes *observing, err error) {
	if sent, err = s.sent(); err == nil {
		err = s.lab.Seed(o.Seed)
	}
	if err == nil && o.Observe {
		eyes, err = s.observe(ctx)
	}
	return sent, eyes, err
}

// explain has the packets say why a trial failed, rather than the engines, who do not
// see them.
func (a *Attempt) explain(s story.Story) { a.Cause, a.Why = string(s.Cause), s.Sentence }

// done is what the links have done by their conditions.
func done(s harness.LinkStats) results.Links {
	return results.Links{
		Dropped: s.Dropped, Overflowed: s.Overflowed, Duplicated: s.Duplicated, Reordered: s.Reordered, Corrupted: s.Corrupted,
	}
}

// met is how often faults have met their packets.
func met(counts []harness.FaultCount) (all []results.Fault) {
	for _, c := range counts {
		all = append(all, results.Fault{Rule: c.Fault.String(), Matched: c.Matched, Acted: c.Acted})
	}
	return all
}

// connect lets both peers try, and waits for both: a side that closed its
// connection early would reset the other's.
func (s *Site) connect(ctx context.Context, o TryOptions, eyes *observing) *[2]party {
	secret := punch.NewSecret()
	holds := [2]time.Duration{max(-o.Stagger, 0), max(o.Stagger, 0)}
	both := new([2]party)
	var trying sync.WaitGroup
	for i, name := range peers {
		trying.Go(func() {
			p := &both[i]
			cfg := punch.Config{
				Network: s.lab.Host(name), Rendezvous: s.at, Secret: secret, Strategy: s.cell.Strategy,
				Patience: o.Patience, Wait: o.Patience, Hold: holds[i], Trace: eyes.trace(i),
			}
			if known := s.nats[i]; known.Known() && !o.Unclassified && punch.Measures(s.cell.Strategy) {
				cfg.Classification = &known
			}
			p.conn, p.report, p.err = punch.Connect(ctx, cfg)
		})
	}
	trying.Wait()
	return both
}

// converse finds out whether the two connections are the two ends of one that
// works: each peer says something that the other must hear.
func converse(both *[2]party, patience time.Duration) error {
	if both[0].conn == nil || both[1].conn == nil {
		return errNotBoth
	}
	var speaking sync.WaitGroup
	var errs [2]error
	words := [2]string{"from alice", "from bob.."}
	for i, p := range both {
		speaking.Go(func() { errs[i] = exchange(p.conn, words[i], words[1-i], patience) })
	}
	speaking.Wait()
	return errors.Join(errs[:]...)
}

var errNotBoth = errors.New("only one peer has a connection")

func exchange(conn net.Conn, say, hear string, patience time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, say); err != nil {
		return err
	}
	heard := make([]byte, len(hear))
	if _, err := io.ReadFull(conn, heard); err != nil {
		return err
	}
	if string(heard) != hear {
		return fmt.Errorf("heard %q instead of %q", heard, hear)
	}
	return nil
}

// abort closes a connection with a reset, so that nothing of it stays behind
// in TIME-WAIT for the next trial.
func abort(conn net.Conn) {
	if conn == nil {
		return
	}
	if c, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

// judge fills in what came of the trial. Times count from the moment that the
// later peer has read the introduction.
func judge(t *results.Trial, both *[2]party, usable error) {
	a, b := both[0].report, both[1].report
	start := later(a.Introduced, b.Introduced)
	if !a.Established.IsZero() && !b.Established.IsZero() {
		t.EstablishedMS = new(results.Milliseconds(later(a.Established, b.Established).Sub(start)))
	}
	switch {
	case both[0].err == nil && both[1].err == nil && usable == nil:
		t.Outcome, t.Via = results.Connected, via(a, b)
		t.ConnectMS = new(results.Milliseconds(later(a.Proven, b.Proven).Sub(start)))
		t.RTTMS = new(results.Milliseconds(roundTrip(both)))
	case both[0].err == nil && both[1].err == nil:
		t.Outcome, t.Cause = results.Failed, string(story.NotOne)
		t.Why = "the peers' connections are not one: " + usable.Error()
	default:
		t.Outcome, t.Cause, t.Why = results.Failed, string(unwatched(both)), said(both)
	}
}

// via is the technique that won: who dialled the connection knows by which, and
// who accepted it only what it was doing itself.
func via(a, b punch.Report) string {
	if a.Accepted && b.Via != "" {
		return b.Via
	}
	return cmp.Or(a.Via, b.Via)
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// roundTrip is the time from peer to peer and back, as TCP measured it: on
// their connection, or on both halves of a relayed one.
func roundTrip(both *[2]party) time.Duration {
	a, b := both[0].report, both[1].report
	if _, direct := both[0].conn.(*net.TCPConn); !direct {
		return a.RTT + b.RTT
	}
	if a.RTT == 0 || b.RTT == 0 {
		return max(a.RTT, b.RTT)
	}
	return min(a.RTT, b.RTT)
}

// unwatched is the cause of a failure as far as the engines know it.
func unwatched(both *[2]party) story.Cause {
	for _, p := range both {
		switch {
		case errors.Is(p.err, punch.ErrNoWay):
			return story.NoWay
		case errors.Is(p.err, punch.ErrPeerAbsent):
			return story.PeerAbsent
		}
	}
	return story.Unknown
}

// said is what each peer's engine said of a failure.
func said(both *[2]party) string {
	text := ""
	for i, p := range both {
		if p.err == nil {
			continue
		}
		if text != "" {
			text += "; "
		}
		text += peers[i] + ": " + p.err.Error()
	}
	return text
}
