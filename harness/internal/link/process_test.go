package link_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/links"
)

// keepingProcesses are the children of this process that keep links, without
// those that have ended.
func keepingProcesses(t *testing.T) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		command, err2 := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || err2 != nil {
			continue // it has ended meanwhile
		}
		// proc_pid_stat(5): pid (name) state parent
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if fields[1] == strconv.Itoa(os.Getpid()) && fields[0] != "Z" && string(command) == "punchlab-links\x00" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// All labs have one process, and where it dies, its labs are told and the next
// lab gets another one.
func TestLabsSurviveTheProcessThatKeepsTheirLinks(t *testing.T) {
	street := newStreet(t)
	var all []*link.Emulator
	for range 3 {
		e, err := link.New()
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close() // it fails for those whose process has died
		all = append(all, e)
	}
	before := keepingProcesses(t)
	if len(before) != 1 {
		t.Fatalf("three labs have the processes %v, want one", before)
	}
	if err := unix.Kill(before[0], unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if _, err := e.Stats(); err == nil {
			t.Error("an emulator answers, whose process has died")
		}
	}
	e := street.hold(t, time.Millisecond)
	left, right := street.sockets(t)
	send(t, left, "again")
	receive(t, right)
	if s := stats(t, e, 1); s.Held != 1 {
		t.Errorf("%+v, want one packet held", s)
	}
	if after := keepingProcesses(t); len(after) != 1 || after[0] == before[0] {
		t.Errorf("the processes are %v, and were %v", after, before)
	}
}

// held is how many descriptors and threads a process has.
func held(t *testing.T, pid int) (descriptors, threads int) {
	t.Helper()
	for name, n := range map[string]*int{"fd": &descriptors, "task": &threads} {
		entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), name))
		if err != nil {
			t.Fatal(err)
		}
		*n = len(entries)
	}
	return descriptors, threads
}

// The process that keeps the links of many labs, one after the other, holds
// nothing of those that are gone. Its runtime may keep some threads.
func TestTheKeepingProcessForgetsLabs(t *testing.T) {
	const spareThreads = 24
	street := newStreet(t)
	lab := func() {
		e, err := link.New()
		if err != nil {
			t.Fatal(err)
		}
		street.wire(t, e, links.Delayed(time.Millisecond))
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	lab() // opens what is opened once
	pid := keepingProcesses(t)[0]
	// The process closes what a lab leaves behind after it has answered, and tells
	// nobody.
	settled := func(most int) (descriptors, threads int) {
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			descriptors, threads = held(t, pid)
			if descriptors <= most || time.Now().After(deadline) {
				return descriptors, threads
			}
		}
	}
	// Its own: three standard ones, the connection, and those of Go's poller.
	const own = 10
	before, threadsBefore := settled(own)
	for range 100 {
		lab()
	}
	if after, threads := settled(before); after > before || threads > threadsBefore+spareThreads {
		t.Errorf("%d descriptors and %d threads after 100 labs, %d and %d before", after, threads, before, threadsBefore)
	}
}
