package specs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// The client and the server of coturn, which know nothing of us, must find by
// RFC 5780 what a profile says of UDP.
var _ = Describe("A STUN client of others", func() {
	It("finds the mapping and the filtering of every class", func(ctx SpecContext) {
		for _, program := range []string{coturnServer, coturnClient} {
			if _, err := exec.LookPath(program); err != nil {
				Skip(program + " is not installed (Debian: coturn)")
			}
		}
		profiles, err := natprofiles.Select("classes", "linux-masquerade", "linux-random", "einat", "windows-netnat")
		Expect(err).NotTo(HaveOccurred())
		said, errs := make([]string, len(profiles)), make([]error, len(profiles))
		var all sync.WaitGroup
		for i, p := range profiles { // side by side, since the client waits for what is filtered
			lab := serveSTUN(ctx, p)
			all.Go(func() { said[i], errs[i] = askSTUN(ctx, lab) })
		}
		all.Wait()
		for i, p := range profiles {
			Expect(errs[i]).NotTo(HaveOccurred(), p.Name)
			Expect(said[i]).To(ContainSubstring("NAT with "+stunWords[p.UDP.Mapping]+" Mapping!"), p.Name)
			Expect(said[i]).To(ContainSubstring("NAT with "+stunWords[p.UDP.Filtering]+" Filtering!"), p.Name)
		}
	}, SpecTimeout(2*time.Minute))
})

const (
	coturnServer = "turnserver"
	coturnClient = "turnutils_natdiscovery"
)

// stunWords are what the client calls them.
var stunWords = map[natprofiles.Dependence]string{
	natprofiles.EndpointIndependent:     "Endpoint Independent",
	natprofiles.AddressDependent:        "Address Dependent",
	natprofiles.AddressAndPortDependent: "Address and Port Dependent",
}

// serveSTUN makes a lab whose server, which needs two addresses and two ports, runs.
func serveSTUN(ctx context.Context, p natprofiles.Profile) *harness.Lab {
	GinkgoHelper()
	lab, err := harness.New(ctx, topology("one-nat"), harness.NATs{"a": p})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lab.Close)
	host := lab.Host(topologies.Rendezvous)
	args := []string{"-n", "--no-tls", "--no-dtls", "-S", "-p", "3478", "--alt-listening-port=3479",
		"--log-file=stdout", "--pidfile=" + filepath.Join(GinkgoT().TempDir(), "pid")}
	for _, addr := range host.Addrs()[:2] {
		args = append(args, "-L", addr.String())
	}
	server := exec.CommandContext(ctx, coturnServer, args...)
	Expect(host.Start(server)).To(Succeed())
	DeferCleanup(func() {
		Expect(server.Process.Signal(os.Interrupt)).To(Succeed())
		_ = server.Wait() // it was interrupted
	})
	return lab
}

// askSTUN asks until the server answers, and returns what the client says.
func askSTUN(ctx context.Context, lab *harness.Lab) (string, error) {
	for {
		var said bytes.Buffer
		client := exec.CommandContext(ctx, coturnClient, "-m", "-f", lab.Host(topologies.Rendezvous).Addrs()[0].String())
		client.Stdout, client.Stderr = &said, &said
		if err := lab.Host(topologies.Alice).Start(client); err != nil {
			return "", err
		}
		_ = client.Wait() // what it says tells how it went
		if text := said.String(); strings.Count(text, "NAT with") == 2 {
			return text, nil
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("the server does not answer: %w; the client last said:\n%s", context.Cause(ctx), &said)
		}
	}
}
