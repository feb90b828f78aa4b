package recording_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/punchlab/punchlab/harness/recording"
)

// syn is a SYN from 192.168.1.2:50000 to 192.0.2.2:4321, without options.
var syn = []byte{
	0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 168, 1, 2, 192, 0, 2, 2,
	0xc3, 0x50, 0x10, 0xe1, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0,
}

// small is a recording of a SYN that a host sends and its NAT receives.
func small() recording.Recording {
	began := time.Unix(1_800_000_000, 123_456_789)
	return recording.Recording{
		Began: began, Ended: began.Add(time.Second),
		Legs: []recording.Leg{
			{Node: "alice", Side: recording.Host, Interface: "eth0", Toward: []string{"nat-a"}},
			{Node: "nat-a", Side: recording.Inside, Interface: "lan", Toward: []string{"alice", "bob"}, Lost: 3},
			{Node: "nat-a", Side: recording.Outside, Interface: "wan", Toward: []string{"transit-a"}},
			{Node: "core", Side: recording.Core, Interface: "transit-a", Toward: []string{"transit-a"}},
		},
		Packets: []recording.Packet{
			{At: began.Add(1), Leg: 0, Out: true, Data: syn, Length: len(syn)},
			{At: began.Add(2), Leg: 1, Data: syn[:30], Length: 1500},
		},
		LostEvents: map[string]uint64{"nat-a": 2},
	}
}

func written(t *testing.T, r recording.Recording, comments []string) *pcapgo.NgReader {
	t.Helper()
	var file bytes.Buffer
	if err := r.WritePCAPNG(&file, comments); err != nil {
		t.Fatal(err)
	}
	reader, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestPCAPNGHasPacketsWithTheirComments(t *testing.T) {
	r := small()
	reader := written(t, r, []string{"Alice's SYN leaves"})
	for i, p := range r.Packets {
		data, about, options, err := reader.ReadPacketDataWithOptions()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, p.Data) || about.Length != p.Length || about.InterfaceIndex != p.Leg || !about.Timestamp.Equal(p.At) {
			t.Errorf("packet %d: %+v, % x; want %+v", i, about, data, p)
		}
		comments, direction := []string{"Alice's SYN leaves"}, pcapgo.NgEpbFlagDirectionOutbound
		if i > 0 {
			comments, direction = nil, pcapgo.NgEpbFlagDirectionInbound
		}
		if !slices.Equal(options.Comments, comments) || options.Flags == nil || options.Flags.Direction != direction {
			t.Errorf("packet %d: options %+v, want %q and direction %d", i, options, comments, direction)
		}
	}
	if _, _, err := reader.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last packet: %v", err)
	}
}

func TestPCAPNGHasLegsWithTheirLosses(t *testing.T) {
	r := small()
	reader := written(t, r, nil)
	for {
		if _, _, err := reader.ReadPacketData(); err != nil {
			break
		}
	}
	descriptions := []string{
		"alice (eth0, towards nat-a)", "nat-a inside (lan, towards alice and bob)",
		"nat-a outside (wan, towards transit-a)", "core (transit-a, towards transit-a)",
	}
	names := []string{"alice", "nat-a inside", "nat-a outside", "core to transit-a"}
	received := []uint64{1, 1 + 3, 0, 0}
	if reader.NInterfaces() != len(names) {
		t.Fatalf("%d interfaces, want %d", reader.NInterfaces(), len(names))
	}
	for i := range names {
		got, err := reader.Interface(i)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != names[i] || got.Description != descriptions[i] || got.LinkType != layers.LinkTypeRaw || got.TimestampResolution != 9 {
			t.Errorf("interface %d is %+v, want %s, %s", i, got, names[i], descriptions[i])
		}
		s := got.Statistics
		if s.PacketsDropped != r.Legs[i].Lost || s.PacketsReceived != received[i] || !s.StartTime.Equal(r.Began) || !s.EndTime.Equal(r.Ended) {
			t.Errorf("%s: statistics %+v, want %d lost of %d", got.Name, s, r.Legs[i].Lost, received[i])
		}
	}
	if section := reader.SectionInfo(); section.Application != "punchlab" || section.Comment != r.Missing().Error() {
		t.Errorf("the section is %+v", section)
	}
}

func TestMissingTellsEverything(t *testing.T) {
	want := "nat-a inside (lan, towards alice and bob): 3 packets were not recorded\n" +
		"nat-a: 2 events of its connections were not recorded"
	if got := fmt.Sprint(small().Missing()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if err := (recording.Recording{}).Missing(); err != nil {
		t.Errorf("of nothing is missing: %v", err)
	}
}

func TestPCAPNGRefusesWhatItCannotSay(t *testing.T) {
	many, astray := small(), small()
	astray.Packets[1].Leg = 4
	for want, write := range map[string]func() error{
		"3 comments on 2 packets":               func() error { return many.WritePCAPNG(io.Discard, make([]string, 3)) },
		"packet 1 is of leg 4, and there are 4": func() error { return astray.WritePCAPNG(io.Discard, nil) },
		"a recording without legs":              func() error { return recording.Recording{}.WritePCAPNG(io.Discard, nil) },
		"no more room":                          func() error { return many.WritePCAPNG(full{}, nil) },
	} {
		if err := write(); err == nil || !strings.HasPrefix(err.Error(), "pcapng: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no more room") }

// A comment is as long as the file's format allows.
func TestLongCommentsAreCut(t *testing.T) {
	reader := written(t, small(), []string{strings.Repeat("word ", 20_000)})
	_, _, options, err := reader.ReadPacketDataWithOptions()
	if err != nil || len(options.Comments) != 1 || !strings.HasPrefix(options.Comments[0], "word word") {
		t.Errorf("comments %d, %v", len(options.Comments), err)
	}
	if _, _, err := reader.ReadPacketData(); err != nil {
		t.Errorf("behind a long comment: %v", err)
	}
}
