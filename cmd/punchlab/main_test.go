package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/punchlab/punchlab/harness"
)

// The scripts run this test binary under the names of these programs.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"punchlab": main, "labs": labs, "forbid": forbid, "few-files": fewFiles, "without": without,
		"small-disk": smallDisk,
	})
}

// TestScripts runs testdata/script/*.txt, each a test. Those that begin with
// [!lab] need a lab.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "json": validJSON, "await": await, "halve": halve,
		},
	})
}

// labs ends with status 0 where labs can be built, and otherwise says why not.
func labs() {
	harness.Main(func() int {
		if err := harness.Available(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	})
}

// condition knows lab: that a lab can be built. Where the environment variable
// CI is "true", a script that needs one fails instead of being skipped.
func condition(name string) (bool, error) {
	if name != "lab" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	err := labsAvailable()
	if err != nil && os.Getenv("CI") == "true" {
		return false, fmt.Errorf("CI=true forbids to skip: %w", err)
	}
	return err == nil, nil
}

var labsAvailable = sync.OnceValue(func() error {
	if out, err := exec.Command("labs").CombinedOutput(); err != nil {
		return fmt.Errorf("no lab can be built here: %w: %s", err, out)
	}
	return nil
})

// status is a command of scripts: `status 2 punchlab bench …` runs a program,
// which must end with that status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status STATUS PROGRAM [ARGUMENT...]")
	}
	got, err := 0, ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("status %d instead of %s", got, args[0])
	}
}

// validJSON is a command of scripts: `json stdout summaries.0.trials 2` reads
// one JSON document and compares a value in it, written as JSON; `json stdout`
// only reads it.
func validJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: json FILE [PATH VALUE]")
	}
	var at any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &at))
	if len(args) == 1 {
		return
	}
	for step := range strings.SplitSeq(args[1], ".") {
		switch in := at.(type) {
		case map[string]any:
			value, ok := in[step]
			if !ok {
				ts.Fatalf("%s: there is no %s", args[1], step)
			}
			at = value
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(in) {
				ts.Fatalf("%s: there is no %s in a list of %d", args[1], step, len(in))
			}
			at = in[i]
		default:
			ts.Fatalf("%s: nothing can be below %v", args[1], at)
		}
	}
	got, err := json.Marshal(at)
	ts.Check(err)
	if string(got) != args[2] {
		ts.Fatalf("%s is %s instead of %s", args[1], got, args[2])
	}
}

// halve is a command of scripts: it cuts the last line of a file in two, as a kill
// or a full disk does.
func halve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: halve FILE")
	}
	text := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	last := len(text) - strings.LastIndex(text, "\n") - 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:len(text)-last/2]), 0o666))
}

// await is a command of scripts: it waits until a file matches an expression. It
// looks again and again, as programs in the background write files when they
// will and tell nobody.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE EXPRESSION")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	const limit, pause = 30 * time.Second, 10 * time.Millisecond
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(pause) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && want.Match(text) {
			return
		}
	}
	ts.Fatalf("%s does not match %s after %v", args[0], want, limit)
}
