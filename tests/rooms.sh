#!/usr/bin/env bash
# Who may include whom: tests/rooms.sh [TREE], TAP. TREE has lib/ROOM/**.[ch] and bin/*.[ch].
# A room includes itself, rooms of a lower rank, and rooms of its own rank as long as no circle comes of it. A driver never
# includes another driver. Libraries show their headers only where they belong. No file of C has more than 500 lines.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

declare -A rank=(
	[base]=0
	[avro]=1 [gql]=1 [intake]=1 [json]=1 [proto]=1 [row]=1 [scan]=1 [schema]=1 [sketch]=1 [text]=1 [trend]=1
	[io]=2 [net]=2
	[tool]=3
	[agg]=4 [job]=4 [read]=4 [serve]=4 [sink]=4 [source]=4 [xform]=4
	[drv]=5
	[app]=6
	[bin]=7
)

# Header of a library (a regular expression) and the rooms that may see it.
libraries=(
	'librdkafka/.*|drv'
	'libpq-fe\.h|libpq/.*|postgresql/.*|drv'
	'hiredis/.*|hiredis\.h|drv'
	'sqlite3\.h|drv'
	'mongoc/.*|drv'
	'bson/.*|drv'
	'lmdb\.h|drv'
	'openssl/.*|drv net'
	'nghttp2/.*|drv'
	'curl/.*|net'
	'xxh.*\.h|base'
	'zlib\.h|zstd.*\.h|io'
	'jq\.h|jv\.h|xform'
	'pcre2.*\.h|schema'
)

tests=0
failed=0

report() { # NAME VIOLATIONS
	tests=$((tests + 1))
	if [ -z "$2" ]; then
		echo "ok $tests - $1"
	else
		echo "not ok $tests - $1"
		while read -r line; do echo "# $line"; done <<<"${2%$'\n'}"
		failed=1
	fi
}

# Lines "room file:line kind header", kind being < or "; a file in lib/ itself has the room "lib".
includes=$(find lib bin -name '*.[ch]' 2>/dev/null | LC_ALL=C sort | while read -r file; do
	room=${file#lib/}
	[ "$room" != "$file" ] || room=bin/
	case $room in */*) room=${room%%/*} ;; *) room=lib ;; esac
	sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]*).*/\1 \2/;T;=;p' "$file" |
		paste - - | sed "s|^\([0-9]*\)\t|$room $file:\1 |"
done)

unknown=
[ -n "$includes" ] || unknown="$PWD: no sources here"$'\n'
while read -r file; do
	room=${file#lib/}
	[ "${room%%/*}" != "$room" ] && [ -n "${rank[${room%%/*}]-}" ] && [ "${room%%/*}" != bin ] ||
		unknown+="$file: no room of that name"$'\n'
done < <(find lib -name '*.[ch]' | LC_ALL=C sort)
report "every file of lib/ is in a room" "$unknown"

for room in $(printf '%s\n' "${!rank[@]}" | LC_ALL=C sort); do
	wrong=
	while read -r from at kind header; do
		[ "$from$kind" = "$room\"" ] || continue
		to=${header%%/*}
		[ "$room" != bin ] || [ ! -f "bin/$header" ] || continue
		if [ "$to" = "$header" ] || [ -z "${rank[$to]-}" ]; then
			wrong+="$at: \"$header\" names no room"$'\n'
		elif [ "${rank[$to]}" -gt "${rank[$room]}" ]; then
			wrong+="$at: \"$header\": $room (rank ${rank[$room]}) must not include $to (rank ${rank[$to]})"$'\n'
		fi
	done <<<"$includes"
	report "$room/ includes itself and no higher room" "$wrong"
done

# A circle among rooms of one rank: what is left when rooms that include no other are taken away again and again.
edges=$(while read -r from _ kind header; do
	to=${header%%/*}
	[ "$kind" = '"' ] && [ "$from" != "$to" ] && [ "${rank[$from]-}" = "${rank[$to]-none}" ] && echo "$from $to"
done <<<"$includes" | LC_ALL=C sort -u) || :
while [ -n "$edges" ]; do
	left=$(while read -r from to; do
		! grep -q "^$to " <<<"$edges" || echo "$from $to"
	done <<<"$edges")
	[ "$left" != "$edges" ] || break
	edges=$left
done
report "rooms of one rank include each other without a circle" "${edges:+a circle: $(paste -sd, <<<"$edges")$'\n'}"

wrong=
while read -r from at _ header; do
	[ "$from ${header%%/*}" = "drv drv" ] || continue
	own=${at#lib/drv/} to=${header#drv/}
	[ "${own%%/*}" = "${to%%/*}" ] || wrong+="$at: \"$header\": a driver never includes another"$'\n'
done <<<"$includes"
report "no driver includes another" "$wrong"

for library in "${libraries[@]}"; do
	wrong=
	while read -r from at _ header; do
		[[ $header =~ ^(${library%|*})$ ]] || continue
		[[ " ${library##*|} " == *" $from "* ]] || wrong+="$at: $header belongs to ${library##*|} only"$'\n'
	done <<<"$includes"
	report "${library%|*} only in ${library##*|}" "$wrong"
done

long=$(find lib bin tests -name '*.[ch]' -exec awk -v most=500 'FNR == most + 1 { print FILENAME ": more than " most " lines" }' {} + 2>/dev/null |
	LC_ALL=C sort) || :
report "no file of C has more than 500 lines" "${long:+$long$'\n'}"

echo "1..$tests"
exit $failed
