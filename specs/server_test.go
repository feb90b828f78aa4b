package specs

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/punch/rendezvous"
	"github.com/punchlab/punchlab/topologies"
)

var _ = Describe("A punched connection", func() {
	It("goes on when the server's link is cut", func(ctx SpecContext) {
		lab := start(ctx, topology("two-nats"), harness.NATs{"a": profile("openwrt"), "b": profile("linux-masquerade")})
		alice, bob := introduced(ctx, lab, "simultaneous-open")
		Expect(lab.Host(topologies.Rendezvous).Unplug()).To(Succeed())
		expectEcho(alice, bob, 1<<20)
		expectEcho(bob, alice, 1<<20)
	}, SpecTimeout(20*time.Second))

	It("needs the server when it is relayed", func(ctx SpecContext) {
		lab := start(ctx, topology("two-nats"), harness.NATs{"a": profile("linux-random"), "b": profile("linux-random")})
		alice, bob := introduced(ctx, lab, "relay")
		expectEcho(alice, bob, 1<<16)
		Expect(lab.Host(topologies.Rendezvous).Unplug()).To(Succeed())
		Expect(alice.SetDeadline(time.Now().Add(500 * time.Millisecond))).To(Succeed())
		Expect(bob.SetDeadline(time.Now().Add(500 * time.Millisecond))).To(Succeed())
		_, _ = alice.Write([]byte("lost"))
		_, err := bob.Read(make([]byte, 4))
		Expect(err).To(MatchError(ContainSubstring("timeout")))
	}, SpecTimeout(20*time.Second))
})

// introduced connects alice and bob of a lab.
func introduced(ctx context.Context, lab *harness.Lab, by string) (alice, bob net.Conn) {
	GinkgoHelper()
	host := lab.Host(topologies.Rendezvous)
	at := netip.AddrPortFrom(host.Addrs()[0], 3478)
	listener, err := punch.Listen(host, at)
	Expect(err).NotTo(HaveOccurred())
	serving, stop := context.WithCancel(ctx)
	DeferCleanup(stop)
	go func() { _ = new(rendezvous.Server).Serve(serving, listener) }() // nil, since only ctx ends it

	secret := punch.NewSecret()
	var conns [2]net.Conn
	var errs [2]error
	var trying sync.WaitGroup
	for i, name := range []string{topologies.Alice, topologies.Bob} {
		trying.Go(func() {
			conns[i], _, errs[i] = punch.Connect(ctx, punch.Config{
				Network: lab.Host(name), Rendezvous: []netip.AddrPort{at}, Secret: secret,
				Strategy: strategy(by), Patience: patience,
			})
		})
	}
	trying.Wait()
	Expect(errs).To(HaveEach(BeNil()))
	for _, c := range conns {
		DeferCleanup(c.Close)
	}
	return conns[0], conns[1]
}

// expectEcho sends n bytes from one end and expects them at the other.
func expectEcho(from, to net.Conn, n int64) {
	GinkgoHelper()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyN(from, zeroes{}, n)
		sent <- err
	}()
	received, err := io.CopyN(io.Discard, to, n)
	Expect(err).NotTo(HaveOccurred())
	Expect(received).To(Equal(n))
	Expect(<-sent).To(Succeed())
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }
