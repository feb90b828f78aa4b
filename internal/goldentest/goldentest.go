// Package goldentest compares what a test has made with a file that is kept.
package goldentest

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Compare compares with a file, or with PUNCHLAB_UPDATE=1 (make update) writes it.
func Compare(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("PUNCHLAB_UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; make update rewrites it):\n%s", file, diff)
	}
}
