package main

import (
	"errors"
	"strconv"
	"strings"
)

// percent is a flag such as 2%: a part of all, from 0 to 1. 0 means that it is not given.
type percent float64

// Set reads a number of percent.
func (p *percent) Set(word string) error {
	number, is := strings.CutSuffix(word, "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !is || err != nil || !(n > 0 && n < 50) { // nor NaN
		return errors.New("no percentage")
	}
	*p = percent(n / 100)
	return nil
}

func (p *percent) String() string {
	if *p == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(*p), 'g', 10, 64) + "%"
}

// Type names it for messages.
func (p *percent) Type() string { return "percent" }
