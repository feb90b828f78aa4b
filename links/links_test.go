package links_test

import (
	"encoding"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/links"
)

const ms = time.Millisecond

func TestValuesAreReadAndWritten(t *testing.T) {
	for _, c := range []struct {
		text string
		into interface {
			fmt.Stringer
			encoding.TextUnmarshaler
		}
		want string // as it is written, or the error
	}{
		{"2%", new(links.Share), "2%"},
		{"0.1%", new(links.Share), "0.1%"},
		{"33.333333333333336%", new(links.Share), "33.333333333333336%"},
		{"100%", new(links.Share), "100%"},
		{"0%", new(links.Share), "0%"},
		{"150%", new(links.Share), "150% is not from 0% to 100%"},
		{"-1%", new(links.Share), "-1% is not from 0% to 100%"},
		{"nan%", new(links.Share), "nan% is not from 0% to 100%"},
		{"2", new(links.Share), `"2" is not a percentage such as 2% or 0.1%`},
		{"5ms", new(links.Jitter), "5ms"},
		{"uniform:5ms", new(links.Jitter), "5ms"},
		{"normal:1.5ms", new(links.Jitter), "normal:1.5ms"},
		{"normal:0s", new(links.Jitter), "0s"},
		{"-5ms", new(links.Jitter), "-5ms is negative; want 0s to the delay"},
		{"pareto:5ms", new(links.Jitter), `"pareto:5ms" is neither a duration, such as 5ms, nor one with its distribution, uniform:5ms or normal:5ms`},
		{"10mbit", new(links.Rate), "10mbit"},
		{"1.5 Mbit", new(links.Rate), "1500kbit"},
		{"8000bit", new(links.Rate), "8kbit"},
		{"10gbit", new(links.Rate), "10gbit"},
		{"0mbit", new(links.Rate), "0mbit is not from 8kbit to 10gbit"},
		{"11gbit", new(links.Rate), "11gbit is not from 8kbit to 10gbit"},
		{"nanmbit", new(links.Rate), "nanmbit is not from 8kbit to 10gbit"},
		{"10mbps", new(links.Rate), `"10mbps" is not a rate in bit, kbit, mbit or gbit per second, such as 10mbit`},
		{"64kB", new(links.Size), "64kB"},
		{"1514B", new(links.Size), "1514B"},
		{"64KiB", new(links.Size), "65536B"},
		{"3mb", new(links.Size), "3MB"},
		{"1513B", new(links.Size), "1513B is not from 1514B, one full packet, to 1GB"},
		{"64", new(links.Size), `"64" is not a size in B, kB, MB, KiB or MiB, such as 64kB`},
		{"2%", new(links.Loss), "2%"},
		{"p=1% r=25%", new(links.Loss), "p=1% r=25% good=0% bad=100%"},
		{"bad=80%,good=0.1%,r=25%,p=1%", new(links.Loss), "p=1% r=25% good=0.1% bad=80%"},
		{"150%", new(links.Loss), "150% is not from 0% to 100%"},
		{"bursts", new(links.Loss), `"bursts" is not a percentage such as 2% or 0.1%; bursts are written as p=1% r=25% good=0% bad=100%`},
		{"p=1%", new(links.Loss), `"p=1%": bursts need p, how many packets begin one, and r, how many end one, such as p=1% r=25%`},
		{"p=1% r=0%", new(links.Loss), "r: 0% is not above 0% and up to 100%: a burst that never ends is a loss of 100%"},
		{"p=0% r=1%", new(links.Loss), "p: 0% is not above 0% and up to 100%: without bursts write the share alone, such as 2%"},
		{"p=1% p=2% r=3%", new(links.Loss), "p is given twice"},
		{"p=101% r=3%", new(links.Loss), "p: 101% is not from 0% to 100%"},
		{"p=1% r=3% god=1%", new(links.Loss), `"god" is not one of p, r, good, bad; did you mean good?`},
	} {
		got := c.into.String
		if err := c.into.UnmarshalText([]byte(c.text)); err != nil {
			got = err.Error
		}
		if got := got(); got != c.want {
			t.Errorf("%T %q: %s, want %s", c.into, c.text, got, c.want)
		}
	}
}

