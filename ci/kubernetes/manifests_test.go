// Package kubernetes holds the manifests in this folder against the types of Kubernetes. It is
// a module of its own, so that those are nobody else's dependency. That punchlab accepts the
// command lines in them is a test of the command (cmd/punchlab/kubernetes_test.go).
package kubernetes

import (
	"fmt"
	"os"
	"slices"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// read reads a file as the API server does that is asked to validate strictly: a field that
// there is not, or one that is there twice, is an error.
func read[T any](t *testing.T, file string) (object T) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.UnmarshalStrict(text, &object)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

// job reads a Job of one container.
func job(t *testing.T, file string) (batch.JobSpec, core.PodSpec, core.Container) {
	t.Helper()
	j := read[batch.Job](t, file)
	if j.APIVersion != "batch/v1" || j.Kind != "Job" || j.Name == "" {
		t.Errorf("%s: %s %s %q is not a Job of batch/v1", file, j.APIVersion, j.Kind, j.Name)
	}
	pod := j.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("%s: %d containers", file, len(pod.Containers))
	}
	return j.Spec, pod, pod.Containers[0]
}

func TestTheBenchIsAnIndexedJobThatKnowsItsSize(t *testing.T) {
	spec, pod, c := job(t, "bench.yaml")
	if spec.CompletionMode == nil || *spec.CompletionMode != batch.IndexedCompletion {
		t.Error("its pods have no index")
	}
	if spec.Completions == nil || spec.Parallelism == nil || *spec.Completions != *spec.Parallelism {
		t.Fatal("not all of its shards run at once")
	}
	want := core.EnvVar{Name: "JOB_COMPLETIONS", Value: fmt.Sprint(*spec.Completions)}
	if !slices.Equal(c.Env, []core.EnvVar{want}) {
		t.Errorf("the environment is %v instead of %v", c.Env, want)
	}
	// The API server wants both for a Job whose indices are tried again one by one.
	if spec.BackoffLimitPerIndex == nil || *spec.BackoffLimitPerIndex < 1 || spec.BackoffLimit != nil {
		t.Error("a shard that failed is not tried again by itself")
	}
	if pod.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("restart policy %s", pod.RestartPolicy)
	}
	for _, rule := range spec.PodFailurePolicy.Rules {
		if codes := rule.OnExitCodes; codes != nil && (codes.ContainerName == nil || *codes.ContainerName != c.Name || !slices.Equal(codes.Values, []int32{2})) {
			t.Errorf("a rule is about exit statuses %v of another container or of what may be tried again", codes.Values)
		}
	}
}

func TestTheBenchHasTheRightsOfALabAndNoMore(t *testing.T) {
	_, pod, c := job(t, "bench.yaml")
	s := c.SecurityContext
	if pod.HostUsers == nil || *pod.HostUsers {
		t.Error("its capabilities are the node's")
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC || s.Privileged != nil || s.ProcMount != nil {
		t.Error("it has more of the node than a lab needs")
	}
	if want := []core.Capability{"NET_ADMIN", "NET_RAW", "SYS_ADMIN"}; !slices.Equal(s.Capabilities.Add, want) || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
		t.Errorf("capabilities %v instead of %v", s.Capabilities, want)
	}
	if s.SeccompProfile.Type != core.SeccompProfileTypeUnconfined || s.AppArmorProfile.Type != core.AppArmorProfileTypeUnconfined {
		t.Error("seccomp or AppArmor may keep it from making namespaces or mounting their /proc")
	}
	if s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
		t.Error("it may write beside its results")
	}
}

func TestTheBenchIsNotThrottledAndKnowsItsProcessors(t *testing.T) {
	_, _, c := job(t, "bench.yaml")
	if _, limited := c.Resources.Limits[core.ResourceCPU]; limited {
		t.Error("a limit of processors makes trials invalid")
	}
	const perProcessor = 24 // bench.DefaultParallel
	parallel := fmt.Sprintf("--parallel=%d", perProcessor*c.Resources.Requests.Cpu().Value())
	if !slices.Contains(c.Args, parallel) {
		t.Errorf("%v has no %s", c.Args, parallel)
	}
}

func TestBothJobsUseTheVolumeAndTheImage(t *testing.T) {
	claim := read[core.PersistentVolumeClaim](t, "volume.yaml")
	var images []string
	for _, file := range []string{"bench.yaml", "merge.yaml"} {
		_, pod, c := job(t, file)
		if len(pod.Volumes) != 1 || pod.Volumes[0].PersistentVolumeClaim.ClaimName != claim.Name {
			t.Errorf("%s: its volume is not %s", file, claim.Name)
		}
		if len(c.VolumeMounts) != 1 || c.VolumeMounts[0].Name != pod.Volumes[0].Name || c.VolumeMounts[0].MountPath != "/results" {
			t.Errorf("%s: the volume is not at /results", file)
		}
		images = append(images, c.Image)
	}
	if images[0] != images[1] {
		t.Errorf("two images: %v", images)
	}
}

func TestTheMergeNeedsNoRights(t *testing.T) {
	_, _, c := job(t, "merge.yaml")
	if s := c.SecurityContext; len(s.Capabilities.Add) > 0 || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
		t.Error("it has some")
	}
}
