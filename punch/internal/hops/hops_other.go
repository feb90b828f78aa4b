//go:build !linux

package hops

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"time"
)

// Walk is the SYNs of one walk. There are none here.
type Walk struct{}

// Start is not supported: no socket here tells which router an ICMP error came from.
func Start(netip.AddrPort, int) (*Walk, error) { return nil, errors.ErrUnsupported }

// Hops yields nothing.
func (w *Walk) Hops(context.Context, time.Time) iter.Seq[Hop] { return func(func(Hop) bool) {} }

// Close does nothing.
func (w *Walk) Close() {}
