package leaktest

import (
	"os"
	"runtime"
	"testing"
)

func TestNowSeesWhatIsHeld(t *testing.T) {
	before, err := Now()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	started, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		// Locked, so that no other goroutine counts on its thread.
		runtime.LockOSThread()
		close(started)
		<-end
	}()
	<-started
	now, err := Now()
	close(end)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if now.Goroutines != before.Goroutines+1 || now.Descriptors != before.Descriptors+1 || now.Threads < before.Threads {
		t.Errorf("%+v with one goroutine and one file more than %+v", now, before)
	}
}

func TestWhatIsLeftBehindIsAnError(t *testing.T) {
	before, err := Now()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if err := settle(before, 2*pause); err == nil {
		t.Error("a descriptor was left behind, and nothing was said")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := settle(before, patience); err != nil {
		t.Error(err)
	}
}
