package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/bench"
)

// adviceOnFiles is what to do where a process may open no more files.
const adviceOnFiles = "  a lab holds 20 to 50 open files: ulimit -n shows the limit, and ulimit -n NUMBER raises it"

// advised adds advice to an error if it came from the limit of open files.
func advised(err error) error {
	if errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("%w\n%s", err, adviceOnFiles)
	}
	return err
}

// openFiles counts the descriptors of this process.
func openFiles() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}

// enoughFiles checks the limit of open files against what a plan needs: own,
// and perLab for each lab that runs beside others. Go has raised the soft limit
// to the hard one (os/rlimit.go). A run keeps labs that are done with for some
// time, each of which had a cell, so that one for every cell is always enough.
func enoughFiles(own, perLab int, plan bench.Plan) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return failed(os.NewSyscallError("getrlimit", err))
	}
	labs := min(cmp.Or(plan.Parallel, bench.DefaultParallel()), len(plan.Cells))
	needed := own + labs*perLab
	if limit.Cur >= uint64(needed) {
		return nil
	}
	return misuse(fmt.Errorf("the limit of open files is %d, and %s side by side hold %d\n"+
		"  ulimit -n %d is enough for this run\n%s",
		limit.Cur, counted(labs, "lab"), needed, own+len(plan.Cells)*perLab, askDoctor))
}
