package link_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TCP hands over large packets whose checksums the network card is to finish.
// They must arrive whole.
func TestTCPArrivesWhole(t *testing.T) {
	street := newStreet(t)
	e := street.hold(t, time.Millisecond)
	want := bytes.Repeat([]byte("punchlab"), 1<<17)
	got := make(chan []byte, 1)
	var listener net.Listener
	err := street.right.Do(func() (err error) {
		listener, err = net.Listen("tcp4", netip.AddrPortFrom(rightAddr, port).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		defer close(got)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn) // what there is will be compared
		got <- all
	}()
	var conn net.Conn
	err = street.left.Do(func() (err error) { // a round trip of two milliseconds is no wait
		conn, err = net.DialTimeout("tcp4", netip.AddrPortFrom(rightAddr, port).String(), patience)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(want); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(<-got, want) {
		t.Error("what arrived is not what was sent")
	}
	if s := stats(t, e, 1); s.Lost != 0 || s.Held > uint64(len(want)/1000) {
		t.Errorf("%+v: packets were lost, or the large ones cut up", s)
	}
}
