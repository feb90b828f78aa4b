package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/bench/results"
)

// job is what the command has to do with of a Job of Kubernetes. Its other fields are held
// against the types of Kubernetes in ci/kubernetes.
type job struct {
	Spec struct {
		Completions int
		Template    struct {
			Spec struct {
				Containers []struct {
					Args []string
					Env  []struct{ Name, Value string }
				}
			}
		}
	}
}

func readJob(t *testing.T, file string) (j job) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../ci/kubernetes", file))
	if err == nil {
		err = yaml.Unmarshal(text, &j)
	}
	if err != nil || len(j.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s: %v", file, err)
	}
	return j
}

// TestKubernetes runs the command lines of ci/kubernetes up to where labs would be built: as
// the pods of the bench, each with its index, and as the pod that merges.
func TestKubernetes(t *testing.T) {
	j := readJob(t, "bench.yaml")
	c := j.Spec.Template.Spec.Containers[0]
	for _, v := range c.Env {
		t.Setenv(v.Name, v.Value)
	}
	if os.Getenv(podCount) != fmt.Sprint(j.Spec.Completions) {
		t.Errorf("%s is %q, of %d completions", podCount, os.Getenv(podCount), j.Spec.Completions)
	}
	volume := t.TempDir()
	var folders []string
	cells := map[results.Cell]int{}
	for i := range j.Spec.Completions {
		t.Setenv(podIndex, fmt.Sprint(i))
		args := expanded(c.Args, volume)
		if args[0] != "bench" {
			t.Fatalf("not a bench: %v", args)
		}
		b, plan, m, err := begun(t, args[1:]...)
		if err != nil {
			t.Fatalf("pod %d: %v", i, err)
		}
		if want := (share{i + 1, j.Spec.Completions, podIndex}); b.mine != want {
			t.Errorf("pod %d makes shard %+v instead of %+v", i, b.mine, want)
		}
		if m.Shard == nil || len(m.Shard.Places) != len(plan.Cells) {
			t.Errorf("pod %d: shard %v of %d cells", i, m.Shard, len(plan.Cells))
		}
		for _, cell := range m.Cells {
			cells[cell]++
		}
		folders = append(folders, b.output)
		if all := m.Shard.Planned; i == j.Spec.Completions-1 && len(cells) != all {
			t.Errorf("%d cells of %d are in a shard", len(cells), all)
		}
	}
	merging(t, volume, folders)
}

// merging checks that the second Job joins the folders of the first.
func merging(t *testing.T, volume string, folders []string) {
	t.Helper()
	args := expanded(readJob(t, "merge.yaml").Spec.Template.Spec.Containers[0].Args, volume)
	cmd := newMerge(&common{})
	if args[0] != cmd.Name() {
		t.Fatalf("not a merge: %v", args)
	}
	if err := cmd.ParseFlags(args[1:]); err != nil {
		t.Fatal(err)
	}
	if got := cmd.Flags().Args(); !slices.Equal(got, folders) {
		t.Errorf("merges %v, and the shards are in %v", got, folders)
	}
	if out := cmd.Flags().Lookup("output").Value.String(); filepath.Dir(out) != volume || slices.Contains(folders, out) {
		t.Errorf("merges into %s", out)
	}
}

// expanded does what Kubernetes does with arguments: $(NAME) is a variable of the container.
// The volume is elsewhere here.
func expanded(args []string, volume string) (all []string) {
	for _, a := range args {
		a = strings.ReplaceAll(a, "$("+podIndex+")", os.Getenv(podIndex))
		all = append(all, strings.ReplaceAll(a, "/results", volume))
	}
	return all
}
