package capture

import "golang.org/x/sys/unix"

// What a filter can ask for beside the packet's bytes: at offsets above this
// one the kernel answers by itself (include/uapi/linux/filter.h). It is
// SKF_AD_OFF, -0x1000, in two's complement.
const (
	ancillary         = 0xfffff000
	ancillaryProtocol = ancillary + 0
	ancillaryType     = ancillary + 4
)

// filter is a program that lets in so many bytes of IPv4 packets. Those that a
// bridge floods to all of its ports are for the others: an interface gets them
// and its node does not.
func filter(bytes uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: ancillaryProtocol},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.ETH_P_IP, Jt: 0, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: ancillaryType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PACKET_OTHERHOST, Jt: 1, Jf: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: bytes},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}
