package bench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// widths are the numbers of labs side by side at which trials are measured:
// the cost of a trial depends on it.
var widths = []int{1, 16, 32, 48, 64, 80}

// BenchmarkTrial makes connecting trials, two dropping NATs at a round trip of
// 40 ms, by the engine and then by bare sockets (BenchmarkTrialFloor), in the
// same labs. It reports the processor time of a trial, its ratio to the
// floor's, trials per second, the medians of both times to connect, and the
// share of trials that do not count.
func BenchmarkTrial(b *testing.B) {
	harness.Need(b)
	for _, width := range widths {
		b.Run(fmt.Sprintf("parallel=%d", width), func(b *testing.B) {
			sites := openSites(b, width)
			var tries tries
			engine := measure(b, sites, tries.add)
			floor := measure(b, sites, floorTrial)
			b.ReportMetric(engine.cpuMS, "cpu-ms/trial")
			b.ReportMetric(engine.cpuMS/floor.cpuMS, "cpu/floor")
			b.ReportMetric(engine.perSecond, "trials/s")
			tries.report(b)
		})
	}
}

// BenchmarkTrialFloor is the same trial by whoever knows the addresses and
// writes no more than he must: two peers, a server, crossed SYNs, one message
// each way.
func BenchmarkTrialFloor(b *testing.B) {
	harness.Need(b)
	for _, width := range widths {
		b.Run(fmt.Sprintf("parallel=%d", width), func(b *testing.B) {
			floor := measure(b, openSites(b, width), floorTrial)
			b.ReportMetric(floor.cpuMS, "cpu-ms/trial")
			b.ReportMetric(floor.perSecond, "trials/s")
		})
	}
}

// BenchmarkLongRun makes b.N connecting trials in 64 labs and tells what the first
// thousand and the last thousand of them cost: 100,000 by -benchtime 100000x, which
// takes four minutes.
func BenchmarkLongRun(b *testing.B) {
	harness.Need(b)
	const block = 1000
	sites := openSites(b, 64)
	var first, last cost
	var tries tries
	for done := 0; done < b.N; done += block {
		last = measureSome(b, sites, min(block, b.N-done), tries.add)
		if done == 0 {
			first = last
		}
	}
	b.ReportMetric(first.cpuMS, "first-cpu-ms/trial")
	b.ReportMetric(last.cpuMS, "last-cpu-ms/trial")
	b.ReportMetric(last.cpuMS/first.cpuMS, "last/first")
	b.ReportMetric(float64(peakMemory())/1e6, "peak-MB")
	tries.report(b)
}

// BenchmarkWide is what 256 labs side by side take of memory at most, with the process
// that keeps their links. Run by itself; at that width times are those of a machine that
// is full.
func BenchmarkWide(b *testing.B) {
	harness.Need(b)
	sites := openSites(b, 256)
	var tries tries
	engine := measure(b, sites, tries.add)
	b.ReportMetric(engine.cpuMS, "cpu-ms/trial")
	b.ReportMetric(float64(peakMemory())/1e6, "peak-MB")
	tries.report(b)
}

// openSites builds n labs, which are closed when the benchmark ends.
func openSites(b *testing.B, n int) []*bench.Site {
	b.Helper()
	t, errT := topologies.Get("two-nats")
	p, errP := natprofiles.Get("linux-masquerade")
	s, errS := punch.StrategyNamed("simultaneous-open")
	if err := errors.Join(errT, errP, errS); err != nil {
		b.Fatal(err)
	}
	sites := make([]*bench.Site, n)
	for i := range sites {
		site, err := bench.Open(b.Context(), bench.Cell{Topology: t, NATs: harness.NATs{"a": p, "b": p}, Strategy: s})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := site.Close(); err != nil {
				b.Error(err)
			}
		})
		sites[i] = site
	}
	return sites
}

// cost is what a trial costs.
type cost struct{ cpuMS, perSecond float64 }

// measure makes b.N trials, as many at a time as there are sites.
func measure(b *testing.B, sites []*bench.Site, trial func(context.Context, *bench.Site) error) cost {
	b.Helper()
	return measureSome(b, sites, b.N, trial)
}

// measureSome makes so many.
func measureSome(b *testing.B, sites []*bench.Site, trials int, trial func(context.Context, *bench.Site) error) cost {
	b.Helper()
	var next atomic.Int64
	errs := make([]error, len(sites))
	var workers sync.WaitGroup
	began, used := time.Now(), cpuTime()
	for i, site := range sites {
		workers.Go(func() {
			for next.Add(1) <= int64(trials) && errs[i] == nil {
				errs[i] = errors.Join(trial(b.Context(), site), site.Reset())
			}
		})
	}
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	n := float64(trials)
	return cost{cpuMS: (cpuTime() - used).Seconds() * 1000 / n, perSecond: n / time.Since(began).Seconds()}
}

// cpuTime is the processor time that this process has used, and the process
// that keeps its links.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) + childrenTime()
}

// childrenTime reads what running children have used, in ticks of ten
// milliseconds (proc(5), /proc/pid/stat).
func childrenTime() (total time.Duration) {
	const tick = 10 * time.Millisecond
	for _, pid := range children() {
		for _, ticks := range procStat(pid)[11:13] { // utime, stime
			n, err := strconv.ParseInt(ticks, 10, 64)
			if err != nil {
				panic(err)
			}
			total += time.Duration(n) * tick
		}
	}
	return total
}

// children are the processes that this one has started and that run.
func children() (pids []string) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		pid := filepath.Base(filepath.Dir(file))
		if procStat(pid)[1] == strconv.Itoa(os.Getpid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// procStat are the fields of /proc/pid/stat behind the name, empty for a process that
// has ended.
func procStat(pid string) []string {
	text, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return slices.Repeat([]string{"0"}, 13)
	}
	return fields
}

// peakMemory is the most that this process and its children have had in memory (proc(5),
// VmHWM), in bytes.
func peakMemory() (total int64) {
	for _, pid := range append(children(), "self") {
		text, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), "VmHWM:")
		var kilobytes int64
		if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
			panic(err)
		}
		total += kilobytes * 1024
	}
	return total
}

// tries collects what trials by the engine came to.
type tries struct {
	mu                   sync.Mutex
	established, connect []float64
	late                 []float64
	invalid              int
}

func (all *tries) add(ctx context.Context, site *bench.Site) error {
	t, err := site.Try(ctx, bench.TryOptions{Patience: 2 * time.Second})
	if err != nil {
		return err
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.late = append(all.late, t.LatenessMS)
	switch t.Outcome {
	case results.Failed:
		return errors.New(t.Cause)
	case results.Invalid:
		all.invalid++
	case results.Connected:
		all.established = append(all.established, *t.EstablishedMS)
		all.connect = append(all.connect, *t.ConnectMS)
	}
	return nil
}

func (all *tries) report(b *testing.B) {
	for name, of := range map[string][]float64{
		"established-ms": all.established, "connect-ms": all.connect, "late-ms": all.late,
	} {
		if slices.Sort(of); len(of) > 0 {
			b.ReportMetric(of[len(of)/2], name)
		}
	}
	b.ReportMetric(100*float64(all.invalid)/float64(len(all.late)), "%invalid")
}
