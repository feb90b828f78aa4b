package punch_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

// Two peers that share a secret meet at a server and connect to each other. Here all three are one program, and there is
// no NAT between them.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listener, err := punch.Listen(punch.Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var running sync.WaitGroup
	running.Go(func() { _ = new(rendezvous.Server).Serve(ctx, listener) })

	strategy, err := punch.StrategyNamed("simultaneous-open")
	if err != nil {
		fmt.Println(err)
		return
	}
	config := punch.Config{
		Rendezvous: []netip.AddrPort{listener.Addr().(*net.TCPAddr).AddrPort()},
		Secret:     punch.NewSecret(),
		Strategy:   strategy,
	}
	running.Go(func() { // one peer
		conn, _, err := punch.Connect(ctx, config)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer conn.Close()
		fmt.Fprintln(conn, "hello")
	})
	conn, report, err := punch.Connect(ctx, config) // the other
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	var word string
	if _, err := fmt.Fscanln(conn, &word); err != nil {
		fmt.Println(err)
	}
	cancel() // the server is not needed any more
	running.Wait()
	fmt.Println(word, "by", report.Via)
	// Output: hello by simultaneous-open
}
