package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// These programs of the scripts run another one where something is missing.

// forbid runs a program where it may make no network namespaces: in a user
// namespace whose limit for them is 0 (namespaces(7), /proc/sys/user).
func forbid() {
	if len(os.Args) > 2 && os.Args[1] == "inside" {
		check(os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("0"), 0))
		become(os.Args[2:])
	}
	reexecute("forbid", syscall.CLONE_NEWUSER)
}

// reexecute runs this program again under a name, with "inside" before its arguments,
// in new namespaces, and ends as it does.
func reexecute(name string, namespaces uintptr) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{name, "inside"}, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  namespaces,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		os.Exit(ended.ExitCode())
	}
	check(err)
}

// fewFiles runs a program that may open only so many files.
func fewFiles() {
	most, err := strconv.ParseUint(os.Args[1], 10, 64)
	check(err)
	check(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: most}))
	become(os.Args[2:])
}

// smallDisk runs a program where a folder is on a disk of so many bytes: `small-disk
// 16k FOLDER PROGRAM…`, in a mount namespace in which a tmpfs is there. What the
// program leaves in it is copied to FOLDER.kept.
func smallDisk() {
	if os.Args[1] == "inside" {
		size, dir := os.Args[2], os.Args[3]
		check(unix.Mount("none", dir, "tmpfs", 0, "size="+size))
		cmd := exec.Command(os.Args[4], os.Args[5:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		err := cmd.Run()
		check(os.CopyFS(dir+".kept", os.DirFS(dir)))
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			os.Exit(ended.ExitCode())
		}
		check(err)
		return
	}
	check(os.MkdirAll(os.Args[2], 0o777))
	reexecute("small-disk", syscall.CLONE_NEWUSER|syscall.CLONE_NEWNS)
}

// without runs a program on a kernel that seems to lack netlink's netfilter: a
// filter (seccomp(2), SECCOMP_SET_MODE_FILTER) answers socket(2) for it as a
// kernel without CONFIG_NETFILTER_NETLINK does. The filter looks at the low
// halves of the arguments, on machines with the low byte first.
func without() {
	if len(os.Args) < 3 || os.Args[1] != "netfilter" {
		check(errors.New("usage: without netfilter PROGRAM [ARGUMENT...]"))
	}
	const number, family, protocol = 0, 16, 32 // offsets in struct seccomp_data
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	// otherwise skips so many instructions unless the loaded word is k.
	otherwise := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: k}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	filter := []unix.SockFilter{
		load(number), otherwise(unix.SYS_SOCKET, 5),
		load(family), otherwise(unix.AF_NETLINK, 3),
		load(protocol), otherwise(unix.NETLINK_NETFILTER, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		check(fmt.Errorf("seccomp: %w", errno))
	}
	become(os.Args[2:])
}

// become goes on as another program.
func become(args []string) {
	path, err := exec.LookPath(args[0])
	check(err)
	check(syscall.Exec(path, args, os.Environ()))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[0]+":", err)
		os.Exit(125)
	}
}
