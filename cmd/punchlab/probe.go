package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/punch"
)

// probeFlags are those of nat probe.
type probeFlags struct{ output string }

func newNATProbe(c *common) *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe SERVER",
		Short: "Find out what the NATs in front of this machine do",
		Long: `probe finds out what stands between this machine and a server that punchlab serve
runs: what a mapping depends on and how it gets its port, who may come in, what an
unsolicited SYN gets, how far away the outermost NAT is, and more, for TCP. It
opens some dozens of connections to the server, and takes some round trips.

It prints the profile of a NAT that does the same, ready for bench, trial and
verify. What was not measured has its default, and a comment says so. Several NATs
in a row look like one from here.

It is no lab: it probes the network that this machine is really in.`,
		Example: `  punchlab nat probe punch.example.org
  punchlab nat probe 203.0.113.1:3478 -o my-nat.yaml && punchlab nat verify ./my-nat.yaml
  punchlab nat probe punch.example.org --json`,
		Args: oneServer,
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, stop := interruptible()
			defer stop()
			server, err := resolve(ctx, args[0])
			if err != nil {
				return misuse(err)
			}
			return f.probe(ctx, args[0], server, c.json)
		},
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` to write the profile to, which must not exist")
	return cmd
}

func oneServer(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s wants one server, as HOST or HOST:PORT (%s --help)", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// resolve finds the IPv4 addresses of a server.
func resolve(ctx context.Context, server string) (all []netip.AddrPort, err error) {
	host, text, port := server, "", uint64(defaultPort)
	if h, p, err := net.SplitHostPort(server); err == nil {
		host, text = h, p
	}
	if text != "" {
		if port, err = strconv.ParseUint(text, 10, 16); err != nil || port == 0 {
			return nil, fmt.Errorf("server %q: %q is not a port from 1 to 65535", server, text)
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return nil, fmt.Errorf("server %q: %w", server, err)
	}
	for _, addr := range addrs {
		all = append(all, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
	}
	return all, nil
}

// measured is what probe prints for machines.
type measured struct {
	Server         string               `json:"server"`
	Classification punch.Classification `json:"classification"`
	RoundTrips     float64              `json:"round_trips"`
	Packets        int                  `json:"packets"`
	TookMS         float64              `json:"took_ms"`
}

// probe classifies and prints.
func (f *probeFlags) probe(ctx context.Context, name string, server []netip.AddrPort, asJSON bool) error {
	if f.output != "" { // before anything is sent
		if _, err := os.Lstat(f.output); !errors.Is(err, os.ErrNotExist) {
			return misuse(fmt.Errorf("--output: %s is there already, or cannot be looked at; name another file", f.output))
		}
	}
	c, cost, err := punch.Classify(ctx, punch.Here, server)
	if err != nil {
		return failed(fmt.Errorf("probe %s: %w", name, err))
	}
	text, err := bench.Profile(c, fmt.Sprintf("punchlab nat probe %s, %s", name, time.Now().Format(time.DateOnly)))
	if err != nil {
		return failed(fmt.Errorf("probe %s: %w (%s)", name, err, c))
	}
	fmt.Fprintf(os.Stderr, "%s\n%d packets in %s, %.1f round trips\n", c, cost.Packets, cost.Took.Round(time.Millisecond), cost.RoundTrips)
	if f.output != "" {
		if err := writeNew(f.output, text); err != nil {
			return failed(err)
		}
	}
	switch {
	case asJSON:
		return printJSON(os.Stdout, measured{name, c, cost.RoundTrips, cost.Packets, float64(cost.Took.Microseconds()) / 1000})
	case f.output == "":
		_, err = fmt.Fprint(os.Stdout, text)
	}
	return failed(err)
}

// writeNew writes a file that must not exist yet.
func writeNew(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
