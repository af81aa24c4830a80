#!/usr/bin/env bash
# Checks the models of this folder with spin, TAP on standard output: tests/model/run.sh [--long] [--list] [WORD...]
#
#	--long	the big scenes instead (minutes and gigabytes each; not in CI)
#	--list	only names the scenes
#	WORD	only scenes whose line contains all words, as in: run.sh hta  run.sh EMPTIED livelock  run.sh names
#	HTA_MODEL_JOBS=N	so many at once (2; --long: 1)
#
# A scene is one model with switches (-D), searched exhaustively. What is said of it:
#	holds		no error, and the search was complete
#	livelock	no cycle without progress (pan -l), and the search was complete
#	fails CLAIM	a rule is taken away: the search must find an error, and it must be this claim that breaks
#	reached		fails on purpose: shows that a scene gets where it is meant to
#	agree		no search: what README.md and the models name in the code is there, each switch is in README.md and in a scene
# A complete search: all states stored in full (no bit states, no hash compaction), no depth or memory limit met.
set -uo pipefail
export LC_ALL=C
unset CDPATH
exec </dev/null
home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd) || exit

DEPTH=100000		# pan -m; met: "max search depth too small", the scene fails
SPIN_KB=1000000		# address space of spin itself: a macro that expands for ever must not take the machine

long=
list=
words=()
for arg; do
	case $arg in
	--long) long=1 ;;
	--list) list=1 ;;
	-*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$home/run.sh" >&2; exit 64 ;;
	*) words+=("$arg") ;;
	esac
done

if [ -n "$long" ]; then
	memory_mb=12000
	seconds=3600
	table_bits=26
	optimize_searches=-O2
	jobs=${HTA_MODEL_JOBS:-1}
else
	memory_mb=3000
	seconds=600
	table_bits=22
	optimize_searches=-O1
	jobs=${HTA_MODEL_JOBS:-2}
fi

