package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// rehearse builds labs of a plan that have each of its profiles once, and each point of its sweep, makes them
// ready for a second trial, and takes them down again: what a run would fail of
// later, for want of something in the kernel or of open files, it fails of now,
// before it leaves anything behind.
func rehearse(ctx context.Context, plan bench.Plan) error {
	for _, c := range everyProfile(plan.Cells) {
		before, err := openFiles()
		if err != nil {
			return failed(err)
		}
		s, err := openSite(ctx, c)
		if err != nil {
			return err
		}
		with, err := openFiles()
		err = errors.Join(err, lacking(ctx, c, s.Reset()), failed(s.Close()))
		if err != nil {
			return err
		}
		if err := enoughFiles(before, with-before, plan); err != nil {
			return err
		}
	}
	return nil
}

// everyProfile picks cells that have each profile of all in one of them, and each
// point of a sweep.
func everyProfile(all []bench.Cell) (some []bench.Cell) {
	known, points := map[string]bool{}, map[results.Point]bool{}
	for _, c := range all {
		fresh := !points[c.Point.Point] // also without a sweep: a topology may have no slots
		points[c.Point.Point] = true
		for _, p := range c.NATs {
			fresh = fresh || !known[p.Name]
			known[p.Name] = true
		}
		if fresh {
			some = append(some, c)
		}
	}
	return some
}

// openSite builds the lab of a cell. What this kernel or this user lacks shows
// here: that is an error of misuse, as nothing has run yet.
func openSite(ctx context.Context, c bench.Cell) (*bench.Site, error) {
	s, err := bench.Open(ctx, c)
	return s, lacking(ctx, c, err)
}

// lacking makes an error of misuse of one that came from preparing a cell's
// lab, unless it was the user who ended it.
func lacking(ctx context.Context, c bench.Cell, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return failed(context.Cause(ctx))
	}
	return misuse(fmt.Errorf("%s: %w\n%s", c.Key(), advised(err), askDoctor))
}

// askDoctor is what to do where something is missing.
const askDoctor = "  punchlab doctor tells what is missing"
