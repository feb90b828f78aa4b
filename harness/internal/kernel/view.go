package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
)

// view is a file of /proc that shows a namespace. It stays open from its first use on: to
// read it again costs a system call, where a question by netlink costs ten. It may be
// used by several goroutines.
type view struct {
	once sync.Once
	file *os.File
	err  error
}

// read returns what the file at path shows, of which it keeps nothing: at most as many
// bytes as the buffer has.
func (v *view) read(ns *Namespace, path string, buffer []byte) ([]byte, error) {
	if !ns.handle.IsOpen() {
		return nil, errClosed
	}
	v.once.Do(func() {
		v.err = ns.Do(func() (err error) {
			v.file, err = os.Open(path)
			return err
		})
	})
	if v.err != nil {
		return nil, v.err
	}
	n, err := v.file.ReadAt(buffer, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buffer[:n], err
}

func (v *view) close() error {
	if v.file == nil {
		return nil
	}
	return v.file.Close()
}

// Tracked counts the connections that the namespace tracks, in every state and zone.
func (ns *Namespace) Tracked() (int, error) {
	text, err := ns.tracked.read(ns, "/proc/sys/net/netfilter/nf_conntrack_count", make([]byte, 20))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(text)))
}

// longestDevices holds the lines of thirty interfaces, which is more than a host has.
const longestDevices = 4096

// SentPackets is how many packets an interface has sent since it was made.
func (ns *Namespace) SentPackets(name string) (uint64, error) {
	text, err := ns.devices.read(ns, "/proc/thread-self/net/dev", make([]byte, longestDevices))
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	for line := range bytes.Lines(text) {
		who, numbers, _ := bytes.Cut(line, []byte{':'})
		if string(bytes.TrimSpace(who)) != name {
			continue
		}
		if fields := bytes.Fields(numbers); len(fields) > sentField {
			return strconv.ParseUint(string(fields[sentField]), 10, 64)
		}
	}
	return 0, fmt.Errorf("interface %s: %w", name, os.ErrNotExist)
}

// sentField is where /proc/net/dev has the packets that were sent, after eight numbers
// about those that came and the bytes (net/core/net-procfs.c, dev_seq_printf_stats).
const sentField = 9
