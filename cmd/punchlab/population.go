package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench/populations"
)

func newPopulation(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "population",
		Short: "List and show how common NATs are",
		Long: `population lists the populations that there are, and shows one. A population is
weights over NAT profiles: how common each is among some peers, and where that is
known from, or that it is assumed.`,
		Example: `  punchlab population list
  punchlab population show home-2005
  punchlab bench --nat $(punchlab population show mobile --names)`,
	}
	asGroup(cmd)
	cmd.AddCommand(newPopulationList(c), newPopulationShow(c))
	return cmd
}

// populations opens what is shipped, over the profiles that the user has.
func (c *common) populations() (populations.Catalogue, error) {
	profiles, _, err := c.catalogues()
	if err != nil {
		return populations.Catalogue{}, err
	}
	return populations.Open(profiles)
}

func newPopulationList(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the populations, and what others have published",
		Long: `list prints the populations, with the number of their profiles and how much of
their weight somebody has counted, and the success rates that others have
published, with what each counts.`,
		Example: `  punchlab population list
  punchlab population list --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := c.populations()
			if err != nil {
				return err
			}
			if !c.json {
				return write(cmd.OutOrStdout(), populationTable(all.All(), pageWidth(os.Stdout)))
			}
			told := struct {
				Populations []weighed            `json:"populations"`
				Published   []populations.Figure `json:"published"`
			}{Published: populations.Published()}
			for _, p := range all.All() {
				told.Populations = append(told.Populations, weigh(p))
			}
			return printJSON(cmd.OutOrStdout(), told)
		},
	}
}

func newPopulationShow(c *common) *cobra.Command {
	var names bool
	cmd := &cobra.Command{
		Use:   "show POPULATION",
		Short: "Show the weights of a population and where they are from",
		Long: `show prints the groups of a population, the weight of each and of the profiles in
it, and the sources of both. The population is named by its name or by the path of
its file.

With --names it prints the names of the profiles alone, with commas between them,
as --nat of bench takes them.`,
		Example: `  punchlab population show home-today
  punchlab population show ./our-customers.yaml --json
  punchlab population show mobile --names`,
		Args: oneArgument("population", "punchlab population list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := c.populations()
			if err != nil {
				return err
			}
			p, err := all.Get(args[0])
			switch {
			case err != nil:
				return err
			case c.json:
				return printJSON(cmd.OutOrStdout(), weigh(p))
			case names:
				return write(cmd.OutOrStdout(), profileNames(p)+"\n")
			}
			return write(cmd.OutOrStdout(), populationPage(p))
		},
	}
	cmd.Flags().BoolVar(&names, "names", false, "the names of its profiles alone")
	return cmd
}

// weighed is a population for machines, with what follows from its groups.
type weighed struct {
	populations.Population
	GroupsCounted   float64             `json:"groups_counted"` // shares whose weight is not assumed
	ProfilesCounted float64             `json:"profiles_counted"`
	Shares          []populations.Share `json:"shares"` // of each profile, over all groups
}

func weigh(p populations.Population) weighed {
	groups, profiles := p.Counted()
	return weighed{p, groups, profiles, p.Shares()}
}

func profileNames(p populations.Population) string {
	var names []string
	for _, s := range p.Shares() {
		names = append(names, s.Profile)
	}
	return strings.Join(names, ",")
}

func populationTable(all []populations.Population, width int) string {
	var rows [][]string
	for _, p := range all {
		groups, profiles := p.Counted()
		rows = append(rows, []string{p.Name, fmt.Sprint(len(p.Shares())), asPercent(groups) + " / " + asPercent(profiles), p.Summary})
	}
	page := list([]string{"population", "profiles", "counted", "summary"}, rows, width) +
		"\nCounted: the weight that is not assumed, of groups / of single profiles.\n"
	rows = nil
	for _, f := range populations.Published() {
		rows = append(rows, []string{f.Name, f.Value(), string(f.Of), f.Meaning()})
	}
	return page + "\n" + list([]string{"published", "figure", "of", "what it counts"}, rows, width)
}

// populationPage shows each group, and below it the profiles in it, with the
// numbers of their sources.
func populationPage(p populations.Population) string {
	var rows [][]string
	var sources []populations.Source
	number := func(s populations.Source) string {
		for i, known := range sources {
			if known == s {
				return fmt.Sprintf("[%d]", i+1)
			}
		}
		sources = append(sources, s)
		return fmt.Sprintf("[%d]", len(sources))
	}
	for _, g := range p.Groups {
		rows = append(rows, []string{g.Name, "", asPercent(g.Weight), number(g.Source)})
		if g.Split == nil {
			continue
		}
		from := number(*g.Split)
		for _, m := range g.Members {
			rows = append(rows, []string{"  " + m.Profile, asPercent(m.Weight), asPercent(g.Weight * m.Weight), from})
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", p.Name, p.Summary)
	b.WriteString(list([]string{"group or profile", "of group", "of all", "source"}, rows, 0))
	b.WriteString("\nsources\n")
	for i, s := range sources {
		fmt.Fprintf(&b, "  [%d] %s\n      %s\n", i+1, s.Ref, s.Says)
	}
	return b.String()
}

// percent writes a share in percent, to a tenth.
func asPercent(share float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*share), ".0") + " %"
}
