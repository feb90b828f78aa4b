package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

// defaultPort is STUN's, which a rendezvous resembles (RFC 8489 section 2).
const defaultPort = 3478

// A server has a port to listen on, the next one for a second mapping (RFC 5780
// section 2 wants two of STUN's), and the one after that to dial clients back
// from.
const alternate, dialing = 1, 2

// serveFlags are those of serve.
type serveFlags struct {
	addresses []string
	port      int
}

func newServe(c *common) *cobra.Command {
	var s serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a rendezvous on this machine's own network",
		Long: `serve introduces peers that punch, and lets clients find out what their NATs do
(punchlab nat probe). It is no lab: it serves where this machine really is.

It listens on each address, on two ports, and dials clients back from a third on
which nothing listens, but only to the very address and port that a client's own
connection comes from, and at a limited rate. Telling whether a NAT filters by
address takes two addresses. An address of this machine that is not its public
one, as behind a NAT, will not do.

It serves until it is interrupted.`,
		Example: `  punchlab serve
  punchlab serve --address 203.0.113.1,203.0.113.2 --port 3478`,
		Args: noArguments,
		RunE: func(_ *cobra.Command, _ []string) error {
			endpoints, err := s.endpoints()
			if err != nil {
				return err
			}
			return s.serve(endpoints, c.json)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&s.addresses, "address", nil, "IPv4 `addresses` to listen on (default: all of this machine that are not loopback)")
	flags.IntVar(&s.port, "port", defaultPort, "first of three ports: two to listen on, and one to dial from")
	return cmd
}

// endpoints are where to listen: on each address, on two ports.
func (s *serveFlags) endpoints() ([]netip.AddrPort, error) {
	var p problems
	if s.port < 1 || s.port+dialing > 65535 {
		p.addf("--port", "%d is not a number from 1 to %d", s.port, 65535-dialing)
	}
	addrs := s.given(&p)
	if len(s.addresses) == 0 {
		addrs = ownAddresses()
		if len(addrs) == 0 {
			p.addf("--address", "this machine has no IPv4 address but loopback; name one, such as 127.0.0.1")
		}
	}
	if len(addrs) > maxAddresses {
		p.addf("--address", "this machine has %d addresses, and %d are served at most; name them", len(addrs), maxAddresses)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, addr := range addrs {
		all = append(all, netip.AddrPortFrom(addr, uint16(s.port)), netip.AddrPortFrom(addr, uint16(s.port+alternate)))
	}
	return all, nil
}

// maxAddresses is how many addresses with two ports a welcome has room for.
const maxAddresses = rendezvous.MaxEndpoints / 2

// given reads the addresses of the command line.
func (s *serveFlags) given(p *problems) (all []netip.Addr) {
	for _, text := range s.addresses {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil || !addr.Is4() || addr.IsUnspecified() || addr.IsMulticast() {
			p.addf("--address", "%q is not the IPv4 address of a host, such as 203.0.113.1", text)
			continue
		}
		all = append(all, addr)
	}
	return all
}

// ownAddresses are this machine's IPv4 addresses, but for loopback and
// link-local ones.
func ownAddresses() (all []netip.Addr) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Is4() && prefix.Addr().IsGlobalUnicast() {
			all = append(all, prefix.Addr())
		}
	}
	return all
}

// serve serves until it is interrupted.
func (s *serveFlags) serve(endpoints []netip.AddrPort, asJSON bool) error {
	var listeners []net.Listener
	for _, at := range endpoints {
		l, err := punch.Listen(punch.Here, at)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close()
			}
			return misuse(fmt.Errorf("%w; choose another --address or --port", err))
		}
		listeners = append(listeners, l)
	}
	ctx, stop := interruptible()
	defer stop()
	server := &rendezvous.Server{Endpoints: endpoints, DialPort: uint16(s.port + dialing)}
	if err := announce(server, asJSON); err != nil {
		return err
	}
	return failed(server.Serve(ctx, listeners...))
}

// announce says where the server is.
func announce(s *rendezvous.Server, asJSON bool) error {
	if asJSON {
		return printJSON(os.Stdout, map[string]any{"endpoints": s.Endpoints, "dial_port": s.DialPort})
	}
	texts := make([]string, len(s.Endpoints))
	for i, at := range s.Endpoints {
		texts[i] = at.String()
	}
	fmt.Fprintf(os.Stderr, "serving on %s; dialling back from port %d\n", strings.Join(texts, ", "), s.DialPort)
	if len(s.Endpoints) < 4 {
		fmt.Fprintln(os.Stderr, "there is one address only: whether a NAT goes by addresses cannot be told")
	}
	return nil
}
