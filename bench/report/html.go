package report

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

func init() {
	register(Format{Name: "html", File: "report.html", About: "the whole run as one page, for a browser", Write: writeHTML})
}

//go:embed html
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "html/page.html"))

// pageScripts are the parts of the page's script, in the order in which they need
// each other.
var pageScripts = []string{"model.js", "grid.js", "cell.js", "page.js"}

// roomOfPage is how many bytes a page may have before ladders are left out: those
// that mail and review tools still take, and that a phone opens at once.
const roomOfPage = 4_800_000

// htmlPage is what the template fills in. Everything that needs no script to be
// read is in it; the script draws the map of pairs and what is told of one cell.
type htmlPage struct {
	Title, Headline string
	Warnings        []string
	Facts           []entry
	Verdicts        *htmlVerdicts
	Strategies      []htmlStrategy
	Techniques      []htmlTechnique
	Causes          []htmlCause
	Populations     htmlPopulations
	Sweeps          []htmlSweep
	Absent          string // what the page does not have
	Manifest        []htmlEntries

	Style         template.CSS
	Script, Model template.JS
	Ladders       []template.JS
}

// entry is a name and what belongs to it.
type entry struct{ Name, Value string }

func writeHTML(w io.Writer, s Subject) error {
	m := newModel(s)
	text, err := json.Marshal(m) // which writes < as \u003c, so that no text ends the element
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	p := newHTMLPage(s, m)
	p.Model = template.JS(text) //nolint:gosec // JSON with <, > and & escaped
	var told packed
	if told, err = m.pack(roomOfPage - len(text) - len(p.Script) - len(p.Style)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if told.kept > 0 { // the model now says where ladders are
		if text, err = json.Marshal(m); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		p.Model = template.JS(text) //nolint:gosec // as above
	}
	for _, chunk := range told.chunks {
		p.Ladders = append(p.Ladders, template.JS(`"`+chunk+`"`)) //nolint:gosec // base64
	}
	p.Absent = told.absent()
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// code joins files of the page.
func code(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		text, err := pageFiles.ReadFile("html/" + name)
		if err != nil {
			panic(fmt.Sprintf("embedded files are there: %v", err))
		}
		b.Write(text)
	}
	return b.String()
}
