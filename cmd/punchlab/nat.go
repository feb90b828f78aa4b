package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/natprofiles"
)

func newNAT(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nat",
		Short: "List and show NAT profiles",
		Long:  "nat lists the NAT profiles that there are, and shows what one says and where it knows that from.",
		Example: `  punchlab nat list
  punchlab nat show openwrt`,
	}
	asGroup(cmd)
	cmd.AddCommand(newNATList(c), newNATShow(c))
	return cmd
}

func newNATList(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the NAT profiles",
		Long: `list prints the NAT profiles with what peers can tell of them: what a mapping
depends on, how it gets its port, what filtering depends on, and the answer to a
SYN that nobody asked for.`,
		Example: `  punchlab nat list
  punchlab nat list --profiles my-nats/ --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			profiles, _, err := c.catalogues()
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), profiles.All())
			}
			return write(cmd.OutOrStdout(), natTable(profiles.All(), pageWidth(os.Stdout)))
		},
	}
}

func newNATShow(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "show PROFILE",
		Short: "Show what a NAT profile says and where from",
		Long: `show prints all that a NAT profile says, and the sources of each field. The
profile is named by its name, an alias, or the path of its file.`,
		Example: `  punchlab nat show openwrt
  punchlab nat show ./my-router.yaml
  punchlab nat show linux-random --json`,
		Args: oneArgument("profile", "punchlab nat list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			profiles, _, err := c.catalogues()
			if err != nil {
				return err
			}
			p, err := profiles.Get(args[0])
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), p)
			}
			page, err := natPage(p)
			if err != nil {
				return failed(err)
			}
			return write(cmd.OutOrStdout(), page)
		},
	}
}

// dependences are how tables write them.
var dependences = map[natprofiles.Dependence]string{
	natprofiles.EndpointIndependent:     "EI",
	natprofiles.AddressAndPortDependent: "APD",
	natprofiles.Unfiltered:              "none",
	"":                                  "none", // a router that maps nothing
}

// natTable lists profiles with their behaviour.
func natTable(profiles []natprofiles.Profile, width int) string {
	var rows [][]string
	for _, p := range profiles {
		rows = append(rows, []string{
			p.Name, dependences[p.Mapping], dash(string(p.Ports.Allocation)), dependences[p.Filtering],
			dash(string(p.Unsolicited)), p.Summary,
		})
	}
	return list([]string{"profile", "mapping", "ports", "filtering", "unsolicited", "summary"}, rows, width) +
		"\nEI: endpoint-independent. APD: address-and-port-dependent (RFC 4787).\n"
}

// dash stands where a field does not apply.
func dash(word string) string {
	if word == "" {
		return "–"
	}
	return word
}
