package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/links"
)

// The words between a lab and the process that keeps its links. They travel
// over a pair of sockets that keep messages apart: a request, with a
// descriptor where one is given, and an answer, both as JSON. There are few of
// them in a trial.

// request asks for something to be done.
type request struct {
	Op   op          `json:"op"`
	Wire int         `json:"wire,omitempty"` // which of the lab's links, in the order in which they were held
	Name string      `json:"name,omitempty"` // of a new link
	Link links.Link  `json:"link,omitzero"`
	Up   []fate.Rule `json:"up,omitempty"`
	Down []fate.Rule `json:"down,omitempty"`
	Seed uint64      `json:"seed,omitempty"`
	// Bytes is how much of each packet is kept whose fate is recorded; 0: nothing is
	// recorded any more.
	Bytes uint32 `json:"bytes,omitempty"`
}

type op uint8

const (
	opHold   op = iota + 1 // serve the queues that come with it
	opShape                // change what a link does; a socket for copies may come with it
	opRules                // replace a link's rules; a socket for copies may come with it
	opCounts               // tell what a link's rules have counted
	opSeed                 // draw and count anew, from this seed
	opReset                // drop what is held, draw and count anew
	opStats
	opWatch // begin to record what is done to packets, or end it
	opActs  // tell the oldest of what was recorded, and forget it
	opClose // and forget the lab
)

// answer is what came of a request.
type answer struct {
	Stats Stats           `json:"stats,omitzero"`
	Up    []fate.Count    `json:"up,omitempty"`
	Down  []fate.Count    `json:"down,omitempty"`
	Acts  []recording.Act `json:"acts,omitempty"`
	Lost  uint64          `json:"lost,omitempty"` // of those
	Err   string          `json:"err,omitempty"`
}

// noDescriptor says that none goes along.
const noDescriptor = -1

const (
	// longestError is how much of an error's text is told.
	longestError = 4096
	// longestMessage holds the rules of a lab that has as many as it may.
	longestMessage = 128 << 10
)

// ask sends a request and waits for the answer. fd remains the caller's.
func ask(conn *net.UnixConn, r request, fd int) (a answer, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("link emulator: %w", err)
		}
	}()
	if err := say(conn, r, fd); err != nil {
		return a, err
	}
	_, err = hear(conn, &a)
	if err == nil && a.Err != "" {
		err = errors.New(a.Err)
	}
	return a, err
}

// say sends a value and a descriptor.
func say(conn *net.UnixConn, value any, fd int) error {
	message, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(message) > longestMessage {
		return fmt.Errorf("a message of %d bytes; at most %d", len(message), longestMessage)
	}
	var rights []byte
	if fd != noDescriptor {
		rights = unix.UnixRights(fd)
	}
	_, _, err = conn.WriteMsgUnix(message, rights, nil)
	return err
}

// messages are buffers of hear, which is called several times in a trial.
var messages = sync.Pool{New: func() any { return new([longestMessage]byte) }}

// hear receives what say sent. The descriptor is the caller's. It is io.EOF
// that the other side has closed.
func hear(conn *net.UnixConn, value any) (fd int, err error) {
	message := messages.Get().(*[longestMessage]byte)
	defer messages.Put(message)
	rights := make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := conn.ReadMsgUnix(message[:], rights)
	if err != nil {
		return noDescriptor, err
	}
	if n == 0 {
		return noDescriptor, io.EOF
	}
	if fd, err = descriptor(rights[:m]); err != nil {
		return noDescriptor, err
	}
	return fd, json.Unmarshal(message[:n], value)
}

// descriptor takes the descriptor out of a control message, if there is one.
func descriptor(rights []byte) (int, error) {
	if len(rights) == 0 {
		return noDescriptor, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) == 0 {
		return noDescriptor, err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return noDescriptor, err
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}

// pair makes two connected sockets. The first is for this process, the second
// for another one.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "link")
	if ours, err = unixConn(fds[0]); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// unixConn gives a socket to Go's poller. fd is used up.
func unixConn(fd int) (*net.UnixConn, error) {
	file := os.NewFile(uintptr(fd), "link")
	defer file.Close() // FileConn has a descriptor of its own
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}
