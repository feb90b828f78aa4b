package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/natprofiles"
)

func newNAT(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nat",
		Short: "List, show and prove NAT profiles",
		Long: `nat lists the NAT profiles that there are, shows what one says and where it knows
that from, proves by probing that a lab's NAT does what its profile says, finds
out what the NATs in front of this machine do, and prints the schema by which
editors complete such files.`,
		Example: `  punchlab nat list
  punchlab nat show openwrt
  punchlab nat verify openwrt
  punchlab nat probe punch.example.org > my-nat.yaml
  punchlab nat schema > profile.schema.json`,
	}
	asGroup(cmd)
	cmd.AddCommand(newNATList(c), newNATShow(c), newNATSchema(), newNATVerify(c), newNATProbe(c))
	return cmd
}

func newNATList(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "list [PROFILE|SET...]",
		Short: "List the NAT profiles, or those of sets",
		Long: `list prints the NAT profiles with what TCP peers can tell of them: what a mapping
depends on, how it gets its port, what filtering depends on, and the answer to a
SYN that nobody asked for. Without arguments it prints all of them, and the sets
that they belong to. A set is a query, which a profile of yours joins by itself.`,
		Example: `  punchlab nat list
  punchlab nat list classes
  punchlab nat list real ./my-router.yaml
  punchlab nat list --profiles my-nats/ --json`,
		RunE: func(cmd *cobra.Command, words []string) error {
			profiles, _, err := c.catalogues()
			if err != nil {
				return err
			}
			listed := profiles.All()
			if len(words) > 0 {
				if listed, err = profiles.Select(words...); err != nil {
					return err
				}
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), listed)
			}
			width := pageWidth(os.Stdout)
			page := natTable(listed, width)
			if len(words) == 0 {
				page += "\n" + setTable(profiles, width)
			}
			return write(cmd.OutOrStdout(), page)
		},
	}
}

func newNATShow(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "show PROFILE",
		Short: "Show what a NAT profile says and where from",
		Long: `show prints all that a NAT profile says, which of it is a default, the sources of
the rest, and how it stands to the requirements of RFC 4787 (NATs for UDP), RFC
5382 (for TCP) and RFC 6888 (of carriers). The profile is named by its name, an
alias, or the path of its file.`,
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
				return printJSON(cmd.OutOrStdout(), struct {
					natprofiles.Profile
					Verdicts []natprofiles.Verdict `json:"verdicts,omitempty"`
				}{p, p.Verdicts()})
			}
			page, err := natPage(p, pageWidth(os.Stdout))
			if err != nil {
				return failed(err)
			}
			return write(cmd.OutOrStdout(), page)
		},
	}
}

func newNATSchema() *cobra.Command {
	var sets bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of profile files",
		Long: `schema prints the JSON Schema of the YAML files of profiles, by which editors
complete and check such files as they are written. A file names its schema in its
first line:

  # yaml-language-server: $schema=./profile.schema.json`,
		Example: `  punchlab nat schema > profile.schema.json
  punchlab nat schema --sets > set.schema.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sets {
				return write(cmd.OutOrStdout(), natprofiles.SetSchema())
			}
			return write(cmd.OutOrStdout(), natprofiles.Schema())
		},
	}
	cmd.Flags().BoolVar(&sets, "sets", false, "the schema of the files of sets")
	return cmd
}

// dependences are how tables write them.
var dependences = map[natprofiles.Dependence]string{
	natprofiles.EndpointIndependent:     "EI",
	natprofiles.AddressDependent:        "AD",
	natprofiles.AddressAndPortDependent: "APD",
	natprofiles.Unfiltered:              "none",
	"":                                  "none", // a router that maps nothing
}

// natTable lists profiles with their behaviour for TCP, and marks where UDP
// differs.
func natTable(profiles []natprofiles.Profile, width int) string {
	const differs = "*"
	marked := false
	var rows [][]string
	for _, p := range profiles {
		row := []string{p.Name}
		tcp, udp := columns(p.TCP), columns(p.UDP)
		for i, word := range tcp {
			if udp[i] != word {
				marked = true
				word += differs
			}
			row = append(row, word)
		}
		rows = append(rows, append(row, p.Summary))
	}
	legend := "\nEI: endpoint-independent; AD, APD: address(-and-port)-dependent (RFC 4787).\n"
	if marked {
		legend += differs + ": UDP differs, and punchlab nat show tells how.\n"
	}
	header := []string{"profile", "mapping", "ports", "filtering", "unsolicited", "summary"}
	if width > 0 && width-taken(header, rows) < leastText {
		legend += "A wider terminal has room for summaries.\n"
		header = header[:len(header)-1]
		for i, row := range rows {
			rows[i] = row[:len(header)]
		}
	}
	return list(header, rows, width) + legend
}

// answerWords are how the table writes answers.
var answerWords = map[natprofiles.Answer]string{
	natprofiles.Drop:               "drop",
	natprofiles.Reset:              "reset",
	natprofiles.PortUnreachable:    "unreachable",
	natprofiles.AdminProhibited:    "prohibited",
	natprofiles.DelayedUnreachable: "after 6s",
}

// columns are what the table tells of a protocol.
func columns(t natprofiles.Transport) []string {
	ports, _, _ := strings.Cut(t.Ports.Kind(), "-or-")
	return []string{dependences[t.Mapping], dash(ports), dependences[t.Filtering], dash(answerWords[t.Unsolicited])}
}

// setTable lists the sets with the number of their profiles.
func setTable(profiles natprofiles.Catalogue, width int) string {
	var rows [][]string
	for _, s := range profiles.Sets() {
		rows = append(rows, []string{s.Name, fmt.Sprint(len(profiles.Members(s))), s.Summary})
	}
	return list([]string{"set", "profiles", "summary"}, rows, width)
}

// dash stands where a field does not apply.
func dash(word string) string {
	if word == "" {
		return "–"
	}
	return word
}
