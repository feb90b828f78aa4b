package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	at   = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	cell = Cell{Topology: "two-nats", NATA: "openwrt", NATB: "linux-random", Strategy: "simultaneous-open"}
)

func manifest(trials int, cells ...Cell) Manifest {
	return Manifest{
		Version: "v0.1.0", Kernel: "6.12.0", Started: at, Seed: 7, Trials: trials, Cells: cells,
		Options:  map[string]string{"trials": fmt.Sprint(trials)},
		Profiles: map[string]string{"openwrt": "5f2d"},
	}
}

func connected(c Cell, number int, established, connect float64) Trial {
	return Trial{
		Cell: c, Via: c.Strategy, Number: number, Seed: 9, At: at, Outcome: Connected,
		EstablishedMS: &established, ConnectMS: &connect, RTTMS: new(40.5), LatenessMS: 0.25, Packets: 12,
	}
}

func failed(c Cell, number int, cause string) Trial {
	return Trial{Cell: c, Number: number, At: at, Outcome: Failed, Cause: cause}
}

func invalid(c Cell, number int) Trial {
	return Trial{Cell: c, Number: number, At: at, Outcome: Invalid, Cause: "held packets were 31 ms late"}
}

// The names in the file are a contract with other people's scripts.
func TestLines(t *testing.T) {
	carried := Cell{Topology: "double-nat", NATA: "openwrt", Strategy: "direct", Slots: SlotsOf(map[string]string{"carrier": "none"})}
	trial := connected(cell, 3, 44.5, 66.125)
	trial.StaggerMS = -20

	var file bytes.Buffer
	w, err := NewWriter(&file, manifest(10, cell))
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range []Trial{trial, failed(carried, 4, "no answer to 3 SYNs -> patience")} {
		if err := w.Write(trial); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"manifest":{"format":1,"version":"v0.1.0","kernel":"6.12.0","started":"2025-03-01T12:00:00Z","options":{"trials":"10"},"seed":7,"profiles":{"openwrt":"5f2d"},"cells":[{"topology":"two-nats","nat_a":"openwrt","nat_b":"linux-random","slots":{},"strategy":"simultaneous-open"}],"trials":10}}
{"topology":"two-nats","nat_a":"openwrt","nat_b":"linux-random","slots":{},"strategy":"simultaneous-open","via":"simultaneous-open","trial":3,"seed":9,"at":"2025-03-01T12:00:00Z","stagger_ms":-20,"outcome":"connected","cause":"","established_ms":44.5,"connect_ms":66.125,"rtt_ms":40.5,"lateness_ms":0.25,"packets":12,"host_lateness_ms":0,"syns":0}
{"topology":"double-nat","nat_a":"openwrt","nat_b":null,"slots":{"carrier":"none"},"strategy":"direct","via":"","trial":4,"seed":0,"at":"2025-03-01T12:00:00Z","stagger_ms":0,"outcome":"failed","cause":"no answer to 3 SYNs -> patience","established_ms":null,"connect_ms":null,"rtt_ms":null,"lateness_ms":0,"packets":0,"host_lateness_ms":0,"syns":0}
`
	if diff := cmp.Diff(want, file.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	trials := []Trial{connected(cell, 1, 44, 66), failed(cell, 2, "silence"), invalid(cell, 3)}
	got, err := Read(file(t, manifest(3, cell), trials...))
	if err != nil {
		t.Fatal(err)
	}
	m := manifest(3, cell)
	m.Format = Format
	want := Run{Manifest: m, Trials: trials, Whole: int64(file(t, manifest(3, cell), trials...).Len())}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadKeepsWholeLines(t *testing.T) {
	head := `{"manifest":{"format":1,"trials":2}}` + "\n"
	good := `{"topology":"open","strategy":"direct","trial":1,"outcome":"failed","some_later_field":[1]}` + "\n"
	tests := map[string]struct {
		text   string
		trials int
		cut    int
		err    string // empty: no error
	}{
		"nothing but a manifest":    {text: head},
		"no newline at the end":     {text: head + strings.TrimSuffix(good, "\n"), trials: 1},
		"carriage returns":          {text: head + strings.ReplaceAll(good, "\n", "\r\n"), trials: 1},
		"the last line cut":         {text: head + good + good[:40], trials: 1, cut: 3},
		"the last line cut at once": {text: head + good + "{", trials: 1, cut: 3},
		"a broken line between":     {text: head + good + good[:40] + "\n" + good, trials: 2, err: "results: line 3: invalid character '\\n' in string literal"},
		"an empty line between":     {text: head + "\n" + good, trials: 1, err: "results: line 2: unexpected end of JSON input"},
		"two broken, the last cut": {
			text: head + "x\n" + good + "y\n" + good[:9], trials: 1, cut: 5,
			err: "results: line 2: invalid character 'x' looking for beginning of value\n" +
				"line 4: invalid character 'y' looking for beginning of value",
		},
		"an unknown outcome": {
			text: head + strings.Replace(good, "failed", "maybe", 1),
			err:  `results: line 2: outcome: "maybe" is not one of connected, failed, invalid`,
		},
		"a line of something else": {
			text: head + `{"hello": "world"}` + "\n" + good, trials: 1,
			err: "results: line 2: topology: missing; strategy: missing; outcome: \"\" is not one of connected, failed, invalid",
		},
		"connected without a time": {
			text: head + strings.Replace(good, "failed", "connected", 1),
			err:  "results: line 2: connect_ms: a connected trial has one",
		},
		"slots that are no object": {
			text: head + strings.Replace(good, `"trial":1`, `"slots":"carrier"`, 1),
			err:  "results: line 2: slots: json: cannot unmarshal string into Go value of type map[string]string",
		},
		"an empty file":       {text: "", err: "results: line 1: no manifest: the file is empty"},
		"a file without head": {text: good, err: `results: line 1: no manifest: the first line must be {"manifest": …}`},
		"not a results file":  {text: "PNG\n", err: "results: line 1: no manifest: invalid character 'P' looking for beginning of value"},
		"a newer format":      {text: `{"manifest":{"format":2}}`, err: "results: line 1: format 2 is newer than this version reads (1)"},
		"many broken lines": {
			text: head + strings.Repeat("x\n", 13) + good, trials: 1,
			err: "results: " + numbered(2, 11, "line %d: invalid character 'x' looking for beginning of value\n") + "and 3 more broken lines",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run, err := Read(strings.NewReader(test.text))
			if got := fmt.Sprint(err); err == nil && test.err != "" || err != nil && got != test.err {
				t.Errorf("error is\n%s\nwant\n%s", got, test.err)
			}
			if len(run.Trials) != test.trials || run.CutLine != test.cut {
				t.Errorf("%d trials, cut line %d; want %d and %d", len(run.Trials), run.CutLine, test.trials, test.cut)
			}
		})
	}
}

func TestReadErrorNamesItsLine(t *testing.T) {
	_, err := Read(strings.NewReader(`{"manifest":{}}` + "\nx\n"))
	var line *LineError
	if !errors.As(err, &line) || line.Line != 2 {
		t.Errorf("%v has no LineError of line 2", err)
	}
	cause := errors.New("bad sector")
	good := `{"manifest":{}}` + "\n" + `{"topology":"open","strategy":"direct","outcome":"failed"}` + "\n"
	run, err := Read(io.MultiReader(strings.NewReader(good), readerFunc(func([]byte) (int, error) { return 0, cause })))
	if !errors.Is(err, cause) || len(run.Trials) != 1 {
		t.Errorf("error %v with %d trials, want %v with 1", err, len(run.Trials), cause)
	}
}

// disk takes room bytes and is full then.
type disk struct {
	bytes.Buffer
	room int
}

func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestWriterStopsAtAFullDisk(t *testing.T) {
	head := file(t, manifest(10, cell)).Len()
	line := file(t, manifest(10, cell), failed(cell, 1, "")).Len() - head
	d := &disk{room: head + line + line/2}
	w, err := NewWriter(d, manifest(10, cell))
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	for number := range 3 {
		errs = append(errs, w.Write(failed(cell, number, "")))
	}
	d.room = 1 << 20 // space again, but half a line is already there
	errs = append(errs, w.Write(failed(cell, 4, "")), w.Err())

	if errs[0] != nil {
		t.Errorf("with room left: %v", errs[0])
	}
	for i, err := range errs[1:] {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("call %d after the disk was full gives %v", i+1, err)
		}
	}
	run, err := Read(&d.Buffer)
	if err != nil || len(run.Trials) != 1 || run.CutLine != 3 {
		t.Errorf("what is left reads as %d trials, cut line %d, %v", len(run.Trials), run.CutLine, err)
	}
	if _, err := NewWriter(&disk{}, manifest(10, cell)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a manifest on a full disk gives %v", err)
	}
}

func TestWriterNamesShortWrites(t *testing.T) {
	w, err := NewWriter(writerFunc(func(p []byte) (int, error) { return len(p) - 1, nil }), manifest(1))
	if !errors.Is(err, io.ErrShortWrite) || !errors.Is(w.Err(), io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}

func TestWriterRefusesWhatReadWould(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, manifest(1, cell))
	if err != nil {
		t.Fatal(err)
	}
	bad := failed(cell, 2, "")
	bad.Outcome = "lost"
	err = w.Write(bad)
	want := `results: trial 2 of two-nats openwrt x linux-random by simultaneous-open: outcome: "lost" is not one of connected, failed, invalid`
	if fmt.Sprint(err) != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	if err := w.Write(failed(cell, 3, "")); err != nil {
		t.Errorf("the next trial pays for it: %v", err)
	}
	if run, err := Read(&file); err != nil || len(run.Trials) != 1 {
		t.Errorf("%d trials, %v", len(run.Trials), err)
	}
}

func TestWriterFromManyGoroutines(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, manifest(10, cell))
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for worker := range 8 {
		writers.Go(func() {
			for number := range 50 {
				if err := w.Write(connected(cell, worker*50+number, 44, 66)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	run, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, trial := range run.Trials {
		seen[trial.Number] = true
	}
	if len(seen) != 400 {
		t.Errorf("%d of 400 trials came through", len(seen))
	}
}

// FuzzRead holds that any input ends in a run or an error, and that what was
// read is what is read again after writing.
func FuzzRead(f *testing.F) {
	f.Add(file(f, manifest(3, cell), connected(cell, 1, 44, 66), failed(cell, 2, "x"), invalid(cell, 3)).Bytes())
	f.Add([]byte("{\"manifest\":{}}\n{\"topology\":\"open\",\"strategy\":\"direct\",\"outcome\":\"failed\",\"slots\":{\"a\":\"b\"}}\nx"))
	f.Add([]byte(`{"manifest":null}`))
	f.Add([]byte("{\"manifest\":{\"cells\":[{}],\"shard\":{\"numbers\":[1],\"of\":2,\"places\":[0],\"planned\":2},\"x\":1}}\n" +
		"{\"topology\":\"open\",\"strategy\":\"direct\",\"outcome\":\"failed\",\"hops\":{\"a\": [1]},\"STORY\":\"s\"}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		run, _ := Read(bytes.NewReader(text))
		_ = run.Summaries()
		again, err := Read(file(t, run.Manifest, run.Trials...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(run.Trials, again.Trials); diff != "" {
			t.Error(diff)
		}
	})
}

func file(t testing.TB, m Manifest, trials ...Trial) *bytes.Buffer {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, m)
	for _, trial := range trials {
		err = errors.Join(err, w.Write(trial))
	}
	if err != nil {
		t.Fatal(err)
	}
	return &file
}

func numbered(from, to int, line string) string {
	var lines strings.Builder
	for number := from; number <= to; number++ {
		fmt.Fprintf(&lines, line, number)
	}
	return lines.String()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
