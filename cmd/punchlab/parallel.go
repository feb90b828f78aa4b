package main

import (
	"errors"
	"strconv"
)

// parallel is how many labs run side by side: a number, or auto, which is 0.
type parallel int

func (p *parallel) String() string {
	if *p == 0 {
		return "auto"
	}
	return strconv.Itoa(int(*p))
}

func (p *parallel) Set(word string) error {
	n, err := strconv.Atoi(word)
	if word == "auto" {
		n, err = 0, nil
	}
	if err != nil || n < 0 {
		return errors.New("no number of labs")
	}
	*p = parallel(n)
	return nil
}

func (*parallel) Type() string { return "labs" }
