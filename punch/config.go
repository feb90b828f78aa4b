package punch

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Defaults of a Config.
const (
	DefaultPatience = 10 * time.Second
	DefaultWait     = 2 * time.Minute
)

// Config says how to connect. Rendezvous, Secret and Strategy are required.
type Config struct {
	Network    Network          // where our sockets are born; Here if nil
	Rendezvous []netip.AddrPort // IPv4 addresses of one server; the next is tried where one cannot be reached
	Secret     Secret           // shared with the peer and with nobody else
	Strategy   Strategy         // the peer must follow the same
	// Classification is what Classify has found out before, for this network and this server; it saves its time and
	// packets. Nil: strategies that need it find it out while the peer is awaited.
	Classification *Classification
	Patience       time.Duration // how long to try, from the introduction on; DefaultPatience if zero
	Wait           time.Duration // how long to wait for the peer at the rendezvous; DefaultWait if zero
	Trace          func(Event)   // told of what happens, by one goroutine at a time, which it holds up; nil: nobody is
	Hold           time.Duration // for experiments: this peer reads its introduction that much later, as a slow host does
}

// check tells everything that is wrong with the Config.
func (c Config) check() error {
	wrong := []error{c.Secret.check()}
	if c.Strategy == nil {
		wrong = append(wrong, errors.New("no strategy is given"))
	}
	if len(c.Rendezvous) == 0 {
		wrong = append(wrong, errors.New("no rendezvous is given"))
	}
	for _, at := range c.Rendezvous {
		if !at.Addr().Is4() || at.Port() == 0 {
			wrong = append(wrong, fmt.Errorf("rendezvous %q is not an IPv4 address and port", at))
		}
	}
	if c.Classification != nil {
		wrong = append(wrong, c.Classification.Check())
	}
	for _, given := range []struct {
		name string
		time.Duration
	}{{"patience", c.Patience}, {"wait", c.Wait}, {"hold", c.Hold}} {
		if given.Duration < 0 {
			wrong = append(wrong, fmt.Errorf("%s %s is negative", given.name, given.Duration))
		}
	}
	return errors.Join(wrong...)
}

// complete fills in the defaults.
func (c Config) complete() Config {
	if c.Network == nil {
		c.Network = Here
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	return c
}
