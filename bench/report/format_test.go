package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/punchlab/punchlab/bench/expect"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/goldentest"
)

// told is a run with everything that a report may have to tell: two topologies,
// slots, causes, an invalid trial, a cell that was not run, and an expectation that
// does not hold.
func told(t *testing.T) Subject {
	t.Helper()
	run := spoil(plan("two-nats", shipped[3:], shipped[3:], "auto"), 12)
	carried := plan("double-nat", shipped[:1], shipped[3:4], "low-ttl")
	carried.Manifest.Cells[0].Slots = results.SlotsOf(map[string]string{"carrier": "rfc6888-cgn", "exit": "none"})
	for i := range carried.Trials {
		carried.Trials[i].Slots = carried.Manifest.Cells[0].Slots
	}
	open := results.Cell{Topology: "open", Strategy: "direct"}
	run.Manifest.Cells = append(append(run.Manifest.Cells, carried.Manifest.Cells...), open)
	run.Trials = append(run.Trials, carried.Trials...)
	for i := range run.Trials {
		trial := &run.Trials[i]
		trial.RTTMS, trial.SYNs, trial.Packets = new(40.0), 3, 28
		if trial.Outcome == results.Failed {
			trial.Cause = []string{"no answer to <3> SYNs | silence", "refused_by *both*"}[i%2]
		}
	}
	run.Manifest.Version, run.Manifest.Kernel, run.Manifest.Seed = "v0.1.0", "6.12.0", 7
	run.Manifest.Started = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	run.Manifest.Run = "0123456789abcdef"
	expected, err := expect.Parse("expect.yaml", []byte(`
cells:
  - {topology: two-nats, expect: connects}
  - {nat-b: linux-random, expect: cannot}
  - {topology: open, expect: connects}
`))
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := expected.Judge(run)
	if err != nil {
		t.Fatal(err)
	}
	return Subject{Run: run, Path: "results/results.jsonl", Verdicts: verdicts}
}

