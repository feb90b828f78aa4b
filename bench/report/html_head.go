package report

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

func newHTMLPage(s Subject, m *model) htmlPage {
	summaries := s.Run.Summaries()
	p := htmlPage{
		Title:      "punchlab: nothing was run",
		Headline:   "Nothing was run.",
		Warnings:   warnings(s),
		Facts:      facts(s.Run, summaries),
		Verdicts:   htmlVerdictsOf(s),
		Strategies: htmlStrategies(s.Run),
		Techniques: htmlTechniques(s.Run),
		Causes:     htmlCauses(m),
		Sweeps:     htmlSweeps(s.Run), Populations: htmlPopulationsOf(s),
		Manifest: manifestOf(s),
		Style:    template.CSS(code("page.css")),
		Script:   template.JS(code(pageScripts...)), //nolint:gosec // our own
	}
	if len(m.Tables) > 0 {
		p.Title = fmt.Sprintf("punchlab: %s, %s cells", m.Tables[0].Title, thousands(len(summaries)))
		p.Headline = plainHeadline(summaries)
	}
	return p
}

// plainHeadline is the run in one sentence.
func plainHeadline(summaries []results.Summary) string {
	always, never, between, unknown := sorts(summaries)
	line := fmt.Sprintf("%s of %s cells always connected, %s at times, %s never",
		thousands(always), thousands(len(summaries)), thousands(between), thousands(never))
	if unknown > 0 {
		line += fmt.Sprintf("; %s not run", thousands(unknown))
	}
	return line + "."
}

// warnings are what a reader must know before all figures.
func warnings(s Subject) []string {
	var all []string
	if !s.Run.Complete() {
		all = append(all, "Incomplete: "+s.Run.Missing()+".")
	}
	if s.Run.CutLine > 0 {
		all = append(all, fmt.Sprintf("Line %d of the results was cut short; its trial is lost.", s.Run.CutLine))
	}
	if note := wideNote(s.Run); note != "" {
		all = append(all, note)
	}
	if s.Changed != "" {
		all = append(all, s.Changed)
	}
	return all
}

// facts say what was run, in a line.
func facts(run results.Run, summaries []results.Summary) []entry {
	m := run.Manifest
	connected, counted, invalid := 0, 0, 0
	for _, s := range summaries {
		connected, counted, invalid = connected+s.Successes, counted+s.Trials, invalid+s.Invalid
	}
	planned := thousands(m.Planned())
	if m.Until > 0 {
		planned = "at least " + planned
	}
	all := []entry{
		{"Trials planned", planned}, {"counted", thousands(counted)}, {"connected", thousands(connected)}, {"invalid", thousands(invalid)},
	}
	if !m.Started.IsZero() {
		all = append(all, entry{"Started", m.Started.UTC().Format("2006-01-02 15:04 UTC")})
	}
	all = append(all, entry{"punchlab", cmp.Or(m.Version, "unknown")}, entry{"Linux", cmp.Or(m.Kernel, "unknown")},
		entry{"Seed", fmt.Sprint(m.Seed)})
	if m.Shard != nil {
		all = append(all, entry{"Shard", m.Shard.String()})
	}
	all = append(all, entry{"Profiles", thousands(len(profilesOf(m)))})
	if len(m.Topologies) > 0 {
		all = append(all, entry{"Topologies", strings.Join(slices.Sorted(maps.Keys(m.Topologies)), ", ")})
	}
	return all
}

// profilesOf are the names of all profiles of the cells.
func profilesOf(m results.Manifest) map[results.Name]bool {
	names := map[results.Name]bool{}
	for _, c := range m.Cells {
		names[c.NATA], names[c.NATB] = true, true
	}
	delete(names, "")
	return names
}

// htmlEntries is a part of the manifest.
type htmlEntries struct {
	Title   string
	Open    bool
	Entries []entry
}

// manifestOf is the manifest in full, but for the cells, which the map of pairs has.
func manifestOf(s Subject) []htmlEntries {
	m := s.Run.Manifest
	run := []entry{
		{"results", s.Path}, {"run", m.Run}, {"version", m.Version}, {"kernel", m.Kernel}, {"seed", fmt.Sprint(m.Seed)},
		{"format", fmt.Sprint(m.Format)}, {"cells", thousands(len(m.Cells))}, {"trials of each cell", fmt.Sprint(m.Trials)},
	}
	if !m.Started.IsZero() {
		run = append(run, entry{"started", m.Started.UTC().Format("2006-01-02T15:04:05.000Z")})
	}
	if m.Until > 0 {
		run = append(run, entry{"until", fmt.Sprintf("95 %% intervals reach no further than %g %% from their middle", 100*m.Until)},
			entry{"most trials of each cell", fmt.Sprint(m.Most)})
	}
	if m.Shard != nil {
		run = append(run, entry{"shard", fmt.Sprintf("%s, with %s of %s cells", m.Shard, thousands(len(m.Cells)), thousands(m.Shard.Planned))})
	}
	run = slices.DeleteFunc(run, func(e entry) bool { return e.Value == "" })
	all := []htmlEntries{{"Run", true, run}}
	for _, part := range []struct {
		title string
		of    map[string]string
		open  bool
	}{
		{"Options", m.Options, true}, {"Topologies, with a hash of what each says", m.Topologies, false},
		{"Profiles, with a hash of what each says", m.Profiles, false},
	} {
		if len(part.of) > 0 {
			all = append(all, htmlEntries{part.title, part.open, sortedEntries(part.of)})
		}
	}
	return all
}

func sortedEntries(of map[string]string) (all []entry) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, entry{name, of[name]})
	}
	return all
}

// thousands writes a number with commas: 64,000.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
