package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/topologies"
)

func newTopology(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topology",
		Short: "List and show topologies",
		Long:  "topology lists the topologies that there are, and shows who stands behind whom in one.",
		Example: `  punchlab topology list
  punchlab topology show double-nat`,
	}
	asGroup(cmd)
	cmd.AddCommand(newTopologyList(c), newTopologyShow(c))
	return cmd
}

func newTopologyList(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the topologies",
		Long:  "list prints the topologies, the slots for NAT profiles that each has, and its round trip between Alice and Bob.",
		Example: `  punchlab topology list
  punchlab topology list --topologies my-networks/ --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, layouts, err := c.catalogues()
			if err != nil {
				return err
			}
			all := layouts.All()
			if !c.json {
				return write(cmd.OutOrStdout(), topologyTable(all, pageWidth(os.Stdout)))
			}
			described := []layout{}
			for _, t := range all {
				described = append(described, describe(t))
			}
			return printJSON(cmd.OutOrStdout(), described)
		},
	}
}

func newTopologyShow(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "show TOPOLOGY",
		Short: "Show a topology as a tree",
		Long: `show draws a topology as a tree and names its slots. The topology is named by its
name or by the path of its file.

The round trip that it tells is that between Alice and Bob by their shortest way,
which is 0s where they share a network. --rtt of bench and trial sets the round
trip between the peers' access networks, through the core: what a packet takes
that goes to the peer's external endpoint from outside.`,
		Example: `  punchlab topology show two-nats
  punchlab topology show ./my-network.yaml --json`,
		Args: oneArgument("topology", "punchlab topology list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, layouts, err := c.catalogues()
			if err != nil {
				return err
			}
			t, err := layouts.Get(args[0])
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), describe(t))
			}
			return write(cmd.OutOrStdout(), topologyPage(t))
		},
	}
}

// layout is a topology for machines, with what follows from its nodes.
type layout struct {
	topologies.Topology
	Slots []topologies.Slot `json:"slots"`
	RTTMS float64           `json:"rtt_ms"` // between alice and bob, milliseconds
}

func describe(t topologies.Topology) layout {
	return layout{t, append([]topologies.Slot{}, t.Slots()...), results.Milliseconds(peersRTT(t))}
}

// peersRTT is the round trip between the peers before anything scales it.
func peersRTT(t topologies.Topology) time.Duration { return t.RTT(topologies.Alice, topologies.Bob) }

func topologyTable(all []topologies.Topology, width int) string {
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{t.Name, dash(strings.Join(slotNames(t), ", ")), peersRTT(t).String(), t.Summary})
	}
	return list([]string{"topology", "slots", "round trip", "summary"}, rows, width)
}

func topologyPage(t topologies.Topology) string {
	var slots []string
	for _, s := range t.Slots() {
		text := s.Name
		if s.Default != "" {
			text += " (" + s.Default + " unless chosen)"
		}
		slots = append(slots, text)
	}
	return fmt.Sprintf("%s: %s\n\n%s\n", t.Name, t.Summary, t.Tree()) + entries("", [][2]string{
		{"slots for profiles", words(slots)},
		{"round trip", peersRTT(t).String() + " between alice and bob\n" +
			"--rtt of bench and trial sets the round trip between the peers'\naccess networks, through the core"},
	})
}

func slotNames(t topologies.Topology) []string {
	var names []string
	for _, s := range t.Slots() {
		names = append(names, s.Name)
	}
	return names
}