# expectation | model | switches | the rule that is taken away, or what is seen
small_scenes() {
	cat <<'SCENES'
agree|names||of the models and the code
holds|hta|-DN=2|
holds|hta|-DN=1 -DREGRESS|
livelock|hta|-DN=1|
livelock|hta|-DN=1 -DREGRESS|
reached|hta|-DN=1 -DSEEEND|the end
fails cause|hta|-DN=1 -DHETERO|all ranges of an epoch are needed by the same sinks
fails cause|hta|-DN=2 -DNOCUT|an epoch straddles no sink's position
fails once|hta|-DN=1 -DNOCAS|compare-and-set
fails cause|hta|-DN=1 -DTRUSTCOMMIT|the sinks' positions are the truth, the commit a hint
fails commit|hta|-DN=1 -DEARLYACK|the commit follows the last sink
holds|init|-DK=2|
holds|init|-DK=1 -DN=3 -DMIXED|
holds|init|-DK=1 -DMIXED -DRESTORE|
holds|init|-DK=1 -DN=1 -DMIXED -DRESTORE|
holds|init|-DK=1 -DWIPE=2|
holds|init|-DK=1 -DN=1 -DRESTORE=2|
holds|init|-DK=1 -DONE -DWIPE|
holds|init|-DK=1 -DONE -DRESTORE|
holds|init|-DK=1 -DLATE -DWIPE|
holds|init|-DK=1 -DN=1 -DLATE -DRESTORE|
holds|init|-DK=1 -DPART|
holds|init|-DK=1 -DN=1 -DPART -DMIXED|
holds|init|-DK=1 -DN=1 -DPART -DLATE|
holds|init|-DK=1 -DSPLIT -DMIXED78|
holds|init|-DK=1 -DANYADOPT -DWIPE|(without "next = init": it guards the log, nothing is doubled)
livelock|init|-DK=1 -DMIXED|
livelock|init|-DK=1 -DRESTORE|
livelock|init|-DK=1 -DLATE|
livelock|init|-DK=1 -DN=1 -DLATE -DWIPE|
livelock|init|-DK=1 -DN=1 -DPART|
reached|init|-DK=1 -DSEEEND|the end
reached|init|-DK=1 -DWIPE -DSEE78|exit 78
fails start|init|-DK=1 -DINDEP|R1-R4: one generation
fails 78|init|-DK=1 -DMIXED -DPIPEORDER|R2: the first sink by name
fails 78|init|-DK=1 -DPIPEORDER -DNOPASS|R2: the first sink, nothing passed on
fails start|init|-DK=1 -DWIPE -DNOGEN|R1, R4: a generation, not a comparison of starts
fails start|init|-DK=1 -DWIPE -DNOCASGEN|R4: the generation is in the compare-and-set
fails start|init|-DK=1 -DWIPE -DUPSERT|R4: an epoch inserts no row
fails start|init|-DK=1 -DONE -DWIPE -DLATECOM|R5: the generation is committed before the first record
fails start|init|-DK=1 -DONE -DWIPE -DCOMFIRST|R5: the commit is read after every probe
fails end|init|-DK=1 -DLATE -DWIPE -DNOWCOUNTS|R6: `now` is remembered
fails 78|init|-DK=1 -DPART -DLATE -DPERPART|R6: sinks adopt, not partitions
fails start|init|-DK=1 -DPART -DROWS|R1: all starts in one insert
fails start|init|-DK=1 -DPART -DLOWSTART|R7: a new partition starts at 0
fails cause|init|-DK=1 -DN=1 -DPART -DRESTORE -DNEWMAKES|R7: its line creates no generation
fails end|init|-DK=1 -DLATE -DWIPE -DSTICKY|R8: bootstrap is an act
fails 78|init|-DK=1 -DONEPROBE|R9: 78 after a second probe
fails end|init|-DK=1 -DN=1 -DLATE -DWIPE -DBLINDREST|R12: the probe at rest compares the generation
holds|init|-DK=1 -DEMPTIED=1|
holds|init|-DK=1 -DN=1 -DEMPTIED=2|
holds|init|-DK=1 -DN=1 -DEMPTIED=1 -DWRITEFIRST|(nobody is killed: the order of R10 does not matter)
livelock|init|-DK=1 -DN=1 -DEMPTIED=1|
reached|init|-DK=1 -DEMPTIED=1 -DSEEEND|the end under a bootstrapped generation
reached|init|-DK=1 -DEMPTIED=1 -DSEERESET|--reset after a late init line
fails reset|init|-DK=1 -DEMPTIED=2 -DWRITEFIRST|R10: committed before the sink is written
fails start|init|-DK=1 -DEMPTIED=1 -DOLDGEN|R10: a new generation
fails reset|init|-DK=1 -DEMPTIED=1 -DKEEPCOM|R10: whatever the commit held
fails end|init|-DK=1 -DEMPTIED=1 -DNOFENCE|R11: who left the group is refused its commits
fails other|init|-DK=1 -DEMPTIED=1 -DNOCASGEN|R4: the generation is in the compare-and-set
fails start|init|-DK=1 -DEMPTIED=1 -DUPSERT|R4: an epoch inserts no row
fails cycle|init|-DK=1 -DN=1 -DEMPTIED=1 -DNOSTOP|pipelines are stopped before --reset
holds|init|-DK=1 -DN=1 -DEMPTIED=1 -DNOCASGEN -DSUMS|(the claim "other" left out: no sum is wrong)
holds|revoke|-DNOZOMBIE|
holds|revoke|-DM=1 -DN=1|
holds|revoke|-DM=0|
holds|revoke|-DM=0 -DAPART|
holds|revoke|-DAPART -DNOZOMBIE|
holds|revoke|-DM=1 -DREGRESS -DNOZOMBIE|
holds|revoke|-DM=0 -DN=1 -DREGRESS|
livelock|revoke|-DNOZOMBIE|
livelock|revoke|-DAPART -DNOZOMBIE|
livelock|revoke|-DM=1 -DN=1|
livelock|revoke|-DM=1 -DN=1 -DREGRESS -DNOZOMBIE|
reached|revoke|-DM=1 -DSEEEND|the end
fails cause|revoke|-DM=1 -DNOZOMBIE -DNOPROBE|an assignment is probed
fails once|revoke|-DM=1 -DNOZOMBIE -DNOCAS|compare-and-set
fails cause|revoke|-DAPART -DNOZOMBIE -DHETERO|an epoch has one need-set
fails cause|revoke|-DAPART -DNOZOMBIE -DNOCUT|an epoch is cut at the other sink's position
fails stuck|revoke|-DM=1 -DREGRESS -DNOZOMBIE -DNOIDLE|a source at rest probes
holds|final|-DN=1|
holds|final|-DK=1|
holds|final|-DN=1 -DMARKFIRST|(a store without snapshots)
reached|final|-DN=1 -DSEEEND|the end
reached|final|-DK=1 -DSEEAFTER|the end, with a delta that is missing in what is out
fails counted|final|-DN=1 -DTORN|mark and rows are of one snapshot
fails once|final|-DN=1 -DMOVEFIRST|rows and position in one transaction
fails once|final|-DN=1 -DROWSFIRST|rows and position in one transaction
fails once|final|-DN=1 -DNOCAS|compare-and-set
fails once|final|-DK=1 -DBACK|a position never goes back
fails counted|final|-DK=1 -DFORGET|late_after_final goes by the highest mark
holds|rules|-DN=1|
holds|rules|-DN=1 -DSTALE|
holds|rules|-DN=1 -DC=0 -DSTALE -DR=3|
livelock|rules|-DN=1 -DSTALE|
livelock|rules|-DN=1 -DC=0|
reached|rules|-DN=1 -DSEEEND|the end
fails once|rules|-DN=1 -DNOSET|the compare-and-set compares the set
fails once|rules|-DN=1 -DBLINDX|a change compares the positions
fails once|rules|-DN=1 -DTWICE|the same change is one change
fails once|rules|-DC=0 -DMIDEPOCH|a reload takes effect at a barrier
fails cycle|rules|-DN=1 -DSTALE -DLOWERS|a set rises only
fails cycle|rules|-DN=1 -DFIRSTONLY|each sink is asked for its set
SCENES
}

