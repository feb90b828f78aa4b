package punch

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// Cost is what a classification has taken, from its first SYN on. Reaching the server and being welcomed by it comes
// before and is not counted.
type Cost struct {
	RoundTrips float64       // Took, in round trips to the server; 0 where these are not known
	Packets    int           // SYNs that left, and lines to the server; neither acknowledgements nor answers
	Took       time.Duration // until all was known
}

// everything is all parts of a classification.
const everything = partMapping | partArming | partHairpin | partDisturbed

// Classify finds out what the NATs between a network and a server are like, by connections from spare ports that are
// closed again. Server is the IPv4 addresses of one server, of which the first that answers is used; it has to run on
// two addresses with two ports each, and to dial back, for all to be found out (see [rendezvous.Server]). What it
// cannot find out is left empty; what did not fit together is in Doubts.
//
// From the first SYN on it takes four round trips to the server, an eighth of one and 5 ms, or three and a half and
// 20 ms where that is longer and the NAT answers nothing; two more before, to reach the server. What should answer
// and does not, such as a lost SYN, costs up to three round trips and 600 ms more, and is left out. The methods are
// those of RFC 5780, with TCP in place of STUN's datagrams; how far a SYN must get to open the NATs is found out by
// letting the server in through such openings. TTLs and the walk need Linux; elsewhere they are left empty.
//
// The error tells why nothing could be found out. When Classify returns, all that it opened is closed. Several may
// run at once, but each asks for 7 dial-backs, and the server makes 64 at once for one address and then 8 in a
// second.
func Classify(ctx context.Context, network Network, server []netip.AddrPort) (Classification, Cost, error) {
	var c Classification
	var cost Cost
	cfg := Config{Network: network, Rendezvous: server, Strategy: relay{}, Secret: NewSecret()} // it does not listen
	if err := cfg.check(); err != nil {
		return c, cost, fmt.Errorf("classify: %w", err)
	}
	cfg = cfg.complete()
	b, err := reach(ctx, cfg)
	if err != nil {
		return c, cost, fmt.Errorf("classify: %w", err)
	}
	defer b.close()
	welcome, err := present(ctx, b, cfg.Secret)
	if err != nil {
		return c, cost, fmt.Errorf("classify: %w", err)
	}
	s := &survey{
		network: cfg.Network, endpoints: welcome.Endpoints, dialPort: welcome.DialPort,
		rtt: roundTrip(b.conn), server: b.server(),
	}
	defer s.close()
	began := time.Now()
	c, err = s.classify(ctx, everything, nil)
	cost = Cost{Packets: s.sent, Took: time.Since(began)}
	if s.rtt > 0 {
		cost.RoundTrips = float64(cost.Took) / float64(s.rtt)
	}
	return c, cost, err
}

// present says hello to a meeting that nobody else comes to: the server's welcome says what there is to be measured
// with.
func present(ctx context.Context, b *base, secret Secret) (rendezvous.Welcome, error) {
	soon, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	welcome, err := b.client.Hello(soon, rendezvous.Hello{
		Meeting: secret.meeting(), Peer: rendezvous.NewID(), Nonce: rendezvous.NewNonce(), Strategy: "classify",
	})
	if err != nil {
		return welcome, atRendezvous(ctx, err)
	}
	return welcome, nil
}
