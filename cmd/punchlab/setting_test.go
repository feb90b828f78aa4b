package main

import (
	"testing"
	"time"
)

func TestStagger(t *testing.T) {
	const rtt = 40 * time.Millisecond
	for word, want := range map[string]time.Duration{
		"0":        0,
		"5ms":      5 * time.Millisecond,
		"-1.5s":    -1500 * time.Millisecond,
		"1rtt":     rtt,
		"0.25rtt":  10 * time.Millisecond,
		"-1rtt":    -rtt,
		"-0.5rtt":  -20 * time.Millisecond,
		"1e-9rtt":  0,
		"0.001rtt": 40 * time.Microsecond,
	} {
		got, err := parseStagger(word, rtt)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", word, got, err, want)
		}
	}
	for _, word := range []string{"", "rtt", "1", "x", "nanrtt", "infrtt", "-infrtt", "1e300rtt", "1 rtt", "1rttrtt", "1RTT"} {
		if got, err := parseStagger(word, rtt); err == nil {
			t.Errorf("%q was read as %v", word, got)
		}
	}
}
