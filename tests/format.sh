#!/bin/sh
# One hand: every C file is what clang-format 14 makes of it by .clang-format, and no line of C is
# longer than 100 columns (a tab is 8). Comments are left to people; only their length is checked.
#
#	tests/format.sh [--fix] [FILE...]
#
# --fix writes the files anew. Without FILE: all C files of lib/, bin/ and tests/ of the checkout
# it stands in. Exit 0: all are; 1: some are not, each named; 69: there is no clang-format 14.
set -eu
cd "$(dirname "$0")/.."
fix=
[ "${1-}" != --fix ] || { fix=1; shift; }
format=$(command -v clang-format-14 || command -v clang-format) || format=/bin/false
case $($format --version 2>&1 || :) in
*"version 14."*) ;;
*) echo "format.sh: clang-format 14 is missing (tests/packages.sh lists its package)" >&2; exit 69 ;;
esac
[ $# -gt 0 ] || set -- $(find lib bin tests -name '*.[ch]' | sort)
if [ "$fix" ]; then
	"$format" -i "$@"
	exit
fi
bad=0
"$format" --dry-run -Werror --ferror-limit=1 "$@" 2>&1 | sed -n 's/: error: .*/: clang-format has it otherwise (tests\/format.sh --fix)/p' | grep . && bad=1
for file; do
	expand -t 8 "$file" | LC_ALL=C.UTF-8 grep -nE '^.{101}' | cut -d: -f1 | sed "s|.*|$file:&: more than 100 columns|" | grep . && bad=1
done
exit $bad