func TestProblems(t *testing.T) {
	burst := links.Loss{P: 0.01, R: 0.25, Bad: 1}
	for _, c := range []struct {
		of   links.Conditions
		want string
	}{
		{links.Conditions{}, ""},
		{links.Conditions{
			Delay: 10 * ms, Jitter: links.Jitter{Spread: 10 * ms, Normal: true}, Loss: burst, Duplicate: 1, Reorder: 1,
			Rate: links.MinRate, Queue: links.MaxQueue, MTU: links.MinMTU,
		}, ""},
		{links.Conditions{Delay: 11 * time.Second}, "delay: 11s is not from 0s to 10s"},
		{links.Conditions{Delay: -ms}, "delay: -1ms is not from 0s to 10s"},
		{links.Conditions{Delay: ms, Jitter: links.Jitter{Spread: 2 * ms}}, "jitter: 2ms is larger than the delay, 1ms; want 0s to 1ms"},
		{links.Conditions{Jitter: links.Jitter{Spread: -ms}}, "jitter: -1ms is negative; want 0s to the delay, 0s"},
		{links.Conditions{Loss: links.Loss{Good: 1.5}}, "loss: good: 150% is not from 0% to 100%"},
		{links.Conditions{Loss: links.Loss{P: 0.1}}, "loss: r: 0% is not above 0% and up to 100%: a burst that never ends is a loss of 0%"},
		{links.Conditions{Duplicate: links.Share(math.NaN())}, "duplicate: NaN% is not from 0% to 100%"},
		{links.Conditions{Reorder: -0.5, Delay: ms}, "reorder: -50% is not from 0% to 100%"},
		{links.Conditions{Reorder: 0.5}, "reorder: a packet without delay overtakes nothing on a link that has none; " +
			"give the link a delay, or leave reorder out"},
		{links.Conditions{Rate: 1}, "rate: 1bit is not from 8kbit to 10gbit"},
		{links.Conditions{Rate: 1e6, Queue: 1}, "queue: 1B is not from 1514B to 1GB"},
		{links.Conditions{Queue: 2000}, "queue: nothing waits on a link without a rate; give it one, or leave queue out"},
		{links.Conditions{MTU: 67}, "mtu: 67 is not from 68, which IPv4 needs (RFC 791), to 1500"},
		{links.Conditions{MTU: 9000, Delay: -1}, "delay: -1ns is not from 0s to 10s\nmtu: 9000 is not from 68, which IPv4 needs (RFC 791), to 1500"},
	} {
		var lines []string
		for _, p := range c.of.Problems() {
			lines = append(lines, p.Field+": "+p.Text)
		}
		if got := strings.Join(lines, "\n"); got != c.want {
			t.Errorf("%+v:\n%s, want\n%s", c.of, got, c.want)
		}
		err := links.Link{Down: c.of}.Check()
		if want := strings.ReplaceAll("down: "+c.want, "\n", "\ndown: "); c.want != "" && (err == nil || err.Error() != want) {
			t.Errorf("a link with %+v: %v, want %s", c.of, err, want)
		}
	}
}

// Jitter and reordering are about a delay.
func TestOrLeavesLinksWithoutDelayAlone(t *testing.T) {
	flags := links.Conditions{Jitter: links.Jitter{Spread: ms}, Reorder: 0.1, Loss: links.Loss{Good: 0.1}, Rate: 1e6, Queue: 9000, MTU: 1400}
	got := links.Conditions{}.Or(flags)
	if want := (links.Conditions{Loss: flags.Loss, Rate: 1e6, Queue: 9000, MTU: 1400}); got != want {
		t.Errorf("without a delay: %+v, want %+v", got, want)
	}
	own := links.Conditions{Delay: 5 * ms, Loss: links.Loss{Good: 0.2}, Rate: 2e6}
	got = own.Or(flags)
	want := flags
	want.Delay, want.Loss, want.Rate, want.Queue = own.Delay, own.Loss, own.Rate, 0
	if got != want {
		t.Errorf("with conditions of its own: %+v, want %+v", got, want)
	}
}

func TestMeanLoss(t *testing.T) {
	for _, c := range []struct {
		loss links.Loss
		want links.Share
	}{
		{links.Loss{Good: 0.02}, 0.02},
		{links.Loss{P: 0.01, R: 0.24, Bad: 1}, 0.04},
		{links.Loss{P: 0.5, R: 0.5, Good: 0.1, Bad: 0.5}, 0.3},
	} {
		if got := c.loss.Mean(); math.Abs(float64(got-c.want)) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.loss, got, c.want)
		}
	}
}

func ExampleLink_String() {
	var loss links.Loss
	if err := loss.UnmarshalText([]byte("p=1% r=25%")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(links.Delayed(10 * time.Millisecond))
	fmt.Println(links.Link{
		Up:   links.Conditions{Delay: 10 * time.Millisecond, Loss: loss, Rate: 1_000_000},
		Down: links.Conditions{Delay: 5 * time.Millisecond, Jitter: links.Jitter{Spread: time.Millisecond, Normal: true}, MTU: 1400},
	})
	fmt.Println(links.Link{Up: links.Conditions{Duplicate: 0.001}})
	// Output:
	// 10ms one way
	// up 10ms one way, loss p=1% r=25% good=0% bad=100%, rate 1mbit; down 5ms one way, jitter normal:1ms, MTU 1400
	// up duplicate 0.1%; down perfect
}
