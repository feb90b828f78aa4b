package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/natprofiles"
)

// aboutProfile are the fields that do not say how a NAT behaves.
var aboutProfile = []string{"name", "summary", "seen-on", "sources", "aliases", "tags"}

// natPage shows all that a profile says: a line for each field with the
// numbers of its sources, and the sources below.
func natPage(p natprofiles.Profile) (string, error) {
	fields, err := behaviour(p)
	if err != nil {
		return "", err
	}
	widest := 0
	for _, f := range fields {
		widest = max(widest, len(f[1]))
	}
	for i, f := range fields {
		fields[i][1] = fmt.Sprintf("%-*s  %s", widest, f[1], numbers(p.Sources, f[0]))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", p.Name, p.Summary)
	b.WriteString(entries("  ", fields))
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
	return b.String(), nil
}

// words joins words, which may be none.
func words(all []string) string { return dash(strings.Join(all, ", ")) }

// numbers tells which sources speak of a field. A source of ports is one of
// ports.allocation as well.
func numbers(sources []natprofiles.Source, field string) string {
	text := ""
	for i, s := range sources {
		if slices.ContainsFunc(s.Fields, func(of string) bool { return field == of || strings.HasPrefix(field, of+".") }) {
			text += fmt.Sprintf("[%d]", i+1)
		}
	}
	return text
}

// behaviour gives the fields of a profile that say how it behaves, and their
// values, named and ordered as in its JSON: a field that is new needs no
// change here.
func behaviour(p natprofiles.Profile) ([][2]string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	var ordered yaml.Node // which reads JSON too, and keeps the order
	if err := yaml.Unmarshal(text, &ordered); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	fields := flat("", ordered.Content[0])
	return slices.DeleteFunc(fields, func(f [2]string) bool {
		name, _, _ := strings.Cut(f[0], ".")
		return slices.Contains(aboutProfile, name)
	}), nil
}

// flat names the scalars of a mapping by their whole path: ports.allocation.
func flat(prefix string, mapping *yaml.Node) [][2]string {
	var fields [][2]string
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name, value := prefix+mapping.Content[i].Value, mapping.Content[i+1]
		if value.Kind == yaml.MappingNode {
			fields = append(fields, flat(name+".", value)...)
			continue
		}
		fields = append(fields, [2]string{name, value.Value})
	}
	return fields
}
