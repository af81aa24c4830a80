#!/bin/sh
# Builds Debian packages out of a tarball of `make dist`: examples/packaging/deb.sh TARBALL FOLDER
#
# They are built in a temporary folder, without tests (tests/run.sh has them), and put into FOLDER. DEB_BUILD_OPTIONS says
# otherwise: "" runs the tests too, "nocheck noautodbgsym" makes no packages of debug symbols. Exit 69: a tool is missing.
set -eu
unset MAKEFLAGS MAKELEVEL MFLAGS

say() { echo "deb.sh: $*" >&2; }

[ $# = 2 ] || { say "usage: deb.sh TARBALL FOLDER"; exit 64; }
for tool in dpkg-buildpackage dh; do
	command -v $tool >/dev/null || { say "no $tool here (Debian: tests/packages.sh build deb)"; exit 69; }
done
folder=$(cd "$2" && pwd)
name=${1##*/}
name=${name%.tar.xz}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hta-deb.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tar -xf "$1" -C "$scratch"
cp "$1" "$scratch/hta_${name#hta-}.orig.tar.xz"
cd "$scratch/$name"
cp -R examples/packaging/debian debian

version=$(dpkg-parsechangelog -S Version)
if [ "hta-${version%-*}" != "$name" ]; then
	say "the newest entry of examples/packaging/debian/changelog is $version, the tarball is $name: add an entry"
	exit 65
fi
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS-nocheck}"
dpkg-buildpackage -us -uc -b -jauto >"$scratch/log" 2>&1 || {
	code=$?
	tail -n 40 "$scratch/log" >&2
	say "the build failed"
	exit $code
}
for deb in "$scratch"/*.deb; do
	mv "$deb" "$folder/"
	echo "$folder/${deb##*/}"
done
