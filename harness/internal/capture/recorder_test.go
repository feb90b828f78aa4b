package capture_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/capture"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/leaktest"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/natprofiles"
)

// street is two namespaces that are connected. The left one tracks its
// connections, and the right one answers nothing.
type street struct {
	left, right *kernel.Namespace
}

var (
	leftIP  = netip.MustParseAddr("198.18.0.1")
	rightIP = netip.MustParseAddr("198.18.0.2")
)

func newStreet(t *testing.T) street {
	t.Helper()
	harness.Need(t)
	made, err := kernel.NewNamespaces(make([][]kernel.Sysctl, 2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kernel.CloseAll(made); err != nil {
			t.Error(err)
		}
	})
	s := street{made[0], made[1]}
	left, right := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	masquerade := natprofiles.Profile{Translate: true, Input: natprofiles.InputOpen}
	err = errors.Join(
		kernel.Join(kernel.End{Namespace: s.left, Name: "left", MAC: left}, kernel.End{Namespace: s.right, Name: "right", MAC: right}),
		s.left.Configure(kernel.Interface{Name: "left", Addrs: []netip.Prefix{netip.PrefixFrom(leftIP, 24)},
			Neighbours: []kernel.Neighbour{{Addr: rightIP, MAC: right}}}),
		s.right.Configure(kernel.Interface{Name: "right", Addrs: []netip.Prefix{netip.PrefixFrom(rightIP, 24)},
			Neighbours: []kernel.Neighbour{{Addr: leftIP, MAC: left}}}),
		s.left.WaitUp(t.Context(), "left"), s.right.WaitUp(t.Context(), "right"),
		natrules.Linux(masquerade, "left").Apply(s.left.FD()), s.right.StopDelivery("right"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// leftLeg and rightLeg are what is seen of a street.
var (
	leftLeg  = recording.Leg{Node: "left", Side: recording.Host, Interface: "left", Toward: []string{"right"}}
	rightLeg = recording.Leg{Node: "right", Side: recording.Host, Interface: "right", Toward: []string{"left"}}
)

// recorder is one of the whole street.
func (s street) recorder(t *testing.T, sizes capture.Sizes) *capture.Recorder {
	t.Helper()
	r, err := capture.New([]capture.Place{{Namespace: s.left, Leg: leftLeg}, {Namespace: s.right, Leg: rightLeg}},
		[]capture.NAT{{Namespace: s.left, Node: "left"}}, 2, sizes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// send sends n datagrams to the right, each to a port of its own, so that each
// is a connection.
func (s street) send(t *testing.T, n int) {
	t.Helper()
	err := s.left.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		for i := range n {
			if err == nil {
				err = unix.Sendto(fd, []byte("word"), 0, &unix.SockaddrInet4{Addr: rightIP.As4(), Port: 1 + i})
			}
		}
		return errors.Join(err, unix.Close(fd))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// datagrams counts those that a leg saw.
func datagrams(r recording.Recording, leg int) (n uint64) {
	for _, p := range r.Packets {
		if p.Leg == leg && p.Data[9] == unix.IPPROTO_UDP {
			n++
		}
	}
	return n
}

// More packets than a leg holds are counted, each, and told. A recording does
// not inherit the losses of the one before.
func TestLostPacketsAreTold(t *testing.T) {
	s := newStreet(t)
	r := s.recorder(t, capture.Sizes{Blocks: 1, Events: 1 << 20})
	for _, extra := range []uint64{44, 0} {
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		r.HoldFetching()
		s.send(t, capture.PacketsPerBlock+int(extra))
		made, err := r.Stop()
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range made.Legs {
			if got := datagrams(made, i); got != capture.PacketsPerBlock || l.Lost != extra {
				t.Errorf("%s: %d packets and %d lost, want all that a leg holds, %d, and %d", l, got, l.Lost, capture.PacketsPerBlock, extra)
			}
		}
		missing := made.Missing()
		if told := missing != nil && strings.Contains(missing.Error(), leftLeg.String()+": 44 packets"); told != (extra > 0) {
			t.Errorf("%d packets of each leg are missing, and what is told is: %v", extra, missing)
		}
	}
}

// More events than a socket holds are counted, each, and told.
func TestLostEventsAreTold(t *testing.T) {
	s := newStreet(t)
	r := s.recorder(t, capture.Sizes{Blocks: 16, Events: 1}) // the kernel gives its least
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.HoldReading(); err != nil {
		t.Fatal(err)
	}
	const connections = 100
	s.send(t, connections)
	made, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	lost := made.LostEvents["left"]
	if total := uint64(len(made.Flows)) + lost; lost == 0 || len(made.Flows) == 0 || total != connections {
		t.Errorf("%d events and %d lost ones of %d connections", len(made.Flows), lost, connections)
	}
	if err := made.Missing(); err == nil || !strings.HasPrefix(err.Error(), "left: ") {
		t.Errorf("what is missing: %v", err)
	}
}

// What waits in sockets when a recording ends is in it, all of it.
func TestWhatWaitsIsNotLost(t *testing.T) {
	s := newStreet(t)
	r := s.recorder(t, capture.Default)
	for range 3 {
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		r.HoldFetching()
		if err := r.HoldReading(); err != nil {
			t.Fatal(err)
		}
		const connections = 100
		s.send(t, connections)
		made, err := r.Stop()
		if err := errors.Join(err, made.Missing()); err != nil {
			t.Fatal(err)
		}
		news := 0
		for _, f := range made.Flows {
			if f.Event == recording.New {
				news++
			}
		}
		if left, right := datagrams(made, 0), datagrams(made, 1); left != connections || right != connections || news != connections {
			t.Errorf("%d datagrams on the left, %d on the right, %d new connections, want %d", left, right, news, connections)
		}
		if err := s.left.FlushConntrack(); err != nil {
			t.Fatal(err)
		}
	}
}

// While nothing is recorded nothing is seen, and no event is made.
func TestARestingRecorderSeesNothing(t *testing.T) {
	s := newStreet(t)
	r := s.recorder(t, capture.Default)
	s.send(t, 10)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	made, err := r.Stop()
	if err := errors.Join(err, made.Missing()); err != nil {
		t.Fatal(err)
	}
	if len(made.Packets)+len(made.Flows) > 0 {
		t.Errorf("%d packets and %d events of a time before", len(made.Packets), len(made.Flows))
	}
	if _, err := r.Stop(); err == nil {
		t.Error("a recording ended that had not begun")
	}
}

func TestAnInterfaceThatIsNotThereIsAnError(t *testing.T) {
	s := newStreet(t)
	s.recorder(t, capture.Default) // opens what is opened once
	leaktest.Watch(t)
	missing := leftLeg
	missing.Interface = "nowhere"
	r, err := capture.New([]capture.Place{{Namespace: s.right, Leg: rightLeg}, {Namespace: s.left, Leg: missing}}, nil, 1, capture.Default)
	if r != nil || !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), missing.String()) {
		t.Errorf("recorder %v, error %v", r, err)
	}
}

func TestAClosedRecorderAnswersNothing(t *testing.T) {
	s := newStreet(t)
	r := s.recorder(t, capture.Default)
	if err := errors.Join(r.Start(), r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
	if _, err := r.Stop(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Stop: %v", err)
	}
}
