package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

// The three hosts of DCUtR. The listener keeps a reservation at the relay, the dialer
// connects to him by way of it, and the listener then begins to punch.
const (
	relaying  = "relay"
	listening = "listen"
	dialling  = "dial"
)

// port is where each of them listens.
const port = 4001

// word is what a host says on its standard output, a line of JSON each.
type word struct {
	What string    `json:"what"`
	At   time.Time `json:"at"`
	Why  string    `json:"why,omitempty"`
}

// What hosts say.
const (
	ready   = "ready"   // the relay relays; the listener can be reached there
	relayed = "relayed" // the listener has the dialer's connection by way of the relay
	direct  = "direct"  // a direct connection to the other peer is there, authenticated
	failed  = "failed"  // an attempt to punch has failed
)

func say(what string, err error) {
	w := word{What: what, At: time.Now()}
	if err != nil {
		w.Why = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(w) // nobody listens any more if that fails
}

// runHost is one of the hosts, until ctx ends.
func runHost(ctx context.Context, role, relayAt string) error {
	h, err := open(role)
	if err != nil {
		return err
	}
	h.Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) { notice(role, c) }})
	switch role {
	case relaying:
		say(ready, nil)
	case listening:
		err = reserve(ctx, h, relayAt)
	case dialling:
		err = dial(ctx, h, relayAt)
	}
	if err != nil {
		return errors.Join(err, h.Close())
	}
	<-ctx.Done()
	return h.Close()
}

func open(role string) (host.Host, error) {
	options := []libp2p.Option{
		libp2p.Identity(key(role)), libp2p.NoTransports, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", port)),
	}
	if role == relaying {
		options = append(options, libp2p.EnableRelayService(relay.WithInfiniteLimits()), libp2p.ForceReachabilityPublic())
		return libp2p.New(options...)
	}
	options = append(options, libp2p.ForceReachabilityPrivate(), libp2p.EnableHolePunching(holepunch.WithTracer(tracer{})))
	return libp2p.New(options...)
}

// meetRelay connects to the relay, and waits until libp2p has seen what the relay tells of
// our address.
func meetRelay(ctx context.Context, h host.Host, relayAt string) (peer.AddrInfo, error) {
	at, err := relayInfo(relayAt)
	if err == nil {
		err = h.Connect(ctx, at)
	}
	if err != nil {
		return at, err
	}
	select {
	case <-time.After(settling):
		return at, nil
	case <-ctx.Done():
		return at, ctx.Err()
	}
}

// reserve has the relay take connections for the listener.
func reserve(ctx context.Context, h host.Host, relayAt string) error {
	at, err := meetRelay(ctx, h, relayAt)
	if err != nil {
		return err
	}
	if _, err := client.Reserve(ctx, h, at); err != nil {
		return err
	}
	say(ready, nil)
	return nil
}

// dial connects to the listener by way of the relay, once the relay has told our address.
func dial(ctx context.Context, h host.Host, relayAt string) error {
	at, err := meetRelay(ctx, h, relayAt)
	if err != nil {
		return err
	}
	listener, err := peer.IDFromPrivateKey(key(listening))
	if err != nil {
		return err
	}
	circuit, err := ma.NewMultiaddr(fmt.Sprintf("%s/p2p/%s/p2p-circuit", relayAt, at.ID))
	if err != nil {
		return err
	}
	relayed := network.WithAllowLimitedConn(ctx, "to punch from")
	return h.Connect(relayed, peer.AddrInfo{ID: listener, Addrs: []ma.Multiaddr{circuit}})
}

// notice tells of connections to the other peer.
func notice(role string, c network.Conn) {
	other := listening
	if role == listening {
		other = dialling
	}
	id, err := peer.IDFromPrivateKey(key(other))
	switch {
	case err != nil || role == relaying || c.RemotePeer() != id:
	case throughRelay(c.RemoteMultiaddr()):
		if role == listening {
			say(relayed, nil)
		}
	default:
		say(direct, nil)
	}
}

// tracer tells of attempts that failed.
type tracer struct{}

func (tracer) Trace(e *holepunch.Event) {
	switch e := e.Evt.(type) {
	case *holepunch.EndHolePunchEvt:
		if !e.Success {
			say(failed, errors.New(e.Error))
		}
	case *holepunch.ProtocolErrorEvt:
		say(failed, errors.New(e.Error))
	}
}

func throughRelay(a ma.Multiaddr) bool {
	_, err := a.ValueForProtocol(ma.P_CIRCUIT)
	return err == nil
}

// settling is how long a host waits before it is ready. Libp2p looks by steps, which
// double from 250 ms, whether it knows an address of its own, and answers nobody who
// wants to punch before.
const settling = 2 * time.Second

func relayInfo(at string) (peer.AddrInfo, error) {
	address, err := ma.NewMultiaddr(at)
	if err != nil {
		return peer.AddrInfo{}, err
	}
	id, err := peer.IDFromPrivateKey(key(relaying))
	return peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{address}}, err
}

// key is that of a role: all know each other.
func key(role string) crypto.PrivKey {
	k, _, err := crypto.GenerateEd25519Key(repeated(role[0]))
	if err != nil {
		panic(err) // the reader never fails
	}
	return k
}

// repeated is a source of one byte, which is no secret.
type repeated byte

func (b repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}
