package punch

import (
	"errors"
	"net"
	"testing"
	"time"
)

func TestDeafGainsNothingWhereResetsCloseHoles(t *testing.T) {
	foresees(t, deaf{}, []foreseen{
		{"nobody answers", portCone, portCone, 1, 1.5},
		{"one side waits for the other's next SYN", resetCone, portCone, 1, 1.5},
		{"the reset closes the hole that it passes", resetCone, resetCone, unforgiven, 1.5},
		{"it is not deaf to ICMP", icmpCone, portCone, unforgiven, 1.5},
		{"an ordinary handshake", resetCone, noNAT, 1, 1.5},
		{"neither SYN meets a hole", symmetric, symmetric, 0, 0},
	})
}

// A listener's answers have an ordinary TTL: who may meet one must hear it.
func TestNobodyIsDeafToAListener(t *testing.T) {
	for _, c := range []struct {
		a, b Classification
		want bool
	}{
		{portCone, resetCone, true},
		{firewall, addrCone, true},
		{resetCone, noNAT, false},
		{resetCone, fullCone, false},
		{addrCone, symmetric, false},
		{Classification{}, portCone, false},
		{Classification{}, Classification{}, false},
	} {
		if deafens(c.a, c.b) != c.want || deafens(c.b, c.a) != c.want {
			t.Errorf("%s x %s: deaf is not %t", c.a, c.b, c.want)
		}
	}
}

// A deaf socket hears another one, and no listener, whose answer starts with a TTL of 64.
func TestDeafSocketsHearEachOther(t *testing.T) {
	if !canArm {
		t.Skip("no socket can be deaf here")
	}
	a, b := deafEnds(t)
	stranger := &attempt{state: new(state)}
	at := aStranger(t)
	d, err := shoot(Here, shot{from: freshPort, to: at, deaf: true})
	if err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(100 * time.Millisecond)
	if _, err := d.wait(t.Context(), soon); !errors.Is(stranger.judge(freshPort, err), errSilence) {
		t.Errorf("a deaf socket hears a listener: %v", err)
	}
	talk(t, a, b)
	talk(t, b, a)
}

// deafEnds are two deaf sockets whose SYNs have crossed: each leaves before the other can be answered, since what arrives
// where no socket is yet is refused, and that is not heard.
func deafEnds(t *testing.T) (a, b net.Conn) {
	t.Helper()
	left, right := closedPort(t), closedPort(t)
	ends := make(chan net.Conn, 2)
	for _, s := range []shot{
		{from: left.Port(), to: right, deaf: true}, {from: right.Port(), to: left, deaf: true},
	} {
		d, err := shoot(Here, s)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := d.wait(t.Context(), time.Now().Add(5*time.Second))
			if err != nil {
				t.Error(err)
				ends <- nil
				return
			}
			unaim(conn)
			ends <- conn
		}()
	}
	a, b = <-ends, <-ends
	if a == nil || b == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}
