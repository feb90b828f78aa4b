package natprofiles_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

const router = "translate: false\nfiltering: none\n"

// folder writes the files of a user's folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAUsersFolderGoesBeforeTheShippedProfiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"openwrt.yaml": "summary: My own\n" + router,
		"home.yaml":    "summary: At home\naliases: [masquerade]\n" + router,
		"notes.txt":    "not a profile",
	})
	profiles, err := natprofiles.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, summary := range map[string]string{
		"openwrt":          "My own",
		"home":             "At home",
		"masquerade":       "At home", // an alias of linux-masquerade until now
		"linux-masquerade": "Linux, nftables masquerade, INPUT policy drop",
	} {
		if p, err := profiles.Get(name); err != nil || p.Summary != summary {
			t.Errorf("%s: %q, %v; want %q", name, p.Summary, err, summary)
		}
	}
	if got, want := len(profiles.All()), len(natprofiles.All())+1; got != want {
		t.Errorf("%d profiles, want %d", got, want)
	}
	if p, err := natprofiles.Get("openwrt"); err != nil || p.Summary == "My own" {
		t.Errorf("the shipped profiles changed: %q, %v", p.Summary, err)
	}
}

func TestWithoutAFolderTheCatalogueIsTheShippedOne(t *testing.T) {
	profiles, err := natprofiles.Open("")
	if err != nil || len(profiles.All()) != len(natprofiles.All()) {
		t.Errorf("%d profiles, %v", len(profiles.All()), err)
	}
}

func TestLoadGivesAFolderSortedByName(t *testing.T) {
	dir := folder(t, map[string]string{"nat-2.yaml": "summary: 2\n" + router, "nat.yaml": "summary: 1\n" + router})
	profiles, err := natprofiles.Load(dir)
	if err != nil || len(profiles) != 2 || profiles[0].Name != "nat" || profiles[1].Name != "nat-2" {
		t.Errorf("%+v, %v", profiles, err)
	}
}

func TestLoadTellsAllThatIsWrongWithAFolder(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.yaml": "summary: A\nfiltering: none\ntranslate: maybe\n",
		"b.yml":  "summary: B\n" + router,
		"c.yaml": "",
		"d.yaml": "summary: D\n" + router,
	})
	if err := os.Mkdir(filepath.Join(dir, "e.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := natprofiles.Load(dir)
	want := filepath.Join(dir, "a.yaml") + `:3:12: translate: "maybe" is not one of true, false` + "\n    translate: maybe\n               ^\n" +
		filepath.Join(dir, "b.yml") + ": the file of a profile ends in .yaml; rename it\n" +
		filepath.Join(dir, "c.yaml") + ":1:1: empty: want a mapping of fields\n" +
		filepath.Join(dir, "e.yaml") + ": not a regular file"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoadRefusesAliasesThatAreTaken(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.yaml": "summary: A\naliases: [b, x]\n" + router,
		"b.yaml": "summary: B\naliases: [x]\n" + router,
	})
	_, err := natprofiles.Load(dir)
	want := filepath.Join(dir, "a.yaml") + ": aliases: b is taken by b\n" + filepath.Join(dir, "b.yaml") + ": aliases: x is taken by a"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoadRefusesAFolderWithoutProfiles(t *testing.T) {
	empty := t.TempDir()
	missing := filepath.Join(empty, "missing")
	for dir, want := range map[string]string{
		empty:   "profile folder " + empty + ": no file in it ends in .yaml",
		missing: "profile folder " + missing + ": no such file or directory",
	} {
		if _, err := natprofiles.Load(dir); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestGetReadsAFile(t *testing.T) {
	path := filepath.Join(folder(t, map[string]string{"home.yaml": "summary: At home\n" + router}), "home.yaml")
	if p, err := natprofiles.Get(path); err != nil || p.Name != "home" || p.Summary != "At home" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestGetTellsWhatItCouldNotGet(t *testing.T) {
	dir := t.TempDir()
	number := len(natprofiles.All())
	known := func(akin string) string {
		return fmt.Sprintf(" (%d are known%s; or the path of a .yaml file)", number, akin)
	}
	for name, want := range map[string]string{
		"openwr":              `unknown profile "openwr"; did you mean openwrt?` + known(", among them openwrt"),
		"Masquerad":           `unknown profile "Masquerad"; did you mean masquerade?` + known(", among them "+holding("masquerad")),
		"cisco":               `unknown profile "cisco"` + known(", among them "+holding("cisco")),
		"zyxel-42":            `unknown profile "zyxel-42"` + known(""),
		"":                    `unknown profile ""` + known(""),
		dir + "/missing.yaml": dir + "/missing.yaml: no such file or directory",
		dir:                   dir + ": a profile is a name or a file that ends in .yaml",
		"home.yml":            "home.yml: a profile is a name or a file that ends in .yaml",
	} {
		if _, err := natprofiles.Get(name); err == nil || err.Error() != want {
			t.Errorf("%q: got\n%v\nwant\n%s", name, err, want)
		}
	}
}

// holding lists the shipped names that hold a word.
func holding(word string) string {
	var names []string
	for _, p := range natprofiles.All() {
		if strings.Contains(p.Name, word) {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}
