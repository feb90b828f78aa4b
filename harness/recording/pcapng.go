package recording

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"runtime"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// WritePCAPNG writes the packets as a file for Wireshark (pcapng,
// draft-ietf-opsawg-pcapng). Every leg is an interface of its own, times are in
// nanoseconds, and what was lost stands in the statistics of interfaces.
//
// comments[i] is shown with Packets[i], unless it is empty; there may be fewer
// comments than packets. Events of NATs have no place in such a file.
func (r Recording) WritePCAPNG(w io.Writer, comments []string) error {
	if err := r.writable(comments); err != nil {
		return fmt.Errorf("pcapng: %w", err)
	}
	file, err := r.begin(w)
	if err != nil {
		return fmt.Errorf("pcapng: %w", err)
	}
	for i, p := range r.Packets {
		comment := ""
		if i < len(comments) {
			comment = comments[i]
		}
		if err := writePacket(file, p, comment); err != nil {
			return fmt.Errorf("pcapng: packet %d: %w", i, err)
		}
	}
	if err := r.end(file); err != nil {
		return fmt.Errorf("pcapng: %w", err)
	}
	return nil
}

// writable says what of the recording no file can say.
func (r Recording) writable(comments []string) error {
	if len(r.Legs) == 0 {
		return fmt.Errorf("a recording without legs")
	}
	if len(comments) > len(r.Packets) {
		return fmt.Errorf("%d comments on %d packets", len(comments), len(r.Packets))
	}
	for i, p := range r.Packets {
		if p.Leg < 0 || p.Leg >= len(r.Legs) {
			return fmt.Errorf("packet %d is of leg %d, and there are %d", i, p.Leg, len(r.Legs))
		}
	}
	return nil
}

// begin writes the section's header and the interfaces.
func (r Recording) begin(w io.Writer) (*pcapgo.NgWriter, error) {
	section := pcapgo.NgSectionInfo{Hardware: runtime.GOARCH, OS: runtime.GOOS, Application: "punchlab"}
	if err := r.Missing(); err != nil {
		section.Comment = clipped(err.Error())
	}
	file, err := pcapgo.NewNgWriterInterface(w, r.Legs[0].ng(), pcapgo.NgWriterOptions{SectionInfo: section})
	for _, l := range r.Legs[1:] {
		if err == nil {
			_, err = file.AddInterface(l.ng())
		}
	}
	return file, err
}

// ng is the leg as an interface of packets that begin with their IP header.
func (l Leg) ng() pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: l.Name(), Description: l.String(), LinkType: layers.LinkTypeRaw}
}

func writePacket(file *pcapgo.NgWriter, p Packet, comment string) error {
	about := gopacket.CaptureInfo{
		Timestamp: p.At, CaptureLength: len(p.Data), Length: p.Length, InterfaceIndex: p.Leg,
	}
	direction := pcapgo.NgEpbFlagDirectionInbound
	if p.Out {
		direction = pcapgo.NgEpbFlagDirectionOutbound
	}
	options := pcapgo.NgPacketOptions{Flags: &pcapgo.NgEpbFlags{Direction: direction}}
	if comment != "" {
		options.Comments = []string{clipped(comment)}
	}
	return file.WritePacketWithOptions(about, p.Data, options)
}

// clipped is what an option can hold, whose length has 16 bits.
func clipped(text string) string { return text[:min(len(text), math.MaxUint16)] }

// end writes what every interface has seen and lost.
func (r Recording) end(file *pcapgo.NgWriter) error {
	seen := make([]uint64, len(r.Legs))
	for _, p := range r.Packets {
		seen[p.Leg]++
	}
	var err error
	for i, l := range r.Legs {
		stats := pcapgo.NgInterfaceStatistics{
			LastUpdate: r.Ended, StartTime: r.Began, EndTime: r.Ended,
			PacketsReceived: seen[i] + l.Lost, PacketsDropped: l.Lost,
		}
		err = cmp.Or(err, file.WriteInterfaceStats(i, stats))
	}
	return cmp.Or(err, file.Flush())
}
