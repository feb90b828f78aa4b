package punch

import (
	"context"
	"errors"
	"time"
)

const (
	// maxSYNs bounds what one attempt sends. By rising pauses they last for 16 seconds or longer, see synGap.
	maxSYNs = 100
	// minSYNGap is how soon a SYN may follow another: a router on the peer's own link can refuse within microseconds.
	minSYNGap = 5 * time.Millisecond
	// eagerSYNs may follow each other without further pause. That outlasts every stagger that the server's alignment
	// leaves; a peer that is later by more than twenty round trips may take some more.
	eagerSYNs = 20
	// silenceSlack is for jitter and slow hosts, beyond the round trip and a half after which no answer can come.
	silenceSlack = 50 * time.Millisecond
	// inUsePause is how long to wait while the same two endpoints are connected already: by a connection that our
	// listener accepted, and that may still turn out to be a stranger's.
	inUsePause = 50 * time.Millisecond
)

// sendAgain has SYNs sent one after the other until ctx ends: a refused one is followed at once, as soon as synGap
// allows, a silent one when send has given it up. Send is told how many have been given up before.
func (a *attempt) sendAgain(ctx context.Context, send func(replaced int) error) error {
	silent := 0
	for sent := 1; sent <= maxSYNs && ctx.Err() == nil; {
		born := time.Now()
		err := send(silent)
		switch {
		case fatal(err):
			return err
		case errors.Is(err, errInUse):
			pause(ctx, born.Add(inUsePause))
			continue
		case errors.Is(err, errSilence):
			silent++
		case errors.Is(err, errSpent):
			sent = maxSYNs
		}
		pause(ctx, born.Add(synGap(sent)))
		sent++
	}
	<-ctx.Done() // the peer may still reach our listener
	return nil
}

// synGap is the least time between the SYN of that number, counted from one, and the next.
func synGap(sent int) time.Duration { return minSYNGap * time.Duration(max(1, sent-eagerSYNs)) }

// silence is how long a SYN may go unanswered before another takes its place, if that many have been replaced already.
// An answer comes within a round trip of the peer's SYN; half a round trip and silenceSlack more are for a peer
// that starts late and for jitter. Each replacement waits twice as long as the one before, as TCP's own do (RFC 6298,
// section 5.5). Where the round trip is not known, only TCP's own retransmissions are left.
func silence(rtt time.Duration, replaced int) time.Duration {
	if rtt <= 0 {
		return untilAnswered
	}
	return (rtt + rtt/2 + max(silenceSlack, rtt/2)) << min(replaced, 8)
}
