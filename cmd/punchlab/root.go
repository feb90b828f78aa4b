package main

import (
	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// common are the flags of every verb.
type common struct {
	json       bool
	profiles   string
	topologies string
}

// catalogues opens what is shipped and what the user has besides.
func (c *common) catalogues() (natprofiles.Catalogue, topologies.Catalogue, error) {
	var p problems
	profiles, err := natprofiles.Open(c.profiles)
	p.add("--profiles", err)
	layouts, err := topologies.Open(c.topologies)
	p.add("--topologies", err)
	return profiles, layouts, p.err()
}

func newRoot() *cobra.Command {
	var c common
	root := &cobra.Command{
		Use:   "punchlab",
		Short: "Measure which pairs of NATs let peers connect",
		Long: `punchlab builds small internets out of Linux network namespaces, puts NATs into
them whose behaviour is written in YAML, lets a TCP hole-punching engine try to
get through, and tells which pairs of NATs connect, how often and how fast.

Wherever a profile, a topology or a population is named, the path of a YAML file
works too.

Exit status: 0 done; 1 something ran and failed; 2 wrong usage or input. That of
run is its programs'.`,
		Example: `  punchlab bench
  punchlab compare results/main results/branch
  punchlab trial --nat-a openwrt --nat-b linux-masquerade --strategy simultaneous-open
  punchlab run --topology one-nat --nat-a openwrt --a bash
  punchlab nat list
  punchlab doctor`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	asGroup(root)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.BoolVar(&c.json, "json", false, "print for machines, on stdout")
	flags.StringVar(&c.profiles, "profiles", "", "your `folder` of NAT profiles; they win over shipped ones of the same name")
	flags.StringVar(&c.topologies, "topologies", "", "your `folder` of topologies; they win over shipped ones of the same name")
	root.SetHelpCommand(newHelp())
	root.AddCommand(newBench(&c), newReport(&c), newCompare(&c), newMerge(&c), newTrial(&c), newRun(&c), newNAT(&c), newTopology(&c),
		newPopulation(&c), newServe(&c), newDoctor(&c), newVersion(&c))
	return root
}

// newHelp replaces cobra's own, which takes an unknown verb for no error.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [verb]",
		Short: "Tell about punchlab or one of its verbs",
		Long:  "help tells about punchlab or one of its verbs. So does --help behind the verb.",
		Example: `  punchlab help bench
  punchlab help nat show`,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknownVerb(about, rest[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// asGroup makes a verb that only has verbs below it tell about them, and name
// the nearest where there is none of that name.
func asGroup(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownVerb(cmd, args[0])
		}
		return cmd.Help()
	}
}
