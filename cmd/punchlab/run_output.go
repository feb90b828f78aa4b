package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

// The names of a program's streams.
const (
	streamOut = "stdout"
	streamErr = "stderr"
)

// transcript passes on what programs print, for people or as events for
// machines. Its methods may be used concurrently; lines stay whole.
type transcript struct {
	mu       sync.Mutex
	json     bool
	width    int            // of the widest host's name
	hosts    map[string]int // their order, which gives them a colour
	coloured map[string]bool
	err      error // the first
}

// The events of `run --json`, each a line on stdout.
type (
	labEvent struct {
		Event       string            `json:"event"` // lab: it is built
		Topology    string            `json:"topology"`
		NATs        map[string]string `json:"nats"`        // profiles by slot
		Environment map[string]string `json:"environment"` // of every program
		Seed        uint64            `json:"seed"`        // of links and cross traffic
		Entrances   []entrance        `json:"entrances,omitempty"`
	}
	startEvent struct {
		Event     string       `json:"event"` // start: a program runs
		Host      string       `json:"host"`
		Addresses []netip.Addr `json:"addresses"`
		Command   string       `json:"command"`
	}
	faultEvent struct {
		Event string `json:"event"` // fault: how often it met its packets, told at the end
		results.Fault
	}
	lineEvent struct {
		Event  string `json:"event"` // line: a program printed one
		Host   string `json:"host"`
		Stream string `json:"stream"`
		Line   string `json:"line"`
	}
	exitEvent struct {
		Event  string `json:"event"` // exit: a program has ended
		Host   string `json:"host"`
		Status int    `json:"status"`           // as a shell has it
		Signal string `json:"signal,omitempty"` // that ended it
		// Stopped says that it was told to end, with the run.
		Stopped bool `json:"stopped,omitempty"`
	}
)

func newTranscript(programs []program, asJSON bool) *transcript {
	t := &transcript{json: asJSON, hosts: map[string]int{}, coloured: map[string]bool{
		streamOut: report.Colour(term.IsTerminal(int(os.Stdout.Fd()))),
		streamErr: report.Colour(term.IsTerminal(int(os.Stderr.Fd()))),
	}}
	for i, p := range programs {
		t.hosts[p.host] = i
		t.width = max(t.width, len(p.host))
	}
	return t
}

// longestLine is where a line is broken, in bytes, so that a program that never
// ends one is heard all the same.
const longestLine = 64 << 10

// follow passes on what comes from a program's stream until it ends.
func (t *transcript) follow(host, stream string, from io.Reader) {
	lines := bufio.NewReaderSize(from, longestLine)
	for broken := false; ; {
		line, err := lines.ReadSlice('\n')
		if onlyTheEnd := broken && string(line) == "\n"; len(line) > 0 && !onlyTheEnd {
			t.line(host, stream, strings.TrimSuffix(string(line), "\n"))
		}
		broken = errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !broken {
			return
		}
	}
}

// palette are the colours of hosts.
var palette = []text.Colors{{text.FgCyan}, {text.FgYellow}, {text.FgMagenta}}

func (t *transcript) line(host, stream, line string) {
	if t.json {
		t.event(lineEvent{"line", host, stream, line})
		return
	}
	prefix := text.Pad(host, t.width, ' ') + " |"
	if t.coloured[stream] {
		prefix = palette[t.hosts[host]%len(palette)].EscapeSeq() + prefix + text.Reset.EscapeSeq()
	}
	to := os.Stdout
	if stream == streamErr {
		to = os.Stderr
	}
	t.print(to, prefix+" "+line+"\n")
}

// event prints an event, for machines only.
func (t *transcript) event(e any) {
	if !t.json {
		return
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		panic(err) // these types have a JSON form
	}
	t.print(os.Stdout, b.String())
}

// exit tells how a program has ended. People are told of what went wrong.
func (t *transcript) exit(e exitEvent) {
	t.event(e)
	switch {
	case t.json || e.Stopped || e.Status == statusDone:
	case e.Signal != "":
		t.say("%s: ended by a signal: %s", e.Host, e.Signal)
	default:
		t.say("%s: ended with status %d", e.Host, e.Status)
	}
}

// say tells people something, on stderr.
func (t *transcript) say(format string, args ...any) {
	t.print(os.Stderr, "punchlab: "+fmt.Sprintf(format, args...)+"\n")
}

func (t *transcript) print(to io.Writer, line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := io.WriteString(to, line); err != nil && t.err == nil {
		t.err = err
	}
}

// failure is the first error of passing on.
func (t *transcript) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return failed(t.err)
}
