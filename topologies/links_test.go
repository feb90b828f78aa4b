package topologies_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// What a direction says of itself goes before what is said of both, nothing
// included.
func TestParseLinks(t *testing.T) {
	const text = `
summary: Every condition
transits:
  transit-a:
    delay: 10ms
    jitter: normal:2ms
    loss: 1%
    duplicate: 0.5%
    reorder: 3%
    rate: 10mbit
    queue: 64kB
    mtu: 1400
    up: {loss: 0%, rate: 1mbit}
    down: {delay: 20ms, loss: p=1% r=25%, jitter: 0s}
  transit-b: {up: {delay: 5ms}}
hosts:
  alice: {behind: transit-a}
  bob: {behind: transit-b}
  rendezvous: {behind: transit-b}
`
	got, err := topologies.Parse("every.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	up := links.Conditions{
		Delay: 10 * time.Millisecond, Jitter: links.Jitter{Spread: 2 * time.Millisecond, Normal: true},
		Duplicate: 0.005, Reorder: 0.03, Rate: 1_000_000, Queue: 64_000, MTU: 1400,
	}
	down := up
	down.Delay, down.Jitter, down.Loss, down.Rate = 20*time.Millisecond, links.Jitter{}, links.Loss{P: 0.01, R: 0.25, Bad: 1}, 10_000_000
	for name, want := range map[string]links.Link{
		"transit-a": {Up: up, Down: down},
		"transit-b": {Up: links.Conditions{Delay: 5 * time.Millisecond}},
	} {
		n, _ := got.Node(name)
		if diff := cmp.Diff(want, n.Link); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// 10 ms up and 20 ms down on one side, 5 ms up on the other.
	if rtt := got.RTT(topologies.Alice, topologies.Bob); rtt != 35*time.Millisecond {
		t.Errorf("the round trip takes %v, want 35ms", rtt)
	}
	scaled, err := got.WithRTT(70 * time.Millisecond)
	if n, _ := scaled.Node("transit-a"); err != nil || n.Link.Up.Delay != 20*time.Millisecond || n.Link.Down.Delay != 40*time.Millisecond {
		t.Errorf("scaled to twice: %+v, %v", n.Link, err)
	}
	want := "topology every: round trip 1ms: transit-a: up: jitter: 2ms is larger than the delay, 285.714µs; want 0s to 285.714µs"
	if _, err := got.WithRTT(time.Millisecond); err == nil || err.Error() != want {
		t.Errorf("scaled to less than its jitter: %v, want %s", err, want)
	}
}

func TestCheckFault(t *testing.T) {
	topology := get(t, "two-nats")
	for text, want := range map[string]string{
		"transit-a up: drop SYN #1 from alice to nat-b:80": "",
		"transit-s down: drop any every from 1.2.3.4":      "",
		"transti-a up: drop SYN #1": `"transti-a up: drop SYN #1": topology two-nats has no link "transti-a"; ` +
			"it has transit-a, transit-b, transit-s; did you mean transit-a?",
		"nat-a up: drop SYN #1": `"nat-a up: drop SYN #1": topology two-nats has no link "nat-a"; it has transit-a, transit-b, transit-s`,
		"transit-a up: drop SYN #1 to bbo": `"transit-a up: drop SYN #1 to bbo": topology two-nats has no host or nat "bbo"; ` +
			"it has nat-a, nat-b, alice, bob, rendezvous; did you mean bob?",
		"transit-a up: drop SYN #1 from transit-b": `"transit-a up: drop SYN #1 from transit-b": topology two-nats has no host or nat "transit-b"; ` +
			"it has nat-a, nat-b, alice, bob, rendezvous",
	} {
		f, err := links.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := topology.CheckFault(f); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}
