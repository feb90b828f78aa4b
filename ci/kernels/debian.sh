#!/usr/bin/env bash
# Debian's packages, fetched and unpacked by an apt that has a folder of its own:
# its lists, its sources and an empty record of what is installed. So nothing of
# this machine is changed, root is not needed, and a suite other than the
# machine's own will do. Sourced by run.sh.

: "${cache:?the folder for what is fetched}"

mirror=${DEBIAN_MIRROR:-http://deb.debian.org}

# keyring prints the file of Debian's archive keys. Ubuntu packages them too.
keyring() {
	local file=usr/share/keyrings/debian-archive-keyring.gpg
	if [ -r "/$file" ]; then
		echo "/$file"
		return
	fi
	if [ ! -r "$cache/keyring/$file" ]; then
		mkdir -p "$cache/keyring"
		(cd "$cache/keyring" && apt-get -q download debian-archive-keyring && dpkg-deb -x debian-archive-keyring_*.deb .) >&2
	fi
	echo "$cache/keyring/$file"
}

# suite_apt runs a program of apt's as if the machine were a bare one of this
# suite. Proxies and the like are still read from the machine's settings.
suite_apt() {
	local suite=$1
	shift
	APT_CONFIG=$cache/$suite/apt/apt.conf "$@"
}

# open_suite makes apt know a suite, with its security updates. A backport wants
# the suite that it is made for.
open_suite() {
	local suite=$1 base=${1%-backports} apt=$cache/$1/apt signed
	signed="[arch=amd64 signed-by=$(keyring)]"
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	: >"$apt/status"
	{
		echo "deb $signed $mirror/debian $base main"
		echo "deb $signed $mirror/debian-security $base-security main"
		if [ "$suite" != "$base" ]; then
			echo "deb $signed $mirror/debian $suite main"
		fi
	} >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::State "$apt";
		Dir::State::lists "$apt/lists";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt";
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures "amd64";
		APT::Install-Recommends "false";
		APT::Sandbox::User "";
		Acquire::Languages "none";
	END
	if [ "$suite" != "$base" ]; then
		echo "APT::Default-Release \"$suite\";" >>"$apt/apt.conf"
	fi
	suite_apt "$suite" apt-get -q update
}

# closure prints packages and all that they depend on. Without a record of what
# is installed, that is everything down to libc6.
closure() {
	local suite=$1
	shift
	suite_apt "$suite" apt-get -q -s install "$@" | sed -nE 's/^Inst ([^ ]+) .*/\1/p' | sort -u
}

# unpack fetches packages, and those alone, into a folder that is merged as
# Debian's /usr is: older packages still have their files in /bin and /lib.
unpack() {
	local suite=$1 into=$2 folder deb
	shift 2
	for folder in bin sbin lib lib64; do
		mkdir -p "$into/usr/$folder"
		ln -sfn "usr/$folder" "$into/$folder"
	done
	mkdir -p "$cache/$suite/debs"
	(
		cd "$cache/$suite/debs" || exit
		rm -f -- *.deb
		suite_apt "$suite" apt-get -q download "$@"
		for deb in *.deb; do
			dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$into"
		done
		rm -f -- *.deb
	)
}

# kernel_package prints the name of the newest kernel behind the meta-package.
kernel_package() {
	suite_apt "$1" apt-cache depends --no-recommends --no-suggests linux-image-amd64 |
		sed -nE 's/^ *Depends: (linux-image-[0-9].*)/\1/p' | head -n 1
}

# once runs a function with a folder to fill, unless that has been done before:
# a folder has its name only when it is whole. As any function here, it relies on
# the shell to end with the first command that fails, and is not for conditions.
once() {
	local folder=$1
	shift
	if [ ! -d "$folder" ]; then
		rm -rf "$folder.part"
		mkdir -p "$folder.part"
		"$@" "$folder.part"
		mv "$folder.part" "$folder"
	fi
}
