package rendezvous

import (
	"net/netip"
	"sync"
	"time"
)

// How many dial-backs a server makes. A client that classifies its NAT asks for two or four. The burst is for several
// clients behind one address, as a carrier's NAT has them, and the rate is what they may go on with. The server's own
// rate keeps it from being of use to somebody who has many addresses: it is less than one of them could send by itself.
const (
	clientBurst = 64
	clientRate  = 8 // per second
	serverRate  = 1000
)

// allowance is what is left of these limits. The zero value is full. Its methods may be called from several goroutines.
type allowance struct {
	mu      sync.Mutex
	all     bucket
	each    map[netip.Prefix]bucket // a full one need not be here
	sweepAt int                     // how many of them are worth a look for full ones
}

// bucket holds what has been taken out of a token bucket and has not yet flowed back.
type bucket struct {
	taken float64
	at    time.Time
}

// ebb lets flow back what the time since brings.
func (b bucket) ebb(now time.Time, rate float64) bucket {
	return bucket{max(0, b.taken-rate*max(0, now.Sub(b.at)).Seconds()), now}
}

// take tells whether one more dial-back to the address is allowed, and counts it if so. What is refused costs nothing.
func (a *allowance) take(to netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	who := subscriber(to)
	all, one := a.all.ebb(now, serverRate), a.each[who].ebb(now, clientRate)
	if all.taken+1 > serverRate || one.taken+1 > clientBurst {
		return false
	}
	if len(a.each) >= a.sweepAt {
		a.sweep(now)
	}
	all.taken++
	one.taken++
	a.all, a.each[who] = all, one
	return true
}

// sweep forgets full buckets. Others are at most as many as serverRate lets come into being while one fills again, and
// waiting until their number has doubled makes its cost that of one look per dial-back.
func (a *allowance) sweep(now time.Time) {
	if a.each == nil {
		a.each = make(map[netip.Prefix]bucket)
	}
	for who, b := range a.each {
		if b.ebb(now, clientRate).taken == 0 {
			delete(a.each, who)
		}
	}
	a.sweepAt = max(serverRate, 2*len(a.each))
}

// forget makes every bucket full.
func (a *allowance) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all, a.each, a.sweepAt = bucket{}, nil, 0
}

// subscriber is what counts as one client: an IPv4 address, or the /64 that a subscriber has at least (RFC 6177, 2).
func subscriber(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits) // fails for a bad number of bits only
	return p
}
