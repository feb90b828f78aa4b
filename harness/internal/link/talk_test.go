package link

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/links"
)

// line is a connection between two parts of this process that talk as a lab
// and the keeping process do.
func line(t *testing.T) (lab, keeping *net.UnixConn) {
	t.Helper()
	lab, file, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Close() })
	fd, err := unix.Dup(int(file.Fd()))
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if keeping, err = unixConn(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keeping.Close() })
	for _, end := range []*net.UnixConn{lab, keeping} {
		if err := end.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return lab, keeping
}

func TestWhatIsSaidIsHeard(t *testing.T) {
	lab, keeping := line(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	want := request{Op: opHold, Name: "transit-a", Link: links.Delayed(time.Hour), Up: []fate.Rule{{
		Fault: links.Fault{Link: "transit-a", Way: links.Up, Do: links.Drop, Class: links.SYN, First: 2, Last: 3},
		From:  fate.Endpoint{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: 7},
	}}}
	err = errors.Join(say(lab, want, int(write.Fd())), write.Close())
	if err != nil {
		t.Fatal(err)
	}
	var got request
	fd, err := hear(keeping, &got)
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); err != nil || diff != "" {
		t.Fatalf("%v (-said +heard)\n%s", err, diff)
	}
	// The descriptor is of the same pipe, and ends with the programs that are
	// started meanwhile.
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the descriptor has the flags %x, %v", flags, err)
	}
	other := os.NewFile(uintptr(fd), "write")
	if _, err := other.WriteString("through"); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if through, err := io.ReadAll(read); err != nil || string(through) != "through" {
		t.Errorf("the pipe had %q, %v", through, err)
	}
}

func TestALongErrorIsCut(t *testing.T) {
	lab, keeping := line(t)
	want := answer{Stats: Stats{Held: 7, Counts: fate.Counts{Dropped: 3}}}
	if err := reply(keeping, want, errors.New(strings.Repeat("x", 3*longestError))); err != nil {
		t.Fatal(err)
	}
	var a answer
	_, err := hear(lab, &a)
	if err != nil || len(a.Err) != longestError || a.Stats != want.Stats {
		t.Errorf("heard %d bytes, %+v, %v", len(a.Err), a.Stats, err)
	}
}

func TestWhatIsNoMessageIsAnError(t *testing.T) {
	lab, keeping := line(t)
	if _, err := keeping.Write([]byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	var a answer
	var syntax *json.SyntaxError
	if _, err := hear(lab, &a); !errors.As(err, &syntax) {
		t.Errorf("three bytes for an answer: %v", err)
	}
	if err := say(lab, strings.Repeat("x", longestMessage), noDescriptor); err == nil {
		t.Error("a message was sent that is too long to be heard")
	}
	if err := keeping.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := hear(lab, &a); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

// The keeping process serves many labs: what is wrong with one ends neither the
// process nor that lab.
func TestAnUnknownRequestIsAnError(t *testing.T) {
	lab, keeping := line(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		serveLab(keeping)
	}()
	if _, err := ask(lab, request{Op: 99}, noDescriptor); err == nil || !strings.Contains(err.Error(), "unknown request 99") {
		t.Errorf("an unknown request: %v", err)
	}
	file, err := os.CreateTemp(t.TempDir(), "") // which nothing can wait for
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(lab, request{Op: opHold}, int(file.Fd())); err == nil || !strings.Contains(err.Error(), "epoll_ctl") {
		t.Errorf("a file for a queue: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(lab, request{Op: opShape, Wire: 1}, noDescriptor); err == nil || !strings.Contains(err.Error(), "no link 1") {
		t.Errorf("a link that is not there: %v", err)
	}
	if a, err := ask(lab, request{Op: opStats}, noDescriptor); err != nil || a.Stats != (Stats{}) {
		t.Errorf("after three mistakes: %+v, %v", a, err)
	}
	if _, err := ask(lab, request{Op: opClose}, noDescriptor); err != nil {
		t.Error(err)
	}
	<-done
}

// A lab whose program has ended without a word is forgotten.
func TestALabThatIsGoneIsForgotten(t *testing.T) {
	lab, keeping := line(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		serveLab(keeping)
	}()
	if _, err := ask(lab, request{Op: opStats}, noDescriptor); err != nil {
		t.Fatal(err)
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	pool.Lock()
	defer pool.Unlock()
	if len(pool.keepers) > 0 {
		t.Errorf("%d keepers are left without a lab", len(pool.keepers))
	}
}

func TestALabThatCannotBeServedIsTold(t *testing.T) {
	lab, keeping := line(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		refuse(keeping, unix.EMFILE)
		keeping.Close()
	}()
	if _, err := ask(lab, request{Op: opReset}, noDescriptor); err == nil || !strings.Contains(err.Error(), unix.EMFILE.Error()) {
		t.Errorf("the first request: %v, want %v", err, unix.EMFILE)
	}
	if _, err := ask(lab, request{Op: opReset}, noDescriptor); err == nil {
		t.Error("the second request was answered")
	}
	<-done
}
