package results

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plan is a manifest of seven pairs with two strategies each, in the order of the
// strategies, and a trial for each cell.
func plan() (Manifest, []Trial) {
	m := manifest(1)
	var trials []Trial
	for _, strategy := range []string{"direct", "auto"} {
		for i := range 7 {
			c := Cell{Topology: "two-nats", NATA: Name(fmt.Sprint("nat-", i)), NATB: "none", Strategy: strategy}
			m.Cells = append(m.Cells, c)
			trials = append(trials, failed(c, 0, "silence"))
		}
	}
	m.Run = m.Identity()
	return m, trials
}

// shard is a part of a run with the trials of its cells.
func shard(m Manifest, trials []Trial, number, of int) Part {
	share := m.Share(number, of)
	own := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return !slices.Contains(share.Cells, t.Cell) })
	return Part{Name: fmt.Sprintf("part-%d", number), Run: Run{Manifest: share, Trials: own}}
}

func TestMergeUndoesShare(t *testing.T) {
	m, trials := plan()
	for of := 1; of <= 8; of++ {
		var parts []Part
		seen := map[Cell]int{}
		for number := of; number >= 1; number-- { // in any order
			p := shard(m, trials, number, of)
			for _, c := range p.Run.Manifest.Cells {
				seen[c]++
			}
			parts = append(parts, p)
		}
		if len(seen) != len(m.Cells) {
			t.Errorf("%d shards have %d of %d cells", of, len(seen), len(m.Cells))
		}
		merged, err := Merge(parts, false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, merged.Manifest); diff != "" {
			t.Errorf("%d shards: %s", of, diff)
		}
		if !merged.Complete() || len(merged.Trials) != len(trials) {
			t.Errorf("%d shards: %d trials", of, len(merged.Trials))
		}
	}
}

