package link_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/links"
)

// kept is how much of each packet the tests want.
const kept = 100

// acts ends a watch and tells what was seen of it: what was done, and the payload.
func acts(t *testing.T, e *link.Emulator) (told []string, lost uint64) {
	t.Helper()
	all, lost, err := e.Unwatch()
	if err != nil {
		t.Fatal(err)
	}
	const headers = 20 + 8
	last := time.Time{}
	for _, a := range all {
		if a.At.Before(last) || len(a.Data) != min(a.Length, kept) || a.Data[0]>>4 != 4 {
			t.Errorf("%v at %v, after %v: % x of %d bytes", a, a.At, last, a.Data, a.Length)
		}
		last = a.At
		told = append(told, string(a.Did)+" by "+a.String()+" of "+string(a.Data[headers:]))
	}
	return told, lost
}

func watch(t *testing.T, e *link.Emulator) {
	t.Helper()
	if err := e.Watch(kept); err != nil {
		t.Fatal(err)
	}
}

// What a link does on purpose is told of each packet, while somebody watches; a
// packet that a rule drops has met nothing else.
func TestWhatLinksDoOnPurposeIsTold(t *testing.T) {
	s, e := newStreet(t), emulator(t)
	w := s.wire(t, e, links.Delayed(time.Millisecond))
	var rules []fate.Rule
	for _, text := range []string{
		"street up: delay UDP #2-3 by 2ms", "street up: drop UDP #3", "street up: duplicate UDP #4", "street down: drop any every",
	} {
		f, err := links.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, fate.Rule{Fault: f})
	}
	if err := w.SetRules(rules); err != nil {
		t.Fatal(err)
	}
	left, right := s.sockets(t)
	watch(t, e)
	for _, word := range []string{"one", "two", "three", "four", strings.Repeat("x", 2*kept)} {
		send(t, left, word)
	}
	for range 5 { // of which one is dropped, and one comes twice
		receive(t, right)
	}
	if _, err := right.WriteTo([]byte("back"), left.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	stats(t, e, 6)
	told, lost := acts(t, e)
	want := []string{
		"delay by street up: delay UDP #2-3 by 2ms of two",
		"drop by street up: drop UDP #3 of three",
		"duplicate by street up: duplicate UDP #4 of four",
		"drop by street down: drop any every of back",
	}
	if diff := cmp.Diff(want, told); diff != "" || lost > 0 {
		t.Errorf("%d lost (-want +got)\n%s", lost, diff)
	}
	send(t, left, "unseen")
	stats(t, e, 7)
	if told, _ := acts(t, e); len(told) > 0 {
		t.Errorf("while nobody watched: %q", told)
	}
}

// Chance and a full queue have words of their own, and of what is too much, only
// how much it was is kept.
func TestDropsByChanceAndByTheQueueAreTold(t *testing.T) {
	const datagrams = 4100 // more than a diary has room for, in a diary's order
	s, e := newStreet(t), emulator(t)
	w := s.wire(t, e, links.Both(links.Conditions{Rate: 8000, Queue: 1514}))
	left, _ := s.sockets(t)
	watch(t, e)
	for _, word := range []string{"room", strings.Repeat("y", 1400), "full"} {
		send(t, left, word)
	}
	stats(t, e, 3)
	if err := w.Set(links.Both(links.Conditions{Loss: links.Loss{Good: 1}})); err != nil {
		t.Fatal(err)
	}
	send(t, left, "unlucky")
	stats(t, e, 4)
	told, lost := acts(t, e)
	want := []string{"drop by street up: queue full of full", "drop by street up: loss of unlucky"}
	if diff := cmp.Diff(want, told); diff != "" || lost > 0 {
		t.Errorf("%d lost (-want +got)\n%s", lost, diff)
	}
	watch(t, e)
	for i := range datagrams {
		send(t, left, "z")
		if i%100 == 0 {
			stats(t, e, uint64(5+i))
		}
	}
	stats(t, e, 4+datagrams)
	if told, lost := acts(t, e); len(told)+int(lost) != datagrams || lost == 0 {
		t.Errorf("%d told and %d lost of %d", len(told), lost, datagrams)
	}
}
