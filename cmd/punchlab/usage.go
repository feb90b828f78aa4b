package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// problems collects all that is wrong with a command line, so that the user is
// told at once.
type problems struct{ errs []error }

// add notes what is wrong with a flag. Each line of err is a problem of its
// own, unless it is indented: then it belongs to the one before it. A nil err
// is no problem.
func (p *problems) add(flag string, err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			line = flag + ": " + line
		}
		p.errs = append(p.errs, errors.New(line))
	}
}

// addf is add with a text.
func (p *problems) addf(flag, format string, args ...any) {
	p.add(flag, fmt.Errorf(format, args...))
}

func (p *problems) err() error { return misuse(errors.Join(p.errs...)) }

// flagError says in our words what pflag found wrong.
func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	var value *pflag.InvalidValueError
	var none *pflag.ValueRequiredError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case cmd.HasSubCommands() && cmd.Flags().NArg() > 0:
		// The flags of a verb that there is not are unknown, too.
		return unknownVerb(cmd, cmd.Flags().Arg(0))
	case errors.As(err, &missing):
		return unknownFlag(cmd, missing)
	case errors.As(err, &value):
		flag := value.GetFlag()
		return fmt.Errorf("--%s: %s is not %s", flag.Name, strictyaml.Quote(value.GetValue()), wanted(flag))
	case errors.As(err, &none):
		return fmt.Errorf("--%s: needs a value", none.GetFlag().Name)
	}
	return err
}

// wanted says what the value of a flag has to be.
func wanted(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "bool":
		return "true or false"
	case "duration":
		return "a duration, such as 40ms or 1.5s"
	case "int":
		return "a whole number"
	case "float64":
		return "a number, such as 20"
	case "labs":
		return "auto or a whole number"
	case "percent":
		return "a percentage above 0% and below 50%, such as 2%"
	case "uint64":
		return "a whole number from 0 to 18446744073709551615"
	}
	return "a list with commas between its words, such as x,y"
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	word, hint := "-"+err.GetSpecifiedName(), ""
	if err.GetSpecifiedShortnames() == "" {
		word = "-" + word
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
		hint = strictyaml.DidYouMean(word, known)
	}
	return fmt.Errorf("%s: unknown flag of %s%s (%s --help lists them)", word, cmd.CommandPath(), hint, cmd.CommandPath())
}

func unknownVerb(of *cobra.Command, word string) error {
	var verbs []string
	for _, c := range of.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			verbs = append(verbs, c.Name())
		}
	}
	return fmt.Errorf("%s is not a verb of %s%s (verbs: %s)", strictyaml.Quote(word), of.CommandPath(),
		strictyaml.DidYouMean(word, verbs), strings.Join(verbs, ", "))
}

// noArguments is for verbs that are told everything by flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes flags only, and no %s (%s --help lists them)", cmd.CommandPath(),
			strictyaml.Quote(args[0]), cmd.CommandPath())
	}
	return nil
}

// oneArgument is for verbs that are about one thing; list is the verb that
// lists what there is.
func oneArgument(what, list string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s wants the name of one %s, or the path of its file, and got %d arguments (%s lists the names)",
				cmd.CommandPath(), what, len(args), list)
		}
		return nil
	}
}