long_scenes() {
	cat <<'SCENES'
holds|hta|-DK=2 -DN=1|
livelock|hta|-DN=2|
holds|init|-DK=2 -DMIXED|
holds|init|-DK=2 -DWIPE|
holds|init|-DK=2 -DRESTORE|
holds|init|-DK=2 -DN=1 -DLATE -DWIPE|
holds|init|-DK=1 -DPART -DRESTORE -DEARLIEST|
holds|init|-DK=1 -DEMPTIED=2|
holds|init|-DK=1 -DEMPTIED=2 -DMIXED|
holds|init|-DK=1 -DN=3 -DEMPTIED=2|
holds|init|-DK=1 -DN=1 -DEMPTIED=3|
holds|init|-DK=1 -DEMPTIED=2 -DWRITEFIRST -DANYRESET|(R10's order or not: nothing is doubled)
livelock|init|-DK=1 -DEMPTIED=2|
holds|revoke|-DM=1|
holds|revoke|-DM=1 -DAPART|
holds|revoke|-DREGRESS -DNOZOMBIE|
holds|revoke|-DM=1 -DN=1 -DREGRESS|
livelock|revoke|-DM=4 -DNOZOMBIE|
livelock|revoke|-DM=1 -DREGRESS -DNOZOMBIE|
holds|rules|-DC=0|
SCENES
}

# ---- names: README.md, the models, the scenes and lib/ ----

lib=${home%/tests/model}/lib

in_code() { grep -rqE --include='*.[ch]' "$@" "$lib"; }

# A line for each name that stands nowhere.
unknown_names() {
	local name file
	cd "$home" || return
	for file in $(grep -ohE '\b(lib/[a-z]+/)?[a-z_]+\.[ch]\b' README.md ./*.pml | sort -u); do
		[ -n "$(find "$lib" -path "*/${file#lib/}")" ] || echo "no file $file"
	done
	for name in $(grep -ohE '\b[a-z_]+\(\)' README.md ./*.pml | tr -d '()' | sort -u); do
		grep -qE "^(inline|proctype) $name\\(" ./*.pml || in_code "^[a-z].*[ *]$name\\(" || echo "no function $name()"
	done
	for name in $(grep -ohE '\bhta_(job|pos)\.[a-z_]+' ./*.pml | sort -u); do
		# texts that go on in the next line are one
		[[ $(tr -d '\n\t' <"$lib/drv/pg/pg_schema.c" | sed 's/" *"//g') =~ TABLE\ IF\ NOT\ EXISTS\ ${name%.*}\ \([^\;]*[\ \"]${name#*.}\ [a-z] ]] || echo "no column $name"
	done
	for name in FRESH ADOPT NEW READ STOP; do
		in_code "\\bSTART_$name\\b" || echo "no answer START_$name"
	done
	for name in FRESH ADOPT NEW BOOT; do
		in_code "\\bCTL_$name\\b" || echo "no act CTL_$name"
	done
}

# A line for each switch that README.md or the scenes do not know, or no model.
unknown_switches() {
	local name known scenes
	cd "$home" || return
	known=$(grep -hE '^#((el)?if|ifdef|ifndef) ' ./*.pml | grep -oE '\b[A-Z][A-Z0-9_]*\b' | sort -u)
	scenes=$({ small_scenes; long_scenes; } | grep -oE -e '-D[A-Z0-9_]+' | sort -u)
	for name in $known; do
		grep -qE "(-D|\`)$name\\b" README.md || [[ $name =~ ^[PNKMRC]$ ]] || echo "switch $name is not in README.md"
		grep -qxe "-D$name" <<<"$scenes" || [ "$name" = P ] || echo "switch $name is in no scene" # P is set by PART
	done
	for name in $scenes; do
		grep -qx "${name#-D}" <<<"$known" || echo "no model knows $name"
	done
}

agree() { # DIR
	local bad
	bad=$(unknown_names; unknown_switches)
	[ -n "$bad" ] || { echo "ok|$(grep -cE '^\| ' "$home/README.md") lines of tables" >"$1/result"; return; }
	echo "not ok|${bad//$'\n'/; }" >"$1/result"
}

# ---- one scene: $dir has its files, result is its TAP line without the number ----

# Which claim broke, by the text of pan's first error.
claim() {
	case $1 in
	*"assertion violated 0 "* | *"assertion violated ((bootgen=="*) echo reached ;;
	*"assertion violated "*"out["*) echo once ;;
	*"assertion violated "*"val["*) echo counted ;;
	*"assertion violated "*"(pos>=t)"*) echo end ;;
	*"invalid end state"*) echo stuck ;;
	*"non-progress cycle"*) echo cycle ;;
	*"assertion violated "*"(gens<"*) echo "bound of generations" ;;
	*"assertion violated "*"gen["*"==g)"*) echo other ;;
	*"assertion violated "*"cnt["* | *"assertion violated "*"app["*) echo once ;;
	*"assertion violated "*"==ini["*"by_now["*) echo end ;;
	*"assertion violated "*"==ini["*"est["*) echo end ;;
	*"assertion violated "*"est["*) echo start ;;
	*"assertion violated "*"commit["*) echo commit ;;
	*"assertion violated "*wiped*) echo 78 ;;
	*"assertion violated "*late*) echo reset ;;
	*"assertion violated "*dirty*) echo cause ;;
	*) echo "no claim (${1:-no error text})" ;;
	esac
}

build() { # DIR MODEL SWITCHES PANFLAGS
	cp "$home"/*.pml "$1" && cd "$1" || return
	# shellcheck disable=SC2086
	(ulimit -v $SPIN_KB && exec timeout --foreground 60 spin $3 -a "$2.pml") >spin.out 2>&1
	[ -s pan.c ] || { echo "spin: $(tail -1 spin.out)"; return 1; }
	# shellcheck disable=SC2086
	gcc -w $4 -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=$memory_mb -o pan pan.c >gcc.out 2>&1 && return
	echo "gcc: $(head -1 gcc.out)"
	return 1
}

# Why the search was not complete; nothing if it was.
incomplete() { # PAN.OUT STATUS
	[ "$2" = 0 ] || echo "pan ended with $2"
	grep -q '^Full statespace search for:' "$1" || echo "no full statespace search"
	grep -iE 'too small|reached -D|not completed|out of memory|hash table.*full|truncat|^Bit ' "$1"
}

judge() { # EXPECTATION PAN.OUT STATUS
	local errors broken why
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$2")
	broken=$(grep -m1 '^pan:1:' "$2")
	[ "$3" != 124 ] || { echo "not done in $seconds s"; return 1; }
	case $1 in
	holds | livelock)
		why=$(incomplete "$2" "$3")
		[ "$errors:$broken" = 0: ] || { echo "${errors:-unknown number of} errors: $(claim "$broken")"; return 1; }
		[ -z "$why" ] || { echo "not searched to the end: ${why//$'\n'/; }"; return 1; }
		;;
	*)
		[ "${errors:-0}" -gt 0 ] || { echo "no error found"; return 1; }
		why=$(claim "$broken")
		[ "$why" = "${1#fails }" ] || { echo "another claim broke: $why"; return 1; }
		;;
	esac
}

scene() { # DIR EXPECTATION MODEL SWITCHES
	local optimize=$optimize_searches search=-DSAFETY flag='' why states memory status wall cpu
	local TIMEFORMAT='%1R %1U'
	case $2 in
	agree) agree "$1"; return ;;
	livelock) search=-DNP flag=-l ;;
	'fails cycle') search=-DNP flag=-l optimize=-O0 ;;
	fails* | reached) optimize=-O0 ;;	# the compiler takes longer than the search
	esac
	why=$(build "$1" "$3" "$4" "$optimize $search") || { echo "not ok|$why" >"$1/result"; return; }
	cd "$1" || return
	# shellcheck disable=SC2238
	{ time timeout --foreground $seconds ./pan -m$DEPTH -w$table_bits $flag >pan.out 2>&1; } 2>times
	status=$?
	read -r wall cpu <<<"$(tail -1 times)"
	states=$(awk '/states, stored/ { printf "%d", $1; exit }' pan.out)
	memory=$(awk '/total actual memory usage/ { printf "%d", $1 }' pan.out)
	why=$(judge "$2" pan.out $status) && why="ok|" || why="not ok|$why; "
	echo "$why${states:-?} states, $wall s ($cpu s of a processor), ${memory:-?} MB" >result
}

# ---- all of them ----

chosen=()
while IFS= read -r line; do
	for word in "${words[@]}"; do
		case $line in *"$word"*) ;; *) continue 2 ;; esac
	done
	chosen+=("$line")
done < <(if [ -n "$long" ]; then long_scenes; else small_scenes; fi)

name() { # LINE
	local expect model switches rule
	IFS='|' read -r expect model switches rule <<<"$1"
	[ "$expect" != agree ] || { printf '%s %s: agree' "$model" "$rule"; return; }
	printf '%s.pml %s: %s' "$model" "$switches" "$expect"
	case $expect in
	fails*) printf ', without "%s"' "$rule" ;;
	*) printf '%s' "${rule:+ $rule}" ;;
	esac
}

if [ -n "$list" ]; then
	for line in "${chosen[@]}"; do name "$line"; echo; done
	exit 0
fi
[ ${#chosen[@]} -gt 0 ] || { echo "run.sh: no scene has: ${words[*]}" >&2; exit 64; }
for tool in spin gcc timeout; do
	command -v $tool >/dev/null || { echo "Bail out! $tool is missing: apt-get install spin gcc"; exit 69; }
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hta-model.XXXXXX") || exit 74
declare -A running=()	# pid of a scene -> its index
finish() {
	local pid
	exec 2>/dev/null	# the shell's words on ended jobs
	for pid in "${!running[@]}"; do kill -TERM -- "-$pid"; done
	wait
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
set -m	# each scene is a process group of its own

begin() { # INDEX
	local expect model switches
	IFS='|' read -r expect model switches _ <<<"${chosen[$1]}"
	mkdir "$scratch/$1"
	scene "$scratch/$1" "$expect" "$model" "$switches" 2>"$scratch/$1/err" &
	running[$!]=$1
}

report() { # INDEX
	local verdict='' rest=''
	[ ! -e "$scratch/$1/result" ] || IFS='|' read -r verdict rest <"$scratch/$1/result"
	[ -n "$verdict" ] || verdict="not ok" rest="the scene ended without a result"
	[ "$verdict" = ok ] || failed=$((failed + 1))
	printf '%s %d - %s # %s\n' "$verdict" $(($1 + 1)) "$(name "${chosen[$1]}")" "$rest"
	[ "$verdict" = ok ] || sed 's/^/# /' "$scratch/$1/err"
	rm -rf "${scratch:?}/$1"
}

failed=0
next=0
shown=0
finished=()
echo "1..${#chosen[@]}"
while [ $shown -lt ${#chosen[@]} ]; do
	while [ $next -lt ${#chosen[@]} ] && [ ${#running[@]} -lt "$jobs" ]; do
		begin $next
		next=$((next + 1))
	done
	wait -n -p pid
	[ -z "${pid:-}" ] || { finished[${running[$pid]}]=1; unset "running[$pid]"; }
	while [ -n "${finished[$shown]:-}" ]; do
		report $shown
		shown=$((shown + 1))
	done
done
echo "# ${#chosen[@]} scenes, $failed failed, $SECONDS s"
[ $failed = 0 ]