func written(t *testing.T, name string, s Subject) string {
	t.Helper()
	for _, f := range Formats() {
		if f.Name == name {
			var out bytes.Buffer
			if err := f.Write(&out, s); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
	}
	t.Fatalf("there is no format %s", name)
	return ""
}

func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			goldentest.Compare(t, filepath.Join("testdata", "formats", f.File), leaveOut.ReplaceAllString(written(t, f.Name, told(t)), ""))
		})
		t.Run(f.Name+" of nothing", func(t *testing.T) {
			if out := written(t, f.Name, Subject{}); out == "" {
				t.Error("nothing is written")
			}
		})
		t.Run(f.Name+" on a full disk", func(t *testing.T) {
			full := errors.New("full")
			err := f.Write(writer(func([]byte) (int, error) { return 0, full }), told(t))
			if !errors.Is(err, full) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Every cell is there with all its figures, as a reader of CSV finds them.
func TestCSVIsRead(t *testing.T) {
	s := told(t)
	lines, err := csv.NewReader(strings.NewReader(written(t, "csv", s))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	summaries := s.Run.Summaries()
	if len(lines) != len(summaries)+1 {
		t.Fatalf("%d lines for %d cells", len(lines), len(summaries))
	}
	for i, of := range summaries {
		line := map[string]string{}
		for column, name := range lines[0] {
			line[name] = lines[i+1][column]
		}
		var causes map[string]int
		if err := json.Unmarshal([]byte(line["causes"]), &causes); err != nil || fmt.Sprint(causes) != fmt.Sprint(of.Causes) {
			t.Errorf("%s: causes %s, %v", of.Cell, line["causes"], err)
		}
		if line["successes"] != fmt.Sprint(of.Successes) || line["nat_a"] != string(of.NATA) || (line["rate_low"] == "") != (of.Trials == 0) {
			t.Errorf("%s: %v", of.Cell, line)
		}
	}
}

// What CI services read of JUnit's format: counts that add up, and failures with a
// message.
func TestJUnitIsRead(t *testing.T) {
	var all struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Tests int `xml:"tests,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Class   string `xml:"classname,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(written(t, "junit", told(t))), &all); err != nil {
		t.Fatal(err)
	}
	tests, skipped := 0, 0
	var failures []string
	for _, suite := range all.Suites {
		tests += len(suite.Cases)
		if suite.Tests != len(suite.Cases) {
			t.Errorf("%d tests, %d cases", suite.Tests, len(suite.Cases))
		}
		for _, c := range suite.Cases {
			if c.Failure != nil {
				failures = append(failures, c.Class+" "+c.Name+": "+c.Failure.Message)
			}
			if c.Skipped != nil {
				skipped++
			}
		}
	}
	want := `[two-nats.auto openwrt x openwrt: expect.yaml:3 expects connects: 7 of 10 trials connected (40–89 %) ` +
		`two-nats.auto linux-random x openwrt: expect.yaml:3 expects connects: 0 of 10 trials connected (0–28 %) ` +
		`open.direct open: expect.yaml:5 expects connects: no trial that counts]`
	if got := fmt.Sprint(failures); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if all.Tests != tests || all.Failures != len(failures) || all.Skipped != skipped || tests != 6 {
		t.Errorf("counts %+v of %d tests, %d skipped", all, tests, skipped)
	}
}

// The oracle is the reader that benchstat has.
func TestBenchstatIsRead(t *testing.T) {
	s := told(t)
	s.Run.Manifest.Cells[0].NATA = "my router/2"
	reader := benchfmt.NewReader(strings.NewReader(written(t, "benchstat", s)), "bench.txt")
	times, rates := 0, map[string]float64{}
	for reader.Scan() {
		switch r := reader.Result().(type) {
		case *benchfmt.Result:
			if version := r.GetConfig("kernel"); version != "6.12.0" {
				t.Errorf("kernel %q", version)
			}
			if seconds, ok := r.Value("sec/connect"); ok {
				times++
				if seconds < 0.06 || seconds > 0.09 {
					t.Errorf("%s took %v s", r.Name, seconds)
				}
			}
			if rate, ok := r.Value("connected"); ok {
				rates[r.Name.String()] = rate
			}
		case *benchfmt.UnitMetadata:
		default:
			t.Errorf("%v", r)
		}
	}
	if err := reader.Err(); err != nil {
		t.Error(err)
	}
	connected := 0
	for _, of := range s.Run.Summaries() {
		connected += of.Successes
	}
	if times != connected {
		t.Errorf("%d times of %d connected trials", times, connected)
	}
	const carried = "Punch/topology=double-nat/a=none/b=openwrt/carrier=rfc6888-cgn/exit=none/strategy=low-ttl"
	if rates[carried] != 1 || rates["Punch/topology=two-nats/a=openwrt/b=openwrt/strategy=auto"] != 0.7 {
		t.Errorf("%v", rates)
	}
}

// A table for each strategy would not fit into a comment with 80 profiles.
func TestMarkdownOfManyStaysSmall(t *testing.T) {
	var many []results.Name
	for i := range 80 {
		many = append(many, results.Name(fmt.Sprint("profile-", i)))
	}
	run := plan("two-nats", many, many, "auto")
	for i := range run.Trials {
		if i%10 == 3 {
			run.Trials[i].Outcome, run.Trials[i].ConnectMS = results.Failed, nil
		}
	}
	const comment = 65_536 // letters that GitHub takes
	out := written(t, "markdown", Subject{Run: run})
	if len(out) > comment || !strings.Contains(out, "6400 cells: 0 always connected, 0 never, 0 not run") || !strings.Contains(out, "and 6200 more") {
		t.Errorf("%d letters: %.300s", len(out), out)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "report.md"), []byte("an old one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Folder(dir, told(t)); err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(dir)
	if err != nil || len(there) != len(Formats()) {
		t.Errorf("%v, %v", there, err)
	}
	for _, f := range Formats() {
		got, err := os.ReadFile(filepath.Join(dir, f.File))
		if err != nil || string(got) != written(t, f.Name, told(t)) {
			t.Errorf("%s: %v, %.40s", f.File, err, got)
		}
	}
}

// Half a report is none: what was there before stays.
func TestFolderKeepsWhatItCannotReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.md")
	if err := os.WriteFile(path, []byte("an old one"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	err := replace(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, full)
	})
	if got, _ := os.ReadFile(path); !errors.Is(err, full) || string(got) != "an old one" {
		t.Errorf("%v; the file holds %s", err, got)
	}
	if there, _ := os.ReadDir(filepath.Dir(path)); len(there) != 1 {
		t.Errorf("%v is left", there)
	}
	if err := Folder(filepath.Join(t.TempDir(), "nowhere"), Subject{}); err == nil ||
		!strings.Contains(err.Error(), "not written: bench.txt, results.csv, report.html, summary.json, junit.xml, report.md") {
		t.Errorf("%v", err)
	}
}
