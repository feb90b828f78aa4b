package kernel_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// withSettings makes a namespace with settings and returns what f reads in it.
func withSettings(t *testing.T, settings []kernel.Sysctl, read string) (string, error) {
	t.Helper()
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{settings})
	if err != nil {
		return "", err
	}
	t.Cleanup(func() {
		if err := kernel.CloseAll(made); err != nil {
			t.Error(err)
		}
	})
	var value []byte
	err = made[0].Do(func() (err error) {
		value, err = os.ReadFile("/proc/sys/net/" + read)
		return err
	})
	return strings.TrimSpace(string(value)), err
}

func TestSettingsAreThoseOfTheNamespace(t *testing.T) {
	harness.Need(t)
	const path = "ipv4/ip_default_ttl"
	before, err := os.ReadFile("/proc/sys/net/" + path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"33", "77"} {
		got, err := withSettings(t, []kernel.Sysctl{{Path: path, Value: want}}, path)
		if err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", path, got, err, want)
		}
	}
	if after, err := os.ReadFile("/proc/sys/net/" + path); err != nil || string(after) != string(before) {
		t.Errorf("outside, %s was %q and is %q, %v", path, before, after, err)
	}
}

func TestASettingCanBeChangedLater(t *testing.T) {
	ns := namespaces(t, 1)[0]
	const path = "ipv4/ip_default_ttl"
	if err := ns.Set(kernel.Sysctl{Path: path, Value: "77"}); err != nil {
		t.Fatal(err)
	}
	err := ns.Do(func() error {
		value, err := os.ReadFile("/proc/sys/net/" + path)
		if got := strings.TrimSpace(string(value)); got != "77" {
			t.Errorf("%s is %q, want 77", path, got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSettingsThatDoNotExist(t *testing.T) {
	harness.Need(t)
	missing := kernel.Sysctl{Path: "ipv4/no_such_setting", Value: "1"}
	if _, err := withSettings(t, []kernel.Sysctl{missing}, "ipv4/ip_forward"); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), missing.Path) {
		t.Errorf("a missing setting: %v", err)
	}
	missing.Optional = true
	got, err := withSettings(t, []kernel.Sysctl{missing, {Path: "ipv4/ip_forward", Value: "1"}}, "ipv4/ip_forward")
	if err != nil || got != "1" {
		t.Errorf("after an optional setting that is missing, ip_forward is %q, %v", got, err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	harness.Need(t)
	_, err := withSettings(t, []kernel.Sysctl{{Path: "ipv4/ip_default_ttl", Value: "1000"}}, "ipv4/ip_forward")
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "ipv4/ip_default_ttl=1000") {
		t.Errorf("a TTL of 1000: %v", err)
	}
}

// As in an ordinary container.
func TestSettingsThatAreReadOnly(t *testing.T) {
	harness.Need(t)
	const sys = "/proc/sys"
	if err := unix.Mount(sys, sys, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(sys, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("", sys, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	_, err := withSettings(t, []kernel.Sysctl{{Path: "ipv4/ip_forward", Value: "1"}}, "ipv4/ip_forward")
	if !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), "/proc/sys is mounted read-only") {
		t.Errorf("a read-only setting: %v", err)
	}
}
