package populations

import (
	"math"
	"strings"
	"testing"
)

func TestPublishedFigures(t *testing.T) {
	want := map[string]float64{"ford-2005-udp": 81.6, "ford-2005-tcp": 64.3, "guha-francis-2005": 88, "dcutr-2022": 70}
	all := Published()
	for _, f := range all {
		if math.Abs(f.Percent-want[f.Name]) > 0.05 {
			t.Errorf("%s: %v %%", f.Name, f.Percent)
		}
		if !strings.Contains(f.Ref, "https://") {
			t.Errorf("%s: %s gives no address", f.Name, f.Ref)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d figures", len(all))
	}
	all[0].Percent = 1
	if Published()[0].Percent == 1 {
		t.Error("a change of a copy came back")
	}
}

func TestBadFigures(t *testing.T) {
	for text, want := range map[string]string{
		"{}":           "figures.yaml:1:1: field figures is required: a list of published figures",
		"figures: [x]": "want a mapping of fields",
		"figures: [{name: X y, of: users, known: rumour, percent: 170}]": "of: \"users\" is not one of nats, pairs, attempts",
		"figures: [{name: x, known: hearsay}]":                           "known: \"hearsay\" is not one of text, abstract, second-hand",
		"figures: [{name: x}]":                                           "field ref is required: every figure says what it is and where it is from",
	} {
		if _, err := parseFigures("figures.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got\n%v\nwant\n%s", text, err, want)
		}
	}
}
