package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/topologies"
)

// runFlags are those of run.
type runFlags struct {
	setting
	natA, natB   string
	a, b, server string // commands
	public       string
	keep         bool
}

// publics are the words for addresses of a lab's internet.
var publics = map[string]harness.Public{"reserved": harness.Reserved, "routable": harness.Routable}

// aboutRun is what help says.
const (
	aboutRun = `run builds a lab and starts programs on its hosts, as they are: --server on the
host rendezvous, --a on alice, --b on bob, in this order and each by sh -c. What
they print is passed on line by line, behind the host's name. The run ends when
those of alice and bob have ended; the server is stopped then. Nothing that they
have started is left behind.

A program finds the addresses in its environment:
  PUNCHLAB_HOST          the name of the host that it runs on
  PUNCHLAB_ADDR          that host's own address
  PUNCHLAB_ALICE         alice's own address; so for every host: PUNCHLAB_BOB, …
  PUNCHLAB_RENDEZVOUS    that of the server
  PUNCHLAB_RENDEZVOUS_2  its second one, if the topology has it; and so on
  PUNCHLAB_NAT_A         the external address of the NAT in slot a; so for every
                         slot: PUNCHLAB_NAT_B, PUNCHLAB_NAT_CARRIER, …
Of the caller's environment it has all but what begins with PUNCHLAB_.
There are no names in a lab: it has no DNS. Nothing waits for the server to
listen; a client that comes too soon tries again.

Many programs take the addresses of a lab's internet for private ones, and then
do not even try to punch (libp2p and Tailscale among them): --public routable
has others, as hosts of the real internet have them. Nothing leaves the lab.

With --cross-traffic others open flows through the NATs meanwhile, and take their
ports. A lab that is kept open keeps them, too.

--jitter, --loss, --duplicate, --reorder, --rate, --mtu and --fault are as in
bench (punchlab help bench). What became of faults is told at the end.

Programs read from /dev/null. A program that is alone, where run is started from
a terminal, has that terminal instead, for its output too: a shell on a host, for
example.

Ctrl-C sends TERM to all programs and what they have started, and KILL two
seconds later to those that are still there.

Exit status: that of --a, or if it is 0 that of --b; that of --server where it
is alone; 128+N for a program that signal N ended. 130 after Ctrl-C; 2 also for
wrong usage or input, and where something is missing that a lab needs.`
	examplesOfRun = `  punchlab run --topology one-nat --nat-a openwrt --a bash
  punchlab run --nat-a openwrt --nat-b linux-random \
      --server 'python3 -m http.server 8000' \
      --a 'curl -s --retry 9 --retry-connrefused http://$PUNCHLAB_RENDEZVOUS:8000/'
  punchlab run --nat-a openwrt --nat-b openwrt --server ./relay \
      --a './peer listen $PUNCHLAB_RENDEZVOUS' --b './peer dial $PUNCHLAB_RENDEZVOUS'
  punchlab run --nat-a apdm-sequential --nat-b openwrt --cross-traffic 20 --a './peer $PUNCHLAB_BOB'
  punchlab run --topology open --loss 3% --rate 2mbit --a 'iperf3 -c $PUNCHLAB_BOB' --b 'iperf3 -s -1'
  punchlab run --topology open --rtt 120ms --a 'ping -c 3 $PUNCHLAB_BOB' --b 'timeout 5 tcpdump -ni eth0'
  punchlab run --nat-a openwrt --nat-b ./office.yaml --keep --public routable`
)

func newRun(c *common) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run programs of yours in a lab",
		Long:    aboutRun,
		Example: examplesOfRun,
		Args:    noArguments,
		RunE: func(_ *cobra.Command, _ []string) error {
			r, err := f.run(c)
			if err != nil {
				return err
			}
			inLab(func(ctx context.Context) error { return r.run(ctx) })
			return nil
		},
	}
	f.define(cmd.Flags())
	return cmd
}

