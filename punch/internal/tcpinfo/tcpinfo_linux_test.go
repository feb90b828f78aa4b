package tcpinfo

import (
	"net"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	info, ok := Of(conn)
	if rtt := info.RTT(); !ok || info.Silent || rtt <= 0 || rtt > time.Second {
		t.Errorf("an open connection on loopback: %+v, %t", info, ok)
	}
	_ = conn.Close()
	if _, ok := Of(conn); ok {
		t.Error("something is known of a closed connection")
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if _, ok := Of(ours); ok {
		t.Error("something is known of a pipe")
	}
}

func TestRTT(t *testing.T) {
	if got := (Info{MinRTT: 2, SmoothedRTT: 5}).RTT(); got != 2 {
		t.Errorf("the shortest is not taken, but %d", got)
	}
	if got := (Info{SmoothedRTT: 5}).RTT(); got != 5 {
		t.Errorf("on an old kernel: %d", got)
	}
}
