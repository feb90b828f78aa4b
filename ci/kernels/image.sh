#!/usr/bin/env bash
# What a machine boots from: a kernel, and an initramfs with everything else.
# Sourced by run.sh.

: "${cache:?the folder for what is fetched}" "${accel:?kvm or tcg}"

# Folders of modules that labs have to do with, and single ones. The kernel loads
# them by itself when somebody asks for what they offer; init loads none.
modules='^kernel/(net/(802|8021q|bridge|core|ipv4|ipv6|llc|netfilter|netlink|packet|sched|unix)/|drivers/net/(veth|ifb|dummy|tun)\.ko|.*/crc32c)'

# fetch_qemu fills a folder with qemu and its libraries.
fetch_qemu() {
	local packages
	mapfile -t packages < <(closure bookworm qemu-system-x86)
	unpack bookworm "$1" "${packages[@]}"
}

# run_in runs a program of an unpacked Debian, for so many seconds at most, by that
# Debian's own loader and libraries, so that those of this machine do not matter.
run_in() {
	local root=$1 seconds=$2 program=$3
	shift 3
	timeout --foreground "$seconds" "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/$program" "$@"
}

kernel_version() { basename "$cache/$1/kernel/usr/lib/modules/"*; }

# fetch_kernel fills a folder with the newest kernel of a suite.
fetch_kernel() {
	unpack "$1" "$2" "$(kernel_package "$1")"
	run_in "$cache/$1/root" 60 usr/sbin/depmod -b "$2" "$(basename "$2/usr/lib/modules/"*)"
}

# fetch_root fills a folder with the programs that tests use: nft and nsenter are
# the real ones (nft reads the names of /etc/protocols), sh and timeout are not
# those of busybox, which prefer its own commands, and busybox is the rest.
fetch_root() {
	local packages applet
	mapfile -t packages < <(closure "$1" busybox-static coreutils dash kmod netbase nftables util-linux)
	unpack "$1" "$2" "${packages[@]}"
	ln -sfn ../bin/kmod "$2/usr/sbin/modprobe" # CONFIG_MODPROBE_PATH is /sbin/modprobe
	ln -sfn ../bin/kmod "$2/usr/sbin/depmod"
	for applet in $("$2/usr/bin/busybox" --list); do
		if [ ! -e "$2/usr/bin/$applet" ] && [ ! -e "$2/usr/sbin/$applet" ] && [ ! -L "$2/usr/sbin/$applet" ]; then
			ln -s busybox "$2/usr/bin/$applet"
		fi
	done
	rm -rf "${2:?}"/usr/{share,lib/x86_64-linux-gnu/gconv,sbin/ldconfig}
	mkdir -p "$2"/{proc,sys,dev,tmp,root,run,tests,src}
	printf 'root:x:0:0:root:/root:/bin/sh\nsomebody:x:1000:1000::/tmp:/bin/sh\n' >"$2/etc/passwd"
	printf 'root:x:0:\nsomebody:x:1000:\n' >"$2/etc/group"
}

# add_modules copies what the modules above need as well, by modules.dep, whose
# lines are a module and all that it depends on.
add_modules() {
	local from into version
	version=$(kernel_version "$1")
	from=$cache/$1/kernel/usr/lib/modules/$version
	into=$2/usr/lib/modules/$version
	mkdir -p "$into"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$into"
	grep -E "$modules" "$from/modules.dep" | tr -d : | tr -s ' ' '\n' | sort -u |
		tar -C "$from" -cf - -T - | tar -C "$into" -xf -
	run_in "$cache/$1/root" 60 usr/sbin/depmod -b "$2" "$version"
}

# add_tests compiles the tests of the packages in the plan, and punchlab. Tests
# find their testdata in the tree that they have been compiled from.
add_tests() {
	local package
	go build -o "$1/usr/bin/punchlab" ./cmd/punchlab
	while read -r package _; do
		go test -c -ldflags=-w -o "$1/tests/${package//\//.}" "./$package"
	done <"$2"
	tar --exclude-vcs --exclude='*.test' -cf - . | tar -C "$1/src" -xf -
}

# pack writes a folder as an initramfs, in which everything is root's.
pack() {
	(cd "$1" && find . -print0 | sort -z | "$cache/bookworm/root/usr/bin/busybox" cpio -0 -o -H newc -R 0:0 2>/dev/null) >"$2"
}

# boot runs a machine to its end. A kernel that panics ends it too.
boot() {
	local suite=$1 initrd=$2 seconds=$3 qemu=$cache/qemu
	QEMU_MODULE_DIR=$qemu/usr/lib/x86_64-linux-gnu/qemu run_in "$qemu" "$seconds" \
		usr/bin/qemu-system-x86_64 -L "$qemu/usr/share/qemu" -L "$qemu/usr/share/seabios" \
		-accel "$accel" -cpu max -smp "${CPUS:-2}" -m 2G -nodefaults -nic none -display none -serial stdio -no-reboot \
		-kernel "$cache/$suite/kernel/boot/vmlinuz-$(kernel_version "$suite")" -initrd "$initrd" \
		-append 'console=ttyS0 quiet panic=-1 mitigations=off' </dev/null
}