func (f *runFlags) define(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&f.natA, "nat-a", "", "`profile` of Alice's NAT: a name, or the path of a YAML file")
	flags.StringVar(&f.natB, "nat-b", "", "`profile` of Bob's NAT")
	flags.StringVar(&f.a, "a", "", "what alice runs: a shell's `command`")
	flags.StringVar(&f.b, "b", "", "what bob runs: a `command`")
	flags.StringVar(&f.server, "server", "", "what rendezvous runs: a `command`")
	flags.BoolVar(&f.keep, "keep", false, "hold the lab open until Ctrl-C, and print how to enter its hosts and NATs from another terminal")
	flags.StringVar(&f.public, "public", "reserved", "`addresses` of the lab's internet: reserved for documents and benchmarks, or routable")
	f.registerPlace(flags)
	f.registerSeed(flags, "decides what links do to which packet, and when cross traffic begins (default random)")
	f.registerCrossTraffic(flags)
}

// program is what a host is to run.
type program struct {
	host    string
	command string // for sh -c
}

// labRun is a lab to build and what is to run in it.
type labRun struct {
	topology topologies.Topology
	nats     harness.NATs
	options  harness.Options
	server   *program
	peers    []program // in the order in which their statuses count
	keep     bool
	json     bool
	// crossTraffic is how many flows of others begin in a second through each
	// NAT in a slot a or b.
	crossTraffic float64
}

// run checks all flags and makes a run of them.
func (f *runFlags) run(c *common) (labRun, error) {
	profiles, layouts, err := c.catalogues()
	if err != nil {
		return labRun{}, err
	}
	choice := &choice{catalogue: profiles}
	r := labRun{keep: f.keep, json: c.json, crossTraffic: f.crossTraffic}
	f.commands(&r, choice)
	public, known := publics[f.public]
	if !known {
		words := []string{"reserved", "routable"}
		choice.addf("--public", "%s is not one of %s%s", strictyaml.Quote(f.public), strings.Join(words, ", "),
			strictyaml.DidYouMean(f.public, words))
	}
	r.options.Public, r.options.Seed = public, f.seedOrRandom()
	if at, known, _ := f.place(layouts, choice); known {
		r.topology, r.nats = at.topology, at.slots
		r.options.Emulation, r.options.Faults = at.emulation, at.faults
		f.checkCrossTraffic(at.topology, choice)
		for _, wanted := range [][2]string{{"a", f.natA}, {"b", f.natB}} {
			slot, name := wanted[0], wanted[1]
			all := choice.varied(at.topology, slot, one(name))
			if len(all) > 1 {
				choice.addf("--nat-"+slot, "a lab has one profile in each slot; want the name of one")
			}
			for _, p := range all {
				r.nats[slot] = p
			}
		}
	}
	return r, choice.err()
}

// commands fills in what is to run.
func (f *runFlags) commands(r *labRun, c *choice) {
	given := func(flag, command string) bool {
		if f.flags.Changed(flag) && strings.TrimSpace(command) == "" {
			c.addf("--"+flag, "the command is empty")
		}
		return f.flags.Changed(flag)
	}
	if given("server", f.server) {
		r.server = &program{topologies.Rendezvous, f.server}
	}
	if given("a", f.a) {
		r.peers = append(r.peers, program{topologies.Alice, f.a})
	}
	if given("b", f.b) {
		r.peers = append(r.peers, program{topologies.Bob, f.b})
	}
	if r.server == nil && len(r.peers) == 0 && !f.keep {
		c.addf("--a, --b, --server, --keep", "nothing is to be done: give at least one of them")
	}
}

// build builds the lab, with others in it if they are wanted. What this kernel or this user lacks shows here.
func (r *labRun) build(ctx context.Context) (*harness.Lab, error) {
	lab, err := harness.Build(ctx, r.topology, r.nats, r.options)
	if err == nil {
		if err = r.disturb(ctx, lab); err == nil {
			return lab, nil
		}
		err = errors.Join(err, lab.Close())
	}
	return nil, misuse(fmt.Errorf("%w\n%s", advised(err), askDoctor))
}

// disturb begins the cross traffic, which ends with ctx or the lab.
func (r *labRun) disturb(ctx context.Context, lab *harness.Lab) error {
	if r.crossTraffic == 0 {
		return nil
	}
	seed := r.options.Seed
	for _, n := range r.topology.Nodes {
		if n.Kind != topologies.NAT || n.Slot != "a" && n.Slot != "b" {
			continue
		}
		_, err := lab.CrossTraffic(ctx, n.Name, harness.CrossTraffic{PerSecond: r.crossTraffic, Seed: seed})
		if err != nil {
			return err
		}
		seed++ // flows through two NATs do not begin together
	}
	return nil
}
