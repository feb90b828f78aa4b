package link_test

import (
	"bytes"
	"testing"
	"time"
)

// TCP hands over large packets whose checksums the network card is to finish.
// They must arrive whole.
func TestTCPArrivesWhole(t *testing.T) {
	street := newStreet(t)
	e := street.hold(t, time.Millisecond)
	want := bytes.Repeat([]byte("punchlab"), 1<<17)
	if got := transfer(t, street, want); !bytes.Equal(got, want) {
		t.Error("what arrived is not what was sent")
	}
	if s := stats(t, e, 1); s.Lost != 0 || s.Held > uint64(len(want)/1000) {
		t.Errorf("%+v: packets were lost, or the large ones cut up", s)
	}
}
