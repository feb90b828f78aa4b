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
	// home.yaml:5:14: unsolicited: "rest" is not one of drop, reset; did you mean reset?
}
