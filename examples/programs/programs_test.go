// Package programs tests two programs as they are, a server and its client, of
// which neither knows of punchlab: those of ../echo, which are built first.
package programs

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

// The server is Bob's, who is public; the client is Alice's, behind a NAT.
func TestTheServerSeesTheNAT(t *testing.T) {
	harness.Need(t)
	echo := filepath.Join(t.TempDir(), "echo")
	if out, err := exec.Command("go", "build", "-o", echo, "../echo").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lab := must(harness.New(t.Context(), must(topologies.Get("one-nat")),
		harness.NATs{"a": must(natprofiles.Get("openwrt"))}))
	defer lab.Close()
	alice, bob, nat := lab.Host("alice"), lab.Host("bob"), lab.Router("nat-a")
	address := netip.AddrPortFrom(bob.Addrs()[0], 7000)

	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	server := exec.CommandContext(ctx, echo, "serve", ":7000") // killed when ctx ends
	if err := bob.Start(server); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = server.Wait() // it says that it was killed
	}()
	if err := listening(ctx, bob, address); err != nil {
		t.Fatal(err)
	}

	client := exec.CommandContext(ctx, echo, "ask", address.String(), "is anybody there?")
	var answer strings.Builder
	client.Stdout = &answer
	if err := alice.Start(client); err != nil {
		t.Fatal(err)
	}
	if err := client.Wait(); err != nil {
		t.Fatal(err)
	}
	from, said, _ := strings.Cut(strings.TrimSpace(answer.String()), " said ")
	if said != "is anybody there?" {
		t.Errorf("the client heard %q", &answer)
	}
	if got := netip.MustParseAddrPort(from).Addr(); got != nat.External()[0] {
		t.Errorf("the server saw %s, and the NAT's address is %s", got, nat.External()[0])
	}
}

// listening waits until something on a host listens at an address of its.
func listening(ctx context.Context, h *harness.Host, address netip.AddrPort) error {
	const pause = 5 * time.Millisecond
	for {
		conn, err := h.Dial(ctx, address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("nobody listens: %w", err)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
