// Dcutr lets two hosts of go-libp2p meet by DCUtR over TCP, in the labs in which
// punchlab's own engine meets, and prints both rates and times side by side.
//
//	cd examples/dcutr && go run . -trials 20
//
// DCUtR's time runs from the moment in which the listener has the dialer's connection by
// way of the relay until both have a direct one, authenticated; the engine's from the
// moment in which the later peer has read the introduction until both have one that has
// proved itself.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// pairs are the NATs of listener and dialer.
var pairs = [][2]string{
	{"eim-apdf", "eim-apdf"},
	{"eim-apdf-reset", "eim-apdf-reset"},
	{"eim-apdf", "apdm-sequential"},
	{"eim-apdf", "apdm-apdf"},
	{"eim-apdf", "adm-apdf"},
	{"apdm-sequential", "apdm-sequential"},
	{"apdm-block", "apdm-block"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) == 4 && os.Args[1] == "host" { // before harness.Main, which would leave the host's namespace
		os.Exit(status(runHost(ctx, os.Args[2], os.Args[3])))
	}
	harness.Main(func() int {
		trials := flag.Int("trials", 20, "`how many` of each pair")
		width := flag.Int("parallel", 8, "`how many` labs side by side")
		flag.Parse()
		if *trials < 1 || *width < 1 || flag.NArg() > 0 {
			fmt.Fprintln(os.Stderr, "dcutr: -trials and -parallel are numbers from 1 on, and nothing follows them")
			return 2
		}
		return status(compare(ctx, *trials, *width))
	})
}

func status(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "dcutr:", err)
		return 1
	}
	return 0
}

func compare(ctx context.Context, trials, width int) error {
	fmt.Printf("%-34s %22s %22s\n", "", "go-libp2p with DCUtR", "punchlab's auto")
	for _, pair := range pairs {
		nats, err := profiles(pair)
		if err != nil {
			return err
		}
		theirs, err := dcutr(ctx, nats, trials, width)
		if err != nil {
			return err
		}
		ours, err := engine(ctx, nats, trials)
		if err != nil {
			return err
		}
		fmt.Printf("%-34s %22s %22s\n", pair[0]+" × "+pair[1], rate(theirs, trials), rate(ours, trials))
	}
	return nil
}

func profiles(pair [2]string) (harness.NATs, error) {
	a, errA := natprofiles.Get(pair[0])
	b, errB := natprofiles.Get(pair[1])
	return harness.NATs{"a": a, "b": b}, errors.Join(errA, errB)
}

// rate is how many have connected, and the median of their times.
func rate(times []time.Duration, trials int) string {
	text := fmt.Sprintf("%d of %d", len(times), trials)
	if len(times) == 0 {
		return text + "         "
	}
	slices.Sort(times)
	return text + fmt.Sprintf("  %4d ms", times[len(times)/2].Milliseconds())
}

// engine measures the engine.
func engine(ctx context.Context, nats harness.NATs, trials int) (times []time.Duration, err error) {
	auto, err := punch.StrategyNamed("auto")
	if err != nil {
		return nil, err
	}
	place, err := topologies.Get("two-nats")
	if err != nil {
		return nil, err
	}
	plan := bench.Plan{Cells: []bench.Cell{{Topology: place, NATs: nats, Strategy: auto}}, Trials: trials, Patience: patience}
	err = bench.Run(ctx, plan, bench.Observer{Trial: func(t results.Trial) {
		if t.Outcome == results.Connected {
			times = append(times, time.Duration(*t.ConnectMS*float64(time.Millisecond)))
		}
	}})
	return times, err
}

// dcutr measures DCUtR, in labs side by side. The first error ends it.
func dcutr(ctx context.Context, nats harness.NATs, trials, width int) (times []time.Duration, err error) {
	var mu sync.Mutex
	trying, ctx := errgroup.WithContext(ctx)
	trying.SetLimit(width)
	for range trials {
		trying.Go(func() error {
			took, connected, err := meet(ctx, nats)
			if connected {
				mu.Lock()
				defer mu.Unlock()
				times = append(times, took)
			}
			return err
		})
	}
	err = trying.Wait()
	return times, err
}

// patience is for one trial: DCUtR tries three times, for five seconds each. The engine
// needs a tenth of it.
const patience = 30 * time.Second

// attempts is how often DCUtR tries.
const attempts = 3

// meet makes one trial in a lab of its own, with new programs.
func meet(ctx context.Context, nats harness.NATs) (took time.Duration, connected bool, err error) {
	place, err := topologies.Get("two-nats")
	if err != nil {
		return 0, false, err
	}
	lab, err := harness.Build(ctx, place, nats, harness.Options{Public: harness.Routable})
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	at := fmt.Sprintf("/ip4/%s/tcp/%d", lab.Host(topologies.Rendezvous).Addrs()[0], port)
	words := make(chan said)
	var hosts sync.WaitGroup
	defer hosts.Wait()
	defer stop()
	for _, h := range []struct{ name, role string }{{topologies.Rendezvous, relaying}, {topologies.Bob, listening}} {
		if err := start(ctx, &hosts, lab.Host(h.name), h.role, at, words); err != nil {
			return 0, false, err
		}
		if err := until(ctx, words, h.role, ready); err != nil {
			return 0, false, err
		}
	}
	if err := start(ctx, &hosts, lab.Host(topologies.Alice), dialling, at, words); err != nil {
		return 0, false, err
	}
	return outcome(ctx, words)
}

// said is what a host has said.
type said struct {
	role string
	word
}

// start starts a host's program, which ends with ctx.
func start(ctx context.Context, hosts *sync.WaitGroup, h *harness.Host, role, relayAt string, words chan<- said) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program := exec.CommandContext(ctx, self, "host", role, relayAt)
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.Start(program); err != nil {
		return err
	}
	hosts.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s := said{role: role}
			if json.Unmarshal(lines.Bytes(), &s.word) != nil {
				continue
			}
			select {
			case words <- s:
			case <-ctx.Done():
			}
		}
		_ = program.Wait() // it says that it was killed
	})
	return nil
}

func until(ctx context.Context, words <-chan said, role, what string) error {
	for {
		select {
		case w := <-words:
			if w.role == role && w.What == what {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("%s: is not %s: %w", role, what, ctx.Err())
		}
	}
}

// outcome hears how it ends: with a direct connection on both sides, or with so many
// failed attempts as DCUtR makes.
func outcome(ctx context.Context, words <-chan said) (took time.Duration, connected bool, err error) {
	var began, ended time.Time
	there, tried := map[string]bool{}, 0
	for {
		select {
		case w := <-words:
			switch w.What {
			case relayed:
				began = w.At
			case direct:
				there[w.role], ended = true, w.At
			case failed:
				if w.role == listening {
					tried++
				}
			}
			if len(there) == 2 && !began.IsZero() {
				return ended.Sub(began), true, nil
			}
			if tried == attempts {
				return 0, false, nil
			}
		case <-ctx.Done():
			if began.IsZero() {
				return 0, false, fmt.Errorf("the peers have not met at the relay: %w", ctx.Err())
			}
			return 0, false, nil
		}
	}
}