// Strategies that share a lab share a shard.
func TestShareKeepsLabsTogether(t *testing.T) {
	m, _ := plan()
	at := map[Name]int{}
	for number := 1; number <= 3; number++ {
		for _, c := range m.Share(number, 3).Cells {
			if other, known := at[c.NATA]; known && other != number {
				t.Errorf("%s is in shards %d and %d", c.NATA, other, number)
			}
			at[c.NATA] = number
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	m, trials := plan()
	slower := m
	slower.Options = map[string]string{"trials": "10", "rtt": "80ms", "output": "b"}
	slower.Seed = 8
	slower.Run = slower.Identity()
	part := func(number, of int) Part { return shard(m, trials, number, of) }
	tests := map[string]struct {
		parts []Part
		want  string
	}{
		"nothing":      {nil, "merge: no parts"},
		"one missing":  {[]Part{part(1, 3), part(3, 3)}, "merge: shard 2 is missing, of 3; --partial merges without"},
		"some missing": {[]Part{part(2, 4)}, "merge: shards 1, 3, 4 are missing, of 4; --partial merges without"},
		"one twice":    {[]Part{part(1, 2), part(2, 2), part(2, 2)}, "merge: shard 2/2 is given twice: part-2 and part-2"},
		"a whole run":  {[]Part{{"whole", Run{Manifest: m}}, part(1, 2)}, "merge: whole is a whole run, and no shard of one"},
		"another run": {[]Part{part(1, 2), shard(slower, trials, 2, 2)},
			"merge: part-2 is of another run than part-1: --rtt: none and 80ms; --trials: 1 and 10; seed: 7 and 8"},
		"other shards": {[]Part{part(1, 2), part(2, 3)}, "merge: part-2 is shard 2/3, and part-1 is shard 1/2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Merge(test.parts, false); fmt.Sprint(err) != test.want {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}

// What was merged without some is still a shard, and is merged with them later.
func TestMergeInSteps(t *testing.T) {
	m, trials := plan()
	some, err := Merge([]Part{shard(m, trials, 3, 3), shard(m, trials, 1, 3)}, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := some.Manifest.Shard.String(); got != "1,3/3" {
		t.Errorf("shard %s", got)
	}
	all, err := Merge([]Part{{"some", some}, shard(m, trials, 2, 3)}, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, all.Manifest); diff != "" {
		t.Error(diff)
	}
}

func TestIdentity(t *testing.T) {
	m, _ := plan()
	for name, change := range map[string]func(*Manifest){
		"the version":  func(m *Manifest) { m.Version = "v0.2.0" },
		"an option":    func(m *Manifest) { m.Options = map[string]string{"trials": "1", "rtt": "80ms"} },
		"the seed":     func(m *Manifest) { m.Seed++ },
		"a profile":    func(m *Manifest) { m.Profiles = map[string]string{"openwrt": "0000"} },
		"a topology":   func(m *Manifest) { m.Topologies = map[string]string{"two-nats": "0000"} },
		"a cell":       func(m *Manifest) { m.Cells = m.Cells[1:] },
		"their order":  func(m *Manifest) { m.Cells = append(slices.Clone(m.Cells[1:]), m.Cells[0]) },
		"the interval": func(m *Manifest) { m.Until = 0.02 },
	} {
		other := m
		change(&other)
		if other.Identity() == m.Identity() {
			t.Errorf("%s makes no difference", name)
		}
	}
	elsewhere := m
	elsewhere.Kernel, elsewhere.Started = "5.10", at.AddDate(1, 0, 0)
	elsewhere.Options = map[string]string{"trials": "1", "output": "b", "parallel": "4", "shard": "2/3"}
	if elsewhere.Identity() != m.Identity() {
		t.Error("another machine makes another run of it")
	}
}

// The names in the manifest of a shard are a contract, too.
func TestManifestOfAShard(t *testing.T) {
	m, _ := plan()
	m.Topologies, m.Until, m.Most, m.Run = map[string]string{"two-nats": "5f2d"}, 0.02, 1000, "0123456789abcdef"
	text := file(t, m.Share(7, 7)).String()
	for _, want := range []string{
		`"run":"0123456789abcdef","shard":{"numbers":[7],"of":7,"places":[6,13],"planned":14}`,
		`"topologies":{"two-nats":"5f2d"}`, `"trials":1,"until":0.02,"most":1000}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

// A shard that cannot be is refused as its file is read.
func TestReadRefusesAForeignShard(t *testing.T) {
	for shard, want := range map[string]string{
		`{"numbers":[3],"of":2,"places":[0],"planned":2}`:   "results: line 1: shard: 3/2 is not from 1 to 2",
		`{"numbers":[],"of":2,"places":[0],"planned":2}`:    "results: line 1: shard: /2 is not one of 1 to 10000",
		`{"numbers":[1],"of":2,"places":[0,1],"planned":2}`: "results: line 1: shard: 2 places for 1 cells",
	} {
		text := `{"manifest":{"format":1,"cells":[{"topology":"open","strategy":"direct"}],"shard":` + shard + "}}\n"
		if _, err := Read(strings.NewReader(text)); fmt.Sprint(err) != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// What a newer version writes is told, and not lost.
func TestUnknownFieldsAreKept(t *testing.T) {
	text := `{"manifest":{"format":1,"weather":"rain","Seed":3}}
{"topology":"open","strategy":"direct","trial":1,"OUTCOME":"failed","hops":{"a": 3},"colour":"<red>"}
{"topology":"open","strategy":"direct","trial":2,"outcome":"failed","hops":4}
`
	run, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(run.Unknown, run.Manifest.Seed); got != "[manifest.weather colour hops] 3" {
		t.Errorf("unknown: %s", got)
	}
	var again bytes.Buffer
	w, err := NewWriter(&again, run.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range run.Trials {
		if err := w.Write(trial); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []string{`,"colour":"<red>","hops":{"a":3}}` + "\n", `,"hops":4}` + "\n"} {
		if !strings.Contains(again.String(), end) {
			t.Errorf("%q is not in\n%s", end, again.String())
		}
	}
}
