package natprofiles_test

import (
	"fmt"

	"github.com/punchlab/punchlab/natprofiles"
)

func Example() {
	for _, name := range []string{"none", "openwrt", "linux-masquerade", "linux-random"} {
		p, err := natprofiles.Get(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%-16s  %s\n", p.Name, p.Behaviour())
	}
	// Output:
	// none              none
	// openwrt           EIM/preserve/APDF/reset
	// linux-masquerade  EIM/preserve/APDF/drop
	// linux-random      APDM/random/APDF/drop
}

func ExampleGet() {
	p, err := natprofiles.Get("openwrt")
	fmt.Println(p.Summary, err)

	p, err = natprofiles.Get("masquerade") // an alias
	fmt.Println(p.Name, err)
	// Output:
	// OpenWrt, firewall4 as shipped <nil>
	// linux-masquerade <nil>
}

func ExampleParse() {
	p, err := natprofiles.Parse("home.yaml", []byte(`
summary: The box under the stairs
mapping: endpoint-independent
filtering: address-and-port-dependent
unsolicited: reset
`))
	fmt.Println(p.Name, p.Behaviour(), err)
	// Output:
	// home EIM/preserve/APDF/reset <nil>
}

// Everything that is wrong is told at once.
func ExampleParse_mistakes() {
	_, err := natprofiles.Parse("home.yaml", []byte(`
summary: The box under the stairs
maping: endpoint-independent
filtering: address-and-port-dependent
unsolicited: rest
`))
	fmt.Println(err)
	// Output:
	// home.yaml:3:1: field maping not found; did you mean mapping?
	//     maping: endpoint-independent
	//     ^
	// home.yaml:5:14: unsolicited: "rest" is not one of drop, reset, icmp-port-unreachable, icmp-admin-prohibited, icmp-after-6s; did you mean reset?
	//     unsolicited: rest
	//                  ^
}

// A set is a query over fields and tags.
func ExampleCatalogue_Select() {
	profiles, err := natprofiles.Open("") // or the folder of your own profiles
	if err != nil {
		fmt.Println(err)
		return
	}
	classic, err := profiles.Select("classic", "openwrt")
	for _, p := range classic {
		fmt.Println(p.Name)
	}
	fmt.Println(err)
	// Output:
	// apdm-apdf
	// eim-adf
	// eim-apdf
	// eim-eif
	// openwrt
	// <nil>
}

// What RFC 5382 says about a home router.
func ExampleProfile_Verdicts() {
	p, err := natprofiles.Get("openwrt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range p.Verdicts() {
		if v.Requirement.RFC == 5382 && v.Standing == natprofiles.Breaks {
			fmt.Printf("%s: %s\n", v.Requirement.Number, v.Because)
		}
	}
	// Output:
	// REQ-4: unsolicited: reset
	// REQ-5: timeouts: {syn-sent: 2m}
	// REQ-7: ports: {overloading: true}
	// REQ-8: hairpin: none
}
