package natprofiles

import (
	"reflect"
	"slices"
	"testing"
)

// What a source can be the source of is every field about behaviour that a file
// can have, and the fields within ports.
func TestSourcesCanNameEveryFieldOfBehaviour(t *testing.T) {
	descriptive := []string{"summary", "seen-on", "sources", "aliases", "tags"}
	var want []field
	for f := range reflect.TypeFor[shape]().Fields() {
		tag := f.Tag.Get("yaml")
		if slices.Contains(descriptive, tag) {
			continue
		}
		want = append(want, field(tag))
		if f.Type == reflect.TypeFor[ports]() {
			for inner := range f.Type.Fields() {
				want = append(want, field(tag+"."+inner.Tag.Get("yaml")))
			}
		}
	}
	if !slices.Equal(fields, want) {
		t.Errorf("fields: got %v, want %v", fields, want)
	}
}
