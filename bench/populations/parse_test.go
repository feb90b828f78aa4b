package populations_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/internal/strictyaml/strictyamltest"
	"github.com/punchlab/punchlab/natprofiles"
)

// profiles is the catalogue of the shipped ones, and of those in a folder.
func profiles(t *testing.T, dir string) natprofiles.Catalogue {
	t.Helper()
	all, err := natprofiles.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBadFilesTellWhatIsWrong(t *testing.T) {
	shipped := profiles(t, "")
	strictyamltest.BadFiles(t, "testdata/bad", func(file string, data []byte) error {
		_, err := populations.Parse(file, data, shipped)
		return err
	})
}

const village = `
summary: A village
entries:
  - {profile: masquerade, weight: 12.5, source: {ref: "counted", says: measured}}
  - group: homes
    weight: 7/8
    source: {ref: "told", says: documented}
    split: {ref: "a guess", says: assumed}
    profiles:
      - {profile: openwrt, weight: 1/3}
      - {profile: linux-masquerade, weight: 2/3}
`

func TestParse(t *testing.T) {
	got, err := populations.Parse("some/where/village.yaml", []byte(village), profiles(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	want := populations.Population{Name: "village", Summary: "A village", Groups: []populations.Group{
		{
			Name: "linux-masquerade", Weight: 0.125, Source: populations.Source{Ref: "counted", Says: natprofiles.Measured},
			Members: []populations.Member{{Profile: "linux-masquerade", Weight: 1}},
		},
		{
			Name: "homes", Weight: 0.875, Source: populations.Source{Ref: "told", Says: natprofiles.Documented},
			Split:   &populations.Source{Ref: "a guess", Says: natprofiles.Assumed},
			Members: []populations.Member{{Profile: "openwrt", Weight: 1.0 / 3}, {Profile: "linux-masquerade", Weight: 2.0 / 3}},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	shares := []populations.Share{{Profile: "linux-masquerade", Weight: 0.125 + 0.875*2/3}, {Profile: "openwrt", Weight: 0.875 / 3}}
	if diff := cmp.Diff(shares, got.Shares(), near); diff != "" {
		t.Errorf("shares (-want +got):\n%s", diff)
	}
	if groups, profiles := got.Counted(); groups != 1 || profiles != 0.125 {
		t.Errorf("counted: %v of the groups and %v of the profiles", groups, profiles)
	}
}

func TestTheDocumentationShowsAPopulationThatIsOne(t *testing.T) {
	text, err := os.ReadFile("../../docs/populations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, begun := strings.Cut(string(text), "```yaml\n")
	shown, _, ended := strings.Cut(shown, "```\n")
	if !begun || !ended {
		t.Fatal("docs/populations.md shows no file")
	}
	if _, err := populations.Parse("customers.yaml", []byte(shown), profiles(t, "")); err != nil {
		t.Error(err)
	}
}

func TestCatalogueGetsNamesAndFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "village.yaml")
	if err := os.WriteFile(path, []byte(village), 0o600); err != nil {
		t.Fatal(err)
	}
	all := catalogue(t)
	a, b, err := all.Sides(path, "mobile")
	if err != nil || a.Name != "village" || b.Name != "mobile" {
		t.Errorf("%s, %s, %v", a.Name, b.Name, err)
	}
	a, b, err = all.Sides("cloud")
	if err != nil || a.Name != "cloud" || !cmp.Equal(a, b) {
		t.Errorf("%s, %s, %v", a.Name, b.Name, err)
	}
	_, _, err = all.Sides("clod", "home-2006")
	want := `unknown population "clod"; did you mean cloud? (known: cloud, home-2005, home-today, mixed, mobile; or the path of a .yaml file)` + "\n" +
		`unknown population "home-2006"; did you mean home-2005? (known: cloud, home-2005, home-today, mixed, mobile; or the path of a .yaml file)`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, _, err := all.Sides("cloud", "mobile", "mixed"); err == nil {
		t.Error("three sides were accepted")
	}
}

// A profile of the user's that has the name of a shipped one is what a
// population means, as it is what the bench runs.
func TestAPopulationMeansTheUsersProfile(t *testing.T) {
	const router = "summary: Ours\ntranslate: false\nfiltering: none\n"
	folder := func(files map[string]string) natprofiles.Catalogue {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return profiles(t, dir)
	}
	all, err := populations.Open(folder(map[string]string{"ours.yaml": "aliases: [eim-eif]\n" + router}))
	if err != nil {
		t.Fatal(err)
	}
	mobile, err := all.Get("mobile")
	if err != nil || mobile.Groups[1].Members[1].Profile != "ours" {
		t.Errorf("%+v, %v", mobile.Groups[1], err)
	}
	_, err = populations.Open(folder(map[string]string{"ours.yaml": "aliases: [pfsense, linux-random]\n" + router}))
	if err == nil || !strings.HasPrefix(err.Error(), "populations: home-today.yaml:") ||
		!strings.Contains(err.Error(), "linux-random, which is ours, has a weight already") {
		t.Errorf("%v", err)
	}
}

func TestPopulationsAreTheCallersToChange(t *testing.T) {
	all := catalogue(t)
	p, err := all.Get("mobile")
	if err != nil {
		t.Fatal(err)
	}
	p.Groups[0].Name, p.Groups[0].Members[0].Profile, p.Groups[0].Split.Ref = "changed", "changed", "changed"
	if again, err := all.Get("mobile"); err != nil || strings.Contains(again.Groups[0].Name+again.Groups[0].Members[0].Profile+again.Groups[0].Split.Ref, "changed") {
		t.Errorf("a change of a copy came back: %+v, %v", again.Groups[0], err)
	}
}
