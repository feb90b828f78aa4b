package kernel_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/leaktest"
)

// strayed lists the threads of this process that are not at home.
func strayed(t *testing.T) []string {
	t.Helper()
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	var away []string
	for _, task := range tasks {
		// A thread may end while it is being looked at.
		if ns, err := os.Readlink(task); err == nil && ns != home {
			away = append(away, task+" is in "+ns)
		}
	}
	return away
}

func TestDoRunsInItsNamespaceAndComesHome(t *testing.T) {
	ns := namespaces(t, 1)[0]
	failure := errors.New("failure")
	for name, f := range map[string]func() error{
		"return": func() error { return nil },
		"error":  func() error { return failure },
	} {
		var here string
		err := ns.Do(func() (err error) {
			if here, err = kernel.CurrentID(); err != nil {
				return err
			}
			return f()
		})
		if want := f(); !errors.Is(err, want) {
			t.Errorf("%s: Do returned %v, want %v", name, err, want)
		}
		if here != ns.ID() {
			t.Errorf("%s: f ran in %s, want %s", name, here, ns.ID())
		}
	}
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after Do: %s", away)
	}
}

func TestDoHandsPanicsToTheCallerAndComesHome(t *testing.T) {
	ns := namespaces(t, 1)[0]
	func() {
		defer func() {
			if r := recover(); r != "the bug" {
				t.Errorf("recovered %v, want the bug", r)
			}
		}()
		err := ns.Do(func() error { panic("the bug") })
		t.Errorf("Do returned %v where f panicked", err)
	}()
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after a panic: %s", away)
	}
}

func TestDoIsAnErrorWhereTheFunctionEndsItsGoroutine(t *testing.T) {
	ns := namespaces(t, 1)[0]
	err := ns.Do(func() error {
		runtime.Goexit()
		return nil
	})
	if err == nil {
		t.Error("Do returned nil where f did not return")
	}
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after Goexit: %s", away)
	}
}

