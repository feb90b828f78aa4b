package punch

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAWrongConfigIsToldInOneGo(t *testing.T) {
	_, report, err := Connect(t.Context(), Config{
		Secret:     make(Secret, MinSecret-1),
		Rendezvous: []netip.AddrPort{netip.MustParseAddrPort("[::1]:1"), netip.MustParseAddrPort("127.0.0.1:0")},
		Patience:   -time.Second, Wait: -2 * time.Second, Hold: -3 * time.Second,
	})
	if !errors.Is(err, ErrSecret) {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{
		"15 bytes where at least 16 are needed", "no strategy is given",
		"patience -1s is negative\nwait -2s is negative\nhold -3s is negative",
		`"[::1]:1" is not an IPv4 address and port`, `"127.0.0.1:0" is not an IPv4 address and port`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if !reflect.DeepEqual(report, Report{}) {
		t.Errorf("a report of nothing: %+v", report)
	}
	err = Config{Secret: NewSecret(), Strategy: direct{}}.check()
	if err == nil || !strings.Contains(err.Error(), "no rendezvous") {
		t.Errorf("no rendezvous: %v", err)
	}
}

func TestWhatIsDerivedFromASecret(t *testing.T) {
	one, other := NewSecret(), NewSecret()
	if again := slices.Clone(one); one.meeting() != again.meeting() || one.meeting() == other.meeting() {
		t.Error("a secret does not name one meeting")
	}
	id := one.meeting()
	if key := one.proofKey(); bytes.Equal(key, other.proofKey()) || bytes.HasPrefix(key, id[:]) {
		t.Error("the server's id tells about the key of the proofs")
	}
}
