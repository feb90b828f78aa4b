package report

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/bench/results"
)

// Here and below, who sleeps is in synctest's own time: it is exact and passes at
// once.
func TestProgressWithoutTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, 0, 3, 30)
		for range 3 { // ten trials in 4.2 seconds
			for i := range 10 {
				time.Sleep(420 * time.Millisecond)
				p.Trial([]results.Outcome{results.Connected, results.Failed}[i%2])
			}
			p.Trial(results.Invalid)
			p.Cell()
		}
		p.Stop()
		p.Stop()
		want := `cells 1/3, trials 11/30, 2.2 trials/s, 9s left, 1 invalid
cells 2/3, trials 23/30, 2.3 trials/s, 3s left, 2 invalid
cells 3/3, trials 30/30, 2.4 trials/s, took 13s, 3 invalid
`
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestProgressOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, 80, 1, 40)
		time.Sleep(150 * time.Millisecond)
		for range 30 {
			p.Trial(results.Connected)
		}
		time.Sleep(100 * time.Millisecond)
		p.Stop()
		want := strings.Join([]string{
			"", // each line goes to the place of the last
			"cells 0/1, trials 0/40, 0 trials/s\x1b[K",
			"cells 0/1, trials 0/40, 0 trials/s\x1b[K",
			"cells 0/1, trials 30/40, 150 trials/s, 0s left\x1b[K",
			"cells 0/1, trials 30/40, 120 trials/s, took 0s\x1b[K\n",
		}, "\r")
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

// A line that is as wide as the terminal would wrap, and its first half could
// never be drawn over.
func TestProgressKeepsToOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, 20, 1000, 1000)
		time.Sleep(time.Second)
		p.Stop()
		for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\r") {
			if text := strings.TrimSuffix(line, "\x1b[K"); len(text) > 19 {
				t.Errorf("%q has %d columns", text, len(text))
			}
		}
	})
}

func TestProgressStopEndsTheWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, 0, 1, 1)
		p.Stop()
		time.Sleep(time.Minute)
		want := "cells 0/1, trials 0/1, 0 trials/s, took 0s\n"
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}

// Where trials go on until an interval is narrow nobody knows how many it will be.
func TestProgressWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, 0, 1, 0)
		for range 15 {
			time.Sleep(400 * time.Millisecond)
			p.Trial(results.Connected)
		}
		p.Stop()
		want := "cells 0/1, trials 12, 2.4 trials/s\ncells 0/1, trials 15, 2.5 trials/s, took 6s\n"
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}

func TestProgressFromManyGoroutines(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, 0, 8, 800)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 100 {
				p.Trial(results.Failed)
				p.Trial(results.Invalid)
			}
			p.Cell()
		})
	}
	workers.Wait()
	p.Stop()
	if got := out.String(); !strings.HasPrefix(got, "cells 8/8, trials 800/800, ") || !strings.HasSuffix(got, ", 800 invalid\n") {
		t.Error(got)
	}
}