func TestConcurrentDosDoNotMeet(t *testing.T) {
	all := namespaces(t, 4)
	var wg sync.WaitGroup
	for i := range 200 {
		ns := all[i%len(all)]
		wg.Go(func() {
			err := ns.Do(func() error {
				if here, err := kernel.CurrentID(); err != nil || here != ns.ID() {
					return errors.Join(errors.New("in "+here+" instead of "+ns.ID()), err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after 200 Dos: %s", away)
	}
}

func TestGoroutinesStartedInDoAreOutside(t *testing.T) {
	ns := namespaces(t, 1)[0]
	outside, err := kernel.CurrentID()
	if err != nil {
		t.Fatal(err)
	}
	err = ns.Do(func() error {
		var id string
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			id, err = kernel.CurrentID()
		}()
		<-done
		if id != outside {
			t.Errorf("the goroutine ran in %s, want %s", id, outside)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Two namespaces have the same loopback addresses; a socket reaches the one
// that it was born in, wherever it is used.
func TestSocketsStayWhereTheyWereBorn(t *testing.T) {
	both := namespaces(t, 2)
	const address = "127.0.0.1:4321"
	for _, ns := range both {
		if err := ns.LoopbackUp(); err != nil {
			t.Fatal(err)
		}
		err := ns.Do(func() error {
			socket, err := net.ListenPacket("udp4", address)
			if err != nil {
				return err
			}
			t.Cleanup(func() { socket.Close() })
			go echo(socket, ns.ID())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, ns := range both {
		var conn net.Conn
		err := ns.Do(func() (err error) {
			conn, err = net.Dial("udp4", address)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("where?")); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 100)
		n, err := conn.Read(answer)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(answer[:n]); got != ns.ID() {
			t.Errorf("a socket of %s reached %s", ns.ID(), got)
		}
	}
}

// echo answers each datagram until the socket is closed.
func echo(socket net.PacketConn, answer string) {
	buffer := make([]byte, 100)
	for {
		_, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = socket.WriteTo([]byte(answer), from)
	}
}

func TestStartedProgramsAreInTheirNamespace(t *testing.T) {
	for _, ns := range namespaces(t, 2) {
		cmd := exec.Command("readlink", "/proc/self/ns/net")
		var out strings.Builder
		cmd.Stdout = &out
		if err := ns.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(out.String()); got != ns.ID() {
			t.Errorf("the program ran in %s, want %s", got, ns.ID())
		}
	}
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after two programs: %s", away)
	}
}

func TestManyStartsLeaveNothingBehind(t *testing.T) {
	ns := namespaces(t, 1)[0]
	start := func() {
		cmd := exec.Command("true")
		if err := errors.Join(ns.Start(cmd), cmd.Wait()); err != nil {
			t.Fatal(err)
		}
		missing := exec.Command("/no/such/program")
		if err := ns.Start(missing); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("a program that there is not: %v", err)
		}
	}
	start() // makes the thread that starts programs
	leaktest.Watch(t)
	for range 20 {
		start()
	}
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after programs that there are not: %s", away)
	}
}

func TestStartHandsPanicsToTheCallerAndGoesOn(t *testing.T) {
	ns := namespaces(t, 1)[0]
	func() {
		defer func() {
			if recover() == nil {
				t.Error("starting no command did not panic")
			}
		}()
		_ = ns.Start(nil)
	}()
	cmd := exec.Command("true")
	if err := errors.Join(ns.Start(cmd), cmd.Wait()); err != nil {
		t.Error(err)
	}
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after a panic: %s", away)
	}
}

func TestManyDosLeaveNothingBehind(t *testing.T) {
	ns := namespaces(t, 1)[0]
	noop := func() error { return nil }
	if err := ns.Do(noop); err != nil { // opens the descriptor of home
		t.Fatal(err)
	}
	leaktest.Watch(t)
	for range 500 {
		if err := ns.Do(noop); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamespacesAreMadeAllOrNone(t *testing.T) {
	namespaces(t, 1)
	leaktest.Watch(t)
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil, nil, {{Path: "ipv4/no_such", Value: "1"}}})
	if err == nil || made != nil {
		t.Errorf("made %v, error %v; want none and an error", made, err)
	}
	if away := strayed(t); len(away) > 0 {
		t.Errorf("after a failure: %s", away)
	}
}

// The handles of a closed namespace must not fall back to the namespace that
// the test lives in, which outside of a test could be the machine's.
func TestAClosedNamespaceAnswersNothing(t *testing.T) {
	harness.Need(t)
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil})
	if err != nil {
		t.Fatal(err)
	}
	ns := made[0]
	if err := ns.Close(); err != nil {
		t.Fatal(err)
	}
	_, sentErr := ns.SentPackets("lo")
	_, trackedErr := ns.Tracked()
	for what, err := range map[string]error{
		"SetDown":        ns.SetDown("lo"),
		"StopDelivery":   ns.StopDelivery("lo"),
		"LoopbackUp":     ns.LoopbackUp(),
		"SentPackets":    sentErr,
		"Tracked":        trackedErr,
		"Bridge":         ns.Bridge("br", nil),
		"Configure":      ns.Configure(kernel.Interface{Name: "lo"}),
		"AddRoute":       ns.AddRoute(kernel.Route{}),
		"WaitUp":         ns.WaitUp(t.Context(), "lo"),
		"FlushConntrack": ns.FlushConntrack(),
		"Join":           kernel.Join(kernel.End{Namespace: ns, Name: "a"}, kernel.End{Namespace: ns, Name: "b"}),
		"Describe":       ns.Describe(&strings.Builder{}),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v, want an error about a closed namespace", what, err)
		}
	}
	if err := ns.Do(func() error { return nil }); err == nil {
		t.Error("Do entered a closed namespace")
	}
	if err := ns.Start(exec.Command("true")); err == nil {
		t.Error("Start entered a closed namespace")
	}
}
