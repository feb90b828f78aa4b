package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/natprofiles"
)

// aboutProfile are the fields that do not say how a NAT behaves.
var aboutProfile = []string{"name", "summary", "seen-on", "sources", "stated", "aliases", "tags"}

// natPage shows all that a profile says: a line for each field with the
// numbers of its sources, the sources, and what RFCs ask for.
func natPage(p natprofiles.Profile, width int) (string, error) {
	fields, err := behaviour(p)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", p.Name, p.Summary)
	b.WriteString(fieldLines(p, fields))
	b.WriteString("\n" + entries("  ", [][2]string{
		{"in short", p.Behaviour()},
		{"aliases", words(p.Aliases)},
		{"tags", words(p.Tags)},
		{"seen on", dash(strings.Join(p.SeenOn, "; "))},
	}))
	b.WriteString("\nsources\n")
	for i, s := range p.Sources {
		fmt.Fprintf(&b, "  [%d] %s\n      %s: %s\n", i+1, s.Ref, s.Says, words(s.Fields))
	}
	if len(p.Sources) == 0 {
		b.WriteString("  none\n")
	}
	b.WriteString(rfcTable(p, width))
	return b.String(), nil
}

// valueWidth is how long a line of a field's value may be, so that names and
// sources fit into 80 columns beside it.
const valueWidth = 36

// fieldLines tells each field, its value, broken where it is long, and what it
// is known from.
func fieldLines(p natprofiles.Profile, fields []shown) string {
	widest := 0
	values := make([]string, len(fields))
	for i, f := range fields {
		values[i] = text.WrapSoft(f.value, valueWidth)
		widest = max(widest, text.LongestLineLen(values[i]))
	}
	var lines [][2]string
	for i, f := range fields {
		first, rest, more := strings.Cut(values[i], "\n")
		told := fmt.Sprintf("%-*s  %s", widest, first, knownFrom(p, f))
		if more {
			told += "\n" + rest
		}
		lines = append(lines, [2]string{f.name, told})
	}
	return entries("  ", lines)
}

// words joins words, which may be none.
func words(all []string) string { return dash(strings.Join(all, ", ")) }

// shown is a line of the page: a field of behaviour and its value. It may stand
// for the same field of TCP and UDP.
type shown struct {
	name, value string
	paths       []string
}

// knownFrom tells which sources speak of a field, or that it is a default.
func knownFrom(p natprofiles.Profile, f shown) string {
	if !slices.ContainsFunc(f.paths, p.States) {
		return "default"
	}
	numbers := ""
	for i, s := range p.Sources {
		if slices.ContainsFunc(f.paths, s.Covers) {
			numbers += fmt.Sprintf("[%d]", i+1)
		}
	}
	return cmp.Or(numbers, "no source")
}

// behaviour gives the fields of a profile that say how it behaves, and their
// values, named and ordered as in its JSON: a field that is new needs no
// change here. What TCP and UDP have in common is told once.
func behaviour(p natprofiles.Profile) ([]shown, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	var ordered yaml.Node // which reads JSON too, and keeps the order
	if err := yaml.Unmarshal(text, &ordered); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	var fields []shown
	for _, f := range flat("", ordered.Content[0]) {
		if head, _, _ := strings.Cut(f.name, "."); !slices.Contains(aboutProfile, head) {
			fields = append(fields, f)
		}
	}
	return merged(fields), nil
}

// merged tells once what is the same for TCP and UDP, and puts next to each
// other what is not.
func merged(fields []shown) []shown {
	var all []shown
	told := make(map[string]bool)
	for _, f := range fields {
		if told[f.name] {
			continue
		}
		shared, isTCP := strings.CutPrefix(f.name, "tcp.")
		i := -1
		if isTCP {
			i = slices.IndexFunc(fields, func(g shown) bool { return g.name == "udp."+shared })
		}
		switch {
		case i < 0:
			all = append(all, f)
		case fields[i].value == f.value:
			all = append(all, shown{shared, f.value, []string{f.name, fields[i].name}})
		default:
			all = append(all, f, fields[i])
		}
		told["udp."+shared] = isTCP
	}
	return all
}

// flat names the values of a mapping by their whole path: ports.allocation.
func flat(prefix string, mapping *yaml.Node) []shown {
	var fields []shown
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name, value := prefix+mapping.Content[i].Value, mapping.Content[i+1]
		switch value.Kind {
		case yaml.MappingNode:
			fields = append(fields, flat(name+".", value)...)
		case yaml.SequenceNode:
			var elements []string
			for _, e := range value.Content {
				elements = append(elements, e.Value)
			}
			fields = append(fields, shown{name, strings.Join(elements, ", "), []string{name}})
		default:
			fields = append(fields, shown{name, value.Value, []string{name}})
		}
	}
	return fields
}

// rfcTable tells how a profile stands to the requirements of the RFCs, and
// names those that no field decides.
func rfcTable(p natprofiles.Profile, width int) string {
	all := p.Verdicts()
	if len(all) == 0 {
		return ""
	}
	var rows [][]string
	untold := make(map[int][]string)
	for _, v := range all {
		number := fmt.Sprintf("%d %s", v.Requirement.RFC, v.Requirement.Number)
		if v.Standing == natprofiles.Untold || v.Standing == natprofiles.NotApplicable {
			untold[v.Requirement.RFC] = append(untold[v.Requirement.RFC], v.Requirement.Number)
			continue
		}
		rows = append(rows, []string{"  " + number, string(v.Standing), v.Requirement.Text + " (" + v.Because + ")"})
	}
	var left []string
	for _, rfc := range slices.Sorted(maps.Keys(untold)) {
		left = append(left, fmt.Sprintf("RFC %d %s", rfc, strings.Join(slices.Compact(untold[rfc]), ", ")))
	}
	note := "breaks: against a must. departs: against a recommendation. No field decides, or it does not apply: " +
		strings.Join(left, "; ") + "."
	var b strings.Builder
	b.WriteString("\nrequirements\n" + list([]string{"  RFC", "the profile", "what it asks for (what decides)"}, rows, width) + "\n")
	for line := range strings.SplitSeq(text.WrapSoft(note, cmp.Or(width, 100)-2), "\n") {
		b.WriteString("  " + strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
