package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The words between a lab and the process that keeps its links. They travel
// over a pair of sockets that keep messages apart: a request, with a
// descriptor where one is given, and an answer.

// request asks for something to be done.
type request struct {
	Op    op
	Delay time.Duration // of opHold
}

type op uint8

const (
	opHold  op = iota + 1 // serve the queue that comes with it
	opReset               // drop what is held
	opStats
	opClose // and forget the lab
)

// noDescriptor says that none goes along.
const noDescriptor = -1

// longestError is how much of an error's text is told.
const longestError = 4096

// ask sends a request and waits for the answer. fd remains the caller's.
func ask(conn *net.UnixConn, r request, fd int) (s Stats, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("link emulator: %w", err)
		}
	}()
	if err := say(conn, r, "", fd); err != nil {
		return s, err
	}
	text, _, err := hear(conn, &s)
	if err == nil && text != "" {
		err = errors.New(text)
	}
	return s, err
}

// say sends a value of fixed size, a text and a descriptor.
func say(conn *net.UnixConn, value any, text string, fd int) error {
	message, err := binary.Append(nil, binary.NativeEndian, value)
	if err != nil {
		return err
	}
	var rights []byte
	if fd != noDescriptor {
		rights = unix.UnixRights(fd)
	}
	_, _, err = conn.WriteMsgUnix(append(message, text[:min(len(text), longestError)]...), rights, nil)
	return err
}

// hear receives what say sent. The descriptor is the caller's. It is io.EOF
// that the other side has closed.
func hear(conn *net.UnixConn, value any) (text string, fd int, err error) {
	message, rights := make([]byte, 2*longestError), make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := conn.ReadMsgUnix(message, rights)
	if err != nil {
		return "", noDescriptor, err
	}
	if n == 0 {
		return "", noDescriptor, io.EOF
	}
	if fd, err = descriptor(rights[:m]); err != nil {
		return "", noDescriptor, err
	}
	r := bytes.NewReader(message[:n])
	if err := binary.Read(r, binary.NativeEndian, value); err != nil {
		return "", fd, err
	}
	rest, err := io.ReadAll(r)
	return string(rest), fd, err
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
