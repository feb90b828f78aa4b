package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what a binary knows about itself.
type build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

func newVersion(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell which punchlab this is",
		Long:  "version tells which punchlab this is, which Go built it, and for which system.",
		Example: `  punchlab version
  punchlab version --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := build{Version: version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
			if c.json {
				return printJSON(cmd.OutOrStdout(), b)
			}
			return write(cmd.OutOrStdout(), fmt.Sprintf("punchlab %s (%s, %s)\n", b.Version, b.Go, b.System))
		},
	}
}

// version is the module's: of the release or commit that was built, as Go
// stamps it, or devel where it could not tell.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
