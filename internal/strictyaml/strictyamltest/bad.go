// Package strictyamltest tests that bad files get the messages they should.
package strictyamltest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// BadFiles parses every dir/*.yaml, which must fail with exactly the message
// that the .txt file beside it holds. People write those by hand: the message is
// what the file's author reads, not what the code happens to say.
func BadFiles(t *testing.T, dir string, parse func(file string, data []byte) error) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no bad files in %s: %v", dir, err)
	}
	for _, path := range paths {
		ext := filepath.Ext(path)
		partner := map[string]string{".yaml": ".txt", ".txt": ".yaml"}[ext]
		if _, err := os.Stat(strings.TrimSuffix(path, ext) + partner); partner == "" || err != nil {
			t.Errorf("%s stands alone: each bad .yaml needs its message in a .txt", path)
			continue
		}
		if ext == ".yaml" {
			t.Run(filepath.Base(path), func(t *testing.T) { badFile(t, path, parse) })
		}
	}
}

func badFile(t *testing.T, path string, parse func(file string, data []byte) error) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	err = parse(filepath.Base(path), data)
	if err == nil {
		t.Fatalf("accepted; want\n%s", want)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), err.Error()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}
