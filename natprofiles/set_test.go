package natprofiles_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/internal/strictyaml/strictyamltest"
	"github.com/punchlab/punchlab/natprofiles"
)

func TestBadSetsTellWhatIsWrong(t *testing.T) {
	strictyamltest.BadFiles(t, "testdata/bad-sets", func(file string, data []byte) error {
		_, err := natprofiles.ParseSet(file, data)
		return err
	})
}

// A condition is met where every field that it names has one of its values.
func TestSetHas(t *testing.T) {
	p := parsed(t, "tags: [home, old]\n"+eimAPDF+"ports: {overloading: true}\nudp: {mapping: address-and-port-dependent, ports: {allocation: random, overloading: true}}\n")
	for where, want := range map[string]bool{
		"[{}]":                                                                 true,
		"[{tags: home}]":                                                       true,
		"[{tags: [new, old]}]":                                                 true,
		"[{tags: new}]":                                                        false,
		"[{tags: home, translate: false}]":                                     false,
		"[{tags: new}, {translate: true}]":                                     true,
		"[{translate: [true, false]}]":                                         true,
		"[{mapping: endpoint-independent}]":                                    true,
		"[{mapping: address-and-port-dependent}]":                              false, // UDP's
		"[{filtering: [none, address-dependent]}]":                             false,
		"[{ports.allocation: [random, preserve]}]":                             true,
		"[{ports.overloading: false}]":                                         false,
		"[{hairpin: none, unsolicited: drop}]":                                 true,
		"[{hairpin: external-source, unsolicited: drop}]":                      false,
		"[{tags: home}]\nexcept: [{tags: old}]":                                false,
		"[{tags: home}]\nexcept: [{tags: new}, {tags: old, translate: false}]": true,
	} {
		s, err := natprofiles.ParseSet("s.yaml", []byte("summary: S\nwhere: "+where+"\n"))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := s.Has(p); got != want {
			t.Errorf("where: %s has it: %t, want %t", where, got, want)
		}
	}
}

// members names the profiles of a shipped set.
func members(t *testing.T, set string) []string {
	t.Helper()
	c, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.Find(set)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range found {
		names = append(names, p.Name)
	}
	return names
}

func TestShippedSets(t *testing.T) {
	if got := len(members(t, "all")); got != len(natprofiles.All()) {
		t.Errorf("all: %d of %d profiles", got, len(natprofiles.All()))
	}
	if got := members(t, "classic"); !slices.Equal(got, []string{"apdm-apdf", "eim-adf", "eim-apdf", "eim-eif"}) {
		t.Errorf("classic: %v", got)
	}
	if got := members(t, "classes"); len(got) != 9 {
		t.Errorf("classes: %v", got)
	}
	for _, name := range []string{"none", "openwrt", "linux-masquerade", "linux-random"} {
		if !slices.Contains(members(t, "default"), name) {
			t.Errorf("default: %s is missing", name)
		}
	}
	// The square of it times the trials is what bench has to do without flags.
	if got := members(t, "default"); len(got) > 7 {
		t.Errorf("default: %d are too many: %v", len(got), got)
	}
	for _, s := range natprofiles.Sets() {
		if s.Summary == "" || len(members(t, s.Name)) == 0 {
			t.Errorf("set %s has no summary or no profile", s.Name)
		}
	}
}

func TestSelectGivesEachProfileOnce(t *testing.T) {
	path := filepath.Join(folder(t, map[string]string{"home.yaml": "summary: At home\n" + router}), "home.yaml")
	c, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Select("openwrt", path, "classic", "full-cone", "openwrt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range got {
		names = append(names, p.Name)
	}
	if want := []string{"openwrt", "home", "apdm-apdf", "eim-adf", "eim-apdf", "eim-eif"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestSelectTellsAllThatIsWrong(t *testing.T) {
	path := filepath.Join(folder(t, map[string]string{"openwrt.yaml": "summary: Mine\n" + router}), "openwrt.yaml")
	c, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Select("clases", "openwrt", path, "missing.yaml")
	want := fmt.Sprintf("unknown profile \"clases\"; did you mean classes? (%d are known; or one of %d sets; or the path of a .yaml file)\n",
		len(natprofiles.All()), len(natprofiles.Sets())) +
		path + ": this profile and another one are both called openwrt; rename the file\n" +
		"missing.yaml: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAUsersSetsGoBeforeTheShippedOnes(t *testing.T) {
	dir := folder(t, map[string]string{"mine.yaml": "summary: Mine\ntags: [flat, home]\n" + router})
	if err := os.Mkdir(filepath.Join(dir, "sets"), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, "sets", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("street.yaml", "summary: Our street\nwhere: [{tags: flat}]\n")
	write("home-routers.yaml", "summary: Our home\nwhere: [{tags: [flat, home]}]\nexcept: [{translate: true}]\n")
	c, err := natprofiles.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"street", "home-routers"} {
		if got, err := c.Find(word); err != nil || len(got) != 1 || got[0].Name != "mine" {
			t.Errorf("%s: %v, %v", word, got, err)
		}
	}
	if _, err := c.Find("classes"); err != nil {
		t.Error(err)
	}

	write("street.yaml", "summary: Our street\n")
	_, err = natprofiles.Open(dir)
	want := filepath.Join(dir, "sets", "street.yaml") + ":1:1: field where is required: a list of conditions such as [{tags: home}], or [{}] for all profiles"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	write("street.yaml", "summary: Our street\nwhere: [{tags: nobody}]\n")
	if c, err = natprofiles.Open(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find("street"); err == nil || err.Error() != "set street: no profile belongs to it" {
		t.Errorf("an empty set: %v", err)
	}
}

func TestNoProfileHasTheNameOfASet(t *testing.T) {
	dir := folder(t, map[string]string{
		"real.yaml": "summary: R\n" + router,
		"x.yaml":    "summary: X\naliases: [classic]\n" + router,
	})
	_, err := natprofiles.Open(dir)
	want := "classic is a name of profile x and of a set of profiles; rename one of them\n" +
		"real is a name of profile real and of a set of profiles; rename one of them"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// Whatever it is given, ParseSet ends, and gives a set or an error.
func FuzzParseSet(f *testing.F) {
	f.Add("summary: x\nwhere: [{}]\n")
	f.Add("summary: x\nwhere: [{tags: [a, b]}]\nexcept: [{mapping: x}, 1]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := natprofiles.ParseSet("fuzz.yaml", []byte(text))
		if err == nil && (s.Name != "fuzz" || strings.TrimSpace(s.Summary) == "") {
			t.Errorf("accepted an incomplete set: %+v", s)
		}
	})
}
