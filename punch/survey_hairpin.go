package punch

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// turnsRound finds out whether two ports of ours meet by their external endpoints: each is listened on and sends a
// SYN to the other's. A NAT that filters keeps the first of the two out, and the second one comes in where the first
// has opened the way. Both ends have to be seen, since somebody else may answer at an external endpoint: the NAT's
// own server, say. A NAT that hands a packet round with its inside source (RFC 4787, section 6) does not count: TCP
// refuses the answer.
func (f *flight) turnsRound(ctx context.Context, x, y *line) Finding {
	g := f.s.guard()
	g.observed, g.peer = x.mapped.Addr(), x.mapped.Addr() // behind a NAT with a private address outside, we are near it
	if g.pass(x.mapped, 1) != nil || g.pass(y.mapped, 1) != nil {
		return ""
	}
	dials, err := volley(f.s.network, []shot{{from: x.port(), to: y.mapped}, {from: y.port(), to: x.mapped}})
	if err != nil {
		closeAll(dials)
		return ""
	}
	f.s.count(len(dials))
	until := f.s.until(time.Now(), hopSlack)
	soon, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	ends := make(chan uint16) // our port of an end that is up
	var waiting sync.WaitGroup
	for _, d := range dials {
		waiting.Go(func() { arrive(soon, d, until, ends) })
	}
	waiting.Go(func() { f.admit(soon, x.port(), y.mapped, ends) })
	waiting.Go(func() { f.admit(soon, y.port(), x.mapped, ends) })
	go func() { waiting.Wait(); close(ends) }()
	up := map[uint16]bool{}
	for port := range ends {
		if up[port] = true; len(up) == 2 {
			cancel() // and the others end
		}
	}
	return Found(len(up) == 2)
}

// arrive waits for a connection that we dialled.
func arrive(ctx context.Context, d *dialing, until time.Time, ends chan<- uint16) {
	conn, err := d.wait(ctx, until)
	if err != nil {
		return
	}
	ends <- d.shot.from
	<-ctx.Done() // the other end must not be reset before it is seen
	reset(conn)
}

// admit waits for a connection from a certain endpoint to one of our spare ports.
func (f *flight) admit(ctx context.Context, port uint16, from netip.AddrPort, ends chan<- uint16) {
	ln := f.spareOf(port)
	defer context.AfterFunc(ctx, func() { _ = ln.SetDeadline(time.Unix(1, 0)) })()
	for {
		conn, err := ln.AcceptTCP()
		if err != nil {
			return
		}
		if endpoint(conn.RemoteAddr()) == from {
			ends <- port
			<-ctx.Done()
			reset(conn)
			return
		}
		reset(conn)
	}
}

func (f *flight) spareOf(port uint16) *net.TCPListener {
	for _, ln := range f.spares {
		if portOf(ln) == port {
			return ln
		}
	}
	return nil
}
