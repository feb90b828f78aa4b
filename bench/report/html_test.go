package report

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/punchlab/punchlab/bench/results"
)

// element gives all elements of a page that have a name.
func elements(page *html.Node, name string) (all []*html.Node) {
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			all = append(all, n)
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textIn(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func parsed(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// modelOf is what the page's script reads, as plain JSON.
func modelOf(t *testing.T, page *html.Node) (m struct {
	Names  []string
	Tables []struct {
		Rows, Columns []int
		Cells         []json.RawMessage
	}
}) {
	t.Helper()
	for _, script := range elements(page, "script") {
		if attribute(script, "id") == "model" {
			if err := json.Unmarshal([]byte(textIn(script)), &m); err != nil {
				t.Fatal(err)
			}
			return m
		}
	}
	t.Fatal("the page has no model")
	return m
}

// ladderOf unpacks a ladder as the page does.
func ladderOf(t *testing.T, page *html.Node, chunk, at int) string {
	t.Helper()
	var chunks []*html.Node
	for _, script := range elements(page, "script") {
		if attribute(script, "class") == "ladders" {
			chunks = append(chunks, script)
		}
	}
	var packed string
	if err := json.Unmarshal([]byte(textIn(chunks[chunk])), &packed); err != nil {
		t.Fatal(err)
	}
	stream, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(all), separator)[at]
}

// loads are attributes and rules by which a page fetches something.
var loads = regexp.MustCompile(`(?i)(\b(src|srcset|poster|action|formaction)\s*=|@import|url\(|\bfetch\(|XMLHttpRequest|\bimport\b\s*[("'])`)

func TestPageIsSelfContained(t *testing.T) {
	page := written(t, "html", told(t))
	if found := loads.FindString(page); found != "" {
		t.Errorf("the page has %s", found)
	}
	for _, link := range append(elements(parsed(t, page), "a"), elements(parsed(t, page), "link")...) {
		if to := attribute(link, "href"); !strings.HasPrefix(to, "#") && to != "data:," {
			t.Errorf("the page leads to %s", to)
		}
	}
	if strings.Contains(page, "://") {
		t.Errorf("the page names an address: %s", page[strings.Index(page, "://")-20:][:60])
	}
}

// Names, causes and ladders are of whoever made the profile or the file.
func TestPageKeepsWordsFromBeingMarkup(t *testing.T) {
	const evil = `</script><script>alert("1")</script><!-- <b>&amp; {{.}} ` + "`${1}` \u2028"
	s := told(t)
	s.Path = evil
	s.Run.Manifest.Options = map[string]string{evil: evil}
	s.Changed, s.Again = evil, []string{evil}
	s.Run.Manifest.Cells[0].NATA = evil
	for i := range s.Run.Trials {
		trial := &s.Run.Trials[i]
		if trial.NATA == "openwrt" && trial.NATB == "openwrt" && trial.Topology == "two-nats" {
			trial.NATA = evil
		}
		trial.Cause, trial.Why, trial.Via = evil, evil, evil
		trial.Story = evil
	}
	page := parsed(t, written(t, "html", s))
	if n := len(elements(page, "script")); n != 3 { // the model, one chunk of ladders, the script
		t.Errorf("%d scripts", n)
	}
	if bold := elements(page, "b"); len(bold) == 0 || textIn(bold[0]) != evil {
		t.Errorf("the cause is told otherwise")
	}
	m := modelOf(t, page)
	if !slices.Contains(m.Names, evil) {
		t.Errorf("names %q", m.Names)
	}
	if got := ladderOf(t, page, 0, 0); got != evil {
		t.Errorf("the ladder is %q", got)
	}
}

// cellList is a cell as the page's script reads it.
type cellList struct {
	successes, trials, invalid float64
	times, figures             []any
	success, failure           []any
}

func read(t *testing.T, raw json.RawMessage) (c cellList) {
	t.Helper()
	var list []any
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 9 {
		t.Fatalf("%v: %s", err, raw)
	}
	c.successes, c.trials, c.invalid = list[0].(float64), list[1].(float64), list[2].(float64)
	c.times, c.figures = list[3].([]any), list[4].([]any)
	c.success, _ = list[7].([]any)
	c.failure, _ = list[8].([]any)
	return c
}

// Every cell of a full run is on the page with its figures, and the page stays
// small: ladders are left out rather than figures, those of successes first.
func TestFullPage(t *testing.T) {
	run, path := fullPage(t)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(file) > 5_000_000 {
		t.Errorf("the page has %d bytes", len(file))
	}
	page := parsed(t, string(file))
	of := modelOf(t, page).Tables[0]
	summaries := run.Summaries()
	if len(of.Cells) != len(summaries) {
		t.Fatalf("%d cells of %d", len(of.Cells), len(summaries))
	}
	stories := map[string]string{}
	for _, trial := range run.Trials {
		stories[fmt.Sprint(trial.Cell, trial.Outcome, float64(trial.Number))] = trial.Story
	}
	var kept, left [2]int
	for i, s := range summaries {
		c := read(t, of.Cells[i])
		if int(c.successes) != s.Successes || int(c.trials) != s.Trials || len(c.times) != s.Successes {
			t.Fatalf("%s: %s", s.Cell, of.Cells[i])
		}
		for k, outcome := range []results.Outcome{results.Connected, results.Failed} {
			ladder := [][]any{c.success, c.failure}[k]
			switch {
			case ladder == nil:
			case ladder[0].(float64) < 0:
				left[k]++
			default:
				kept[k]++
				if (i+k)%500 != 0 {
					continue
				}
				want := stories[fmt.Sprint(s.Cell, outcome, ladder[2])]
				if got := ladderOf(t, page, int(ladder[0].(float64)), int(ladder[1].(float64))); got != want || want == "" {
					t.Errorf("%s: the ladder of the %s trial is another one: %.80s", s.Cell, outcome, got)
				}
			}
		}
	}
	t.Logf("ladders of successes: %d kept, %d left out; of failures: %d and %d", kept[0], left[0], kept[1], left[1])
	if kept[0]+kept[1] < 1000 || left[1] > 0 && kept[0] > 20 {
		t.Error("ladders of successes are kept where those of failures are left out")
	}
}

// Where there is no room for all ladders, one of each kind stays, then failures, and
// the page says how many there are.
func TestPageWithoutRoomForAllLadders(t *testing.T) {
	run, err := full()
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(Subject{Run: run})
	kinds, failures := map[string]bool{}, 0
	for _, l := range m.byWorth() {
		kinds[l.kind] = true
		if l.failure {
			failures++
		}
	}
	const room = 500_000
	told, err := m.pack(room)
	if err != nil {
		t.Fatal(err)
	}
	size, successes := 0, 0
	for _, chunk := range told.chunks {
		size += len(chunk)
	}
	for _, l := range m.byWorth() {
		if l.chunk < 0 {
			continue
		}
		delete(kinds, l.kind)
		if !l.failure {
			successes++
		}
	}
	if size > room || size < room*3/4 || len(kinds) > 0 {
		t.Errorf("%d bytes of %d; without one of %v", size, room, kinds)
	}
	if successes > 4 || told.failures != failures-(told.kept-successes) || told.failures == 0 {
		t.Errorf("%d ladders, %d of successes, %d of %d failures left out", told.kept, successes, told.failures, failures)
	}
	want := fmt.Sprintf("room for %s of these %s drawings", thousands(told.kept), thousands(told.all))
	if said := told.absent(); !strings.Contains(said, want) || !strings.Contains(said, thousands(told.failures)+" of those that are left out are of failures") {
		t.Error(said)
	}
}

// A run with far more trials or cells keeps its figures, and its page a picture of
// the times as long as there is room for one.
func TestPageThinsOutTimes(t *testing.T) {
	cell := results.Cell{Topology: "open", Strategy: "direct"}
	run := results.Run{Manifest: results.Manifest{Cells: []results.Cell{cell}, Trials: 1000}}
	for i := range 1000 {
		run.Trials = append(run.Trials, trials(cell, 1, 1, float64(i))...)
	}
	page := parsed(t, written(t, "html", Subject{Run: run}))
	c := read(t, modelOf(t, page).Tables[0].Cells[0])
	last := 0.0
	for _, step := range c.times {
		last += step.(float64)
	}
	if len(c.times) != mostCellTimes || c.times[0] != 0.0 || last != 9990 || c.figures[0] != 500.0 {
		t.Errorf("%d times from %v to %v, figures %v", len(c.times), c.times[0], last, c.figures)
	}
	if none := evenly([]int{1, 2, 3, 4, 5, 6}, 3); none != nil {
		t.Errorf("a picture of %v", none)
	}
}

// What page and tables write of a figure is the same.
func TestLegibleFigures(t *testing.T) {
	for of, want := range map[float64]string{
		3.14: "3.1", 9.949: "9.9", 9.96: "10", 77.45: "77", 77.5: "78", 999.4: "999", 999.6: "1.00e3", 2357: "2.36e3",
	} {
		if got := fmt.Sprint(legible(&of)); got != want {
			t.Errorf("%v is %s, want %s; elsewhere it is %s", of, got, want, milliseconds(&of))
		}
	}
}

// leaveOut are parts of the page that are files of their own.
var leaveOut = regexp.MustCompile(`(?s)<style>.*?</style>|<script type="module">.*?</script>`)
