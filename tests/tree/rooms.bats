# The check of the rooms sees what it is there to see.
load ../helpers

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/lib/{base,io,json,scan,sink,drv/{pg,sqlite}} "$tree/bin"
	echo '#include "base/err.h"' | tee "$tree/lib/io/loop.c" >"$tree/bin/hta-x.c"
}

rooms() { "$tests/rooms.sh" "$tree"; }

@test "rooms: downward is fine, and so is one's own library" {
	echo '#include <sqlite3.h>' >"$tree/lib/drv/sqlite/sqlite.c"
	feed rooms
}

@test "rooms: upward is told with its place" {
	printf '\n#  include "io/loop.h"\n' >"$tree/lib/base/a.c"
	fails_with 1 rooms
	grep -q '^# lib/base/a.c:2: "io/loop.h": base (rank 0) must not include io (rank 2)$' "$out"
}

@test "rooms: rooms of one rank include each other, but not in a circle" {
	echo '#include "json/json.h"' >"$tree/lib/scan/a.h"
	feed rooms
	echo '#include "scan/a.h"' >"$tree/lib/json/b.h"
	fails_with 1 rooms
	grep -q '^# a circle: json scan,scan json$' "$out"
}

@test "rooms: a driver includes itself and no other" {
	echo '#include "drv/pg/pg.h"' | tee "$tree/lib/drv/pg/pg.c" >"$tree/lib/drv/sqlite/a.c"
	fails_with 1 rooms
	grep -q '^# lib/drv/sqlite/a.c:1: "drv/pg/pg.h": a driver never includes another$' "$out"
	not grep -q 'lib/drv/pg/pg.c' "$out"
}

@test "rooms: a library's header shows in its room only" {
	echo '#include <hiredis/hiredis.h>' >"$tree/lib/sink/a.c"
	fails_with 1 rooms
	grep -q '^# lib/sink/a.c:1: hiredis/hiredis.h belongs to drv only$' "$out"
}

@test "rooms: a file of 500 lines is fine, one more is told" {
	mkdir -p "$tree/tests/unit"
	yes '/* a line */' | head -500 >"$tree/lib/io/a.c"
	feed rooms
	yes '/* a line */' | head -501 | tee "$tree/bin/hta-x.c" "$tree/lib/base/a.h" >"$tree/tests/unit/a.c"
	fails_with 1 rooms
	grep -qx '# lib/base/a.h: more than 500 lines' "$out"
	grep -qx '# bin/hta-x.c: more than 500 lines' "$out"
	grep -qx '# tests/unit/a.c: more than 500 lines' "$out"
	not grep -q 'lib/io/a.c' "$out"
}

@test "rooms: a header without a room, a file without one, no file at all" {
	echo '#include "err.h"' >"$tree/lib/io/a.c"
	touch "$tree/lib/stray.c"
	fails_with 1 rooms
	grep -q '"err.h" names no room' "$out"
	grep -q 'lib/stray.c: no room of that name' "$out"
	rm -r "$tree"/lib/* "$tree"/bin/*
	fails_with 1 rooms
	grep -q 'no sources here' "$out"
}

@test "tests: each suite lies in a folder, its name is in no other" {
	[ -z "$(find "$tests" -maxdepth 1 -name '*.bats')" ]
	[ -z "$(basename -a "$tests"/*/*.bats | sort | uniq -d)" ]
}

# What a build or a run leaves has other endings.
@test "tests: every file is in Makefile.am, or in a folder that is" {
	local file named
	named=$(grep -v '^#' "$top/Makefile.am" | grep -oE 'tests/[A-Za-z0-9_./-]+')
	cd "$top"
	find tests -type f -regextype posix-extended \
		-regex '.*(\.(bash|bats|cc|c|conf|go|h|md|mjs|ndjson|pml|properties|py|sh|sql|txt|xml)|/run|/jq_diff)' | sort >"$BATS_TEST_TMPDIR/files"
	while read -r file; do
		grep -qxF -e "$file" <<<"$named" || grep -qxF -e "$(dirname "$file")" -e "$(dirname "$(dirname "$file")")" <<<"$named" || echo "$file"
	done <"$BATS_TEST_TMPDIR/files" >"$out"
	expect </dev/null
}

@test "tests: no check begins with an exclamation mark, it could not fail" {
	fails_with 1 grep -nE '^[[:space:]]*! ' "$tests"/*/*.bats
}

# tests/fresh.sh looks for real; these are the ones that developers happen to have.
@test "tests: none of the usual tools that a bare Debian lacks and packages.sh does not bring" {
	local tools='bc|column|dc|dig|gawk|hexdump|ifconfig|ip|killall|less|lsof|nc|netstat|pstree|pv'
	tools+='|socat|ss|strace|tput|unzip|wget|xxd'
	local words='if|then|do|else|until|while|env|not|feed|fails_with [0-9]+|wait_until [0-9]+'
	words+='|spawn [a-z]+'
	lacking() { # FOLDER...
		grep -rnE --include={run,'*.sh','*.bats','*.bash'} \
			"(^|[|;&(\`]|\b($words)[[:space:]])[[:space:]]*($tools)([[:space:])]|\$)" "$@"
	}
	printf '%s\n' 'x=$(@bc <<<1)' 'a | @column -t' 'spawn x @nc -l' 'for column in a; do bc=1; done' |
		tr -d @ >"$BATS_TEST_TMPDIR/a.sh"
	echo 'x=$(paste -sd+ | @bc)' | tr -d @ >"$BATS_TEST_TMPDIR/b.sh"
	[ "$(lacking "$BATS_TEST_TMPDIR" | wc -l)" = 4 ]
	fails_with 1 lacking "$tests" "$top/examples"
}

@test "tests: awk is Debian's mawk, which counts bytes and has the standard's functions only" {
	local pattern="aw[k] .*\b(asort|gensub|length|strftime|systime)\b"
	grep -qE "$pattern" <<<'a''wk "length > 60"'
	fails_with 1 grep -rnE --include={run,'*.sh','*.bats','*.bash'} "$pattern" \
		"$tests" "$top/examples"
}

@test "rooms: C is written in one hand, at most 100 columns wide" {
	feed "$tests/format.sh"
}

@test "rooms: the check of the hand sees another one, and a line that is too long" {
	mkdir -p "$BATS_TEST_TMPDIR/hand/"{tests,lib}
	cp "$tests/format.sh" "$BATS_TEST_TMPDIR/hand/tests/"
	cp "$top/.clang-format" "$BATS_TEST_TMPDIR/hand/"
	printf 'int a( void );\n' >"$BATS_TEST_TMPDIR/hand/lib/a.c"
	printf '/* %0100d */\n' 0 >"$BATS_TEST_TMPDIR/hand/lib/b.c"
	fails_with 1 "$BATS_TEST_TMPDIR/hand/tests/format.sh"
	grep -q 'lib/a.c:1:[0-9]*: clang-format has it otherwise' "$out"
	grep -qx 'lib/b.c:1: more than 100 columns' "$out"
}
