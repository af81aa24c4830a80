# What must hold of any input: however a log is cut into epochs, in whatever order its lines come, over however many threads, files and pipelines it is
# spread, the rollups are the same, and equal to an independent recount. What is left to chance comes from one seed, which is printed; HTA_SEED=N runs it
# again (but for the clock, and for the partitions that kcat chooses).
load ../helpers

metrics='--metric a --every 1m --by endpoint,status --value v --uniq user --metric b --every 10s --by payload.region --value payload.price --metric c --every 1h --uniq user
	--metric h --every 30s --by status --agg open=first(v) --agg close=last(v) --agg who=last(user) --agg low=arg_min(endpoint,v) --agg high=arg_max(payload.price,user)
	--metric g --every 30s --by endpoint --agg n=count(user) --agg s=sum(v) --agg lo=min(v) --agg hi=max(v) --agg m=avg(v) --agg r=rate --agg rs=rate(v)
	--agg d=stddev(status) --agg p=p90(v) --agg q=quantiles(payload.price,0.5,0.999) --agg u=uniq(user) --agg x=uniq_exact(user) --agg f=histogram(v,1,5)'
quoted=$(printf '%q ' $metrics) # inside of a command's text
# the same for the oracle
recounted=(a/60/endpoint,status/v/user b/10/payload.region/payload.price/ c/3600///user h/30/status// g/30/endpoint//)
held=h/30/status/open:first:v,close:last:v,who:last:user,low:arg_min:endpoint:v,high:arg_max:payload.price:user
lines=4000

setup() {
	once draw
	seed=$(<"$BATS_FILE_TMPDIR/seed")
	dice=$((seed + BATS_TEST_NUMBER))
	echo "seed $seed"
	cd "$BATS_TEST_TMPDIR" || return
	once events
	events=$BATS_FILE_TMPDIR/events
	exact=$BATS_FILE_TMPDIR/exact
	want=$BATS_FILE_TMPDIR/want
}

draw() {
	echo "${HTA_SEED:-$((RANDOM * 32768 + RANDOM))}" >"$BATS_FILE_TMPDIR/seed"
	echo "# HTA_SEED=$(<"$BATS_FILE_TMPDIR/seed")" >&3
}

# Rows of hta-window, and of those what is held; of events what must come out.
rows() { oracle window <"$1" && oracle measures <"$1"; }
added_up() { oracle recount "${recounted[@]}" <"$1" && oracle held "$held" <"$1"; }

py() { python3 "$BATS_TEST_DIRNAME/properties.py" "$@"; }

# The events, the exact rows, and those of one thread over one file, sketches included.
events() {
	(
		cd "$BATS_FILE_TMPDIR" || exit
		py make "$seed" $lines >events
		added_up events >exact
		# shellcheck disable=SC2086
		hta-window -q $metrics events >final
		rows final >want
		[ "$(wc -l <want)" -gt 500 ] && same_numbers want && oracle within exact want
	)
}

# Throws the dice of this seed: VAR becomes 1..N. (RANDOM would be seeded anew in every subshell, and helpers name databases by it.)
below() { # VAR N
	dice=$(((dice * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff))
	printf -v "$1" %d $((1 + (dice >> 33) % $2))
}

# Without what the recount does not have: the measures of g are held to those of one thread only.
same_numbers() { # FILE
	grep -v '^g|.*|d=' "$1" | cut -d'|' -f1-8 >got
	cut -d'|' -f1-8 exact | cmp - got
}

# The rows of a file are those wanted; NOTE says by which way they came.
equal() { # FILE NOTE...
	cmp -s "$1" "$want" && return
	echo "seed $seed, ${*:2}:"
	diff "$want" "$1" | head -n 10 | cut -c1-300
	return 1
}

in_db() { { oracle sqlite "$1" && stored -d "$1"; } >got && equal got "${@:2}"; }

# What a store holds.
stored() { for metric in g h; do hta-query "$@" history $metric --since 2025-12-31; done | oracle measures; }

# ---- plain ----

# As many bytes as make work for several threads: 4 MiB of a file at a time, 256 KiB of a pipe.
@test "plain: any order of the lines, any number of threads" {
	local i j from
	py make $((seed + 1)) 36000 >many
	[ "$(wc -c <many)" -gt $((4 << 20)) ]
	added_up many >exact
	feed hta-window -q $metrics many
	rows "$out" >want
	same_numbers want
	want=want
	for i in 1 2 3; do
		below j 3
		j=$((j + 1))
		py order $((seed + i)) -1 <many >mixed
		for from in "hta-window -q $quoted -j $j mixed" "cat mixed | hta-window -q $quoted -j $j"; do
			feed pipe "$from"
			rows "$out" >got
			equal got "order $i: $from"
		done
	done
}

@test "plain: any order within the lateness, none is late; beyond it the books balance" {
	local i j bound read
	# the seconds by which the events are mixed do not count: order begins from their times
	for i in 1 2 3 4 5; do
		below bound 300
		below j 4
		py order $((seed + i)) "$bound" <"$events" >mixed
		feed hta-window -q $metrics -j "$j" --lateness "${bound}s" mixed
		rows "$out" >got
		equal got "order $i within $bound s"
		py order $((seed + i)) -1 <"$events" >mixed
		feed hta-window -q --every 10s --by status --lateness "${bound}s" --late late mixed
		read=$(($(jq -s 'map(.count) | add' "$out") + $(wc -l <late)))
		[ "$read" = $lines ] || { echo "seed $seed, order $i, --lateness ${bound}s: $read of $lines"; return 1; }
		rm -f late
	done
}

@test "plain: any cut into files, in any order of the files" {
	local i n j
	for i in 1 2 3; do
		below n 6
		below j 4
		py deal $((seed + i)) "$n" "parts$i" <"$events"
		feed hta-window -q $metrics -j "$j" $(shuf -e --random-source=<(yes "$seed $i") "parts$i"/*)
		rows "$out" >got
		equal got "$n files, -j $j"
	done
}

# ---- bad for whom ----

# Metrics that ask for other fields of the same lines.
dirty_metrics=("${metrics%% --metric b*}" '--metric b --every 10s --by payload.region --value payload.price' '--metric c --every 1h --uniq user'
	"--metric d --where '.status==200 or .v>5' --by endpoint --agg 'sum(payload.price)' --agg 's=stddev(v) if .user'"
	"--metric e --every 20s --agg 'p99(v)' --agg 'uniq(user) if has(\"endpoint\")' --agg 'm=max(v) if .payload.price>0'")

# The rows of all dirty_metrics with these OPTIONS, counted together and each alone, by metric, in $1.together and $1.alone.
together_and_alone() { # NAME OPTIONS
	local m
	for m in "${dirty_metrics[@]}"; do pipe "hta-window -q --dead drop $2 $m dirty"; done | sort >"$1.alone"
	pipe "hta-window -q --dead drop $2 ${dirty_metrics[*]} dirty" | sort >"$1.together"
	[ "$(cut -d, -f1-3 "$1.together" | grep -oE '"metric":"."' | sort -u | wc -l)" = ${#dirty_metrics[@]} ]
	cmp "$1.alone" "$1.together" || { echo "seed $seed, $2"; return 1; }
}

@test "plain: a metric's rows are those of it alone, whatever is bad or late for the others" {
	local i options
	for i in 1 2 3; do
		py dirty $((seed + i)) $lines >dirty
		for options in "" "-j 3" "--lateness 10s" "--lateness 0s --max-ahead 20s"; do
			together_and_alone "rows$i" "$options"
		done
		[ "$(jq -s 'map(select(.metric == "c").count) | add' "rows$i.together")" -gt $((lines / 4)) ]
	done
}

@test "plain: each bad line is one dead letter, which names the metrics that lack it" {
	local name
	py dirty "$seed" $lines >dirty
	feed pipe "hta-window -q --dead dead ${dirty_metrics[*]} dirty"
	[ "$(jq .line dead | sort | uniq -d | wc -l)" = 0 ]
	for name in a b c e; do
		[ $(($(jq -s "map(select(.metric == \"$name\").count) | add" "$out") +
			$(jq -r .reason dead | grep -vc '^metric[s ]' || :) + $(jq -r .reason dead | grep -c ': ts is ' || :) +
			$(jq -r .reason dead | grep -v ': ts is ' | grep -cE "metrics? ([a-e], )*$name[:,]" || :))) = $lines ] || { echo "seed $seed: $name"; return 1; }
	done
}

@test "a job: lines that are bad for some metrics, against a recount; the books have each line once" {
	py dirty "$seed" $lines >dirty
	# without what is held, of which this recount knows nothing that is bad
	local abc=${metrics%%[[:space:]]--metric h*}
	abc=${abc%$'\n'}
	oracle dirty "${recounted[@]:0:3}" <dirty >exact
	hta-window -q --dead drop $abc dirty | oracle window >want
	same_numbers want
	want=want
	feed pipe "hta-consume -q --job j --epoch-records 333 dirty | hta-window -j 2 $abc | tee stream | hta-sink-sqlite --init db | hta-commit"
	in_db db "a job"
	jq -c 'select(.k == "bar").acct[1]' stream | jq -s '[map(.in), map(.agg // 0), map(.dead // 0)] | map(add)' -c >books
	[ "$(jq -c '.[0] == .[1] + .[2]' books)" = true ]
	# each bad line is a dead letter; those that count all the same are not dead in the books
	[ "$(sqlite3 db 'select count(*) from hta_dead')" -gt "$(jq '.[2]' books)" ]
	[ "$(sqlite3 db "select count(*) from hta_dead where reason not like '%; others count it'")" = "$(jq '.[2]' books)" ]
}

# ---- acknowledged ----

# Runs a job over FILES to its end in several pieces, each with another cut.
in_pieces() { # DB FILE...
	local options done=0 n j records ms
	while :; do
		below n $((lines / 2))
		below records $((n % 2 ? 40 : lines))
		below ms 50
		below j 3
		options="--epoch-records $records --epoch ${ms}ms"
		[ $done -ge $lines ] || options+=" -c $n"
		echo "$options" >>cuts
		feed pipe "hta-consume -q --job j $options ${*:2} | hta-window -q $quoted -j $j | hta-sink-sqlite --init '$1' | hta-commit"
		[ $done -lt $lines ] || return 0
		done=$((done + n))
	done
}

@test "a job: any cut into epochs and runs" {
	local i
	for i in 1 2 3; do
		rm -f cuts
		in_pieces "db$i" "$events"
		in_db "db$i" "$(paste -sd';' cuts)"
	done
}

@test "a job: an epoch for each record" {
	head -n 300 "$events" >few
	hta-window -q $metrics few >final
	rows final >want
	feed pipe "hta-consume -q --job j --epoch-records 1 few | hta-window -q $quoted | hta-sink-sqlite --init db | hta-commit -v"
	[ "$(grep -c 'epoch=' <<<"$stderr")" = 300 ]
	want=want
	in_db db "an epoch for each record"
}

@test "a job: any order of the lines, any deal to files, any cut" {
	local i n
	for i in 1 2 3; do
		rm -f cuts
		below n 5
		py order $((seed + i)) -1 <"$events" | py deal $((seed + i)) "$n" "parts$i"
		in_pieces "db$i" $(shuf -e --random-source=<(yes "$seed $i") "parts$i"/*)
		in_db "db$i" "order $i, $n files, $(paste -sd';' cuts)"
	done
}

@test "a job: the same in Postgres, Redis and SQLite" {
	with_service pg redis
	local done=0 options store n records
	py order "$seed" -1 <"$events" >mixed
	while :; do
		below n $((lines / 2))
		below records 600
		options="--epoch-records $records"
		[ $done -ge $lines ] || options+=" -c $n"
		feed pipe "hta-consume -q --job j $options mixed | hta-window -q $quoted | hta-sink-pg --init |
			hta-sink-redis --init --prefix $HTA_PREFIX --ttl never | hta-sink-sqlite --init db | hta-commit"
		[ $done -lt $lines ] || break
		done=$((done + n))
	done
	in_db db "into three stores"
	{ oracle pg && stored -d "host=$PGHOST"; } | cut -d'|' -f1-11 >pg
	{ oracle redis "$HTA_PREFIX" && stored -d "$REDIS_URL" --prefix "$HTA_PREFIX"; } | cut -d'|' -f1-11 >redis
	# but for the sketches' bytes: each store has its own form of them
	cut -d'|' -f1-11 "$want" >short
	for store in pg redis; do
		want=short equal $store "in $store"
	done
}

# One more member of the group. Those before it have partitions of their own all the time.
join_group() { # NUMBER
	local ms records j
	below ms 80
	below records 500
	below j 3
	spawn "m$1" bash -c "set -o pipefail; trap : TERM INT; hta-consume -v -b $HTA_BROKERS -t $topic -g $topic --epoch ${ms}ms --epoch-records $records |
		hta-window -q $quoted -j $j | hta-sink-sqlite --init db | hta-commit"
	members+=("$pid")
	wait_until 60 all_assigned "$1"
}

all_assigned() { # HOW-MANY
	local i
	for ((i = 1; i <= $1; i++)); do grep -oE '(assigned|revoked): [0-9]+' "m$i.err" | tail -n 1 | grep 'assigned: [1-9]' || return; done
}

@test "a group: any spread over partitions, any number of members that come and go" {
	with_service kafka
	local i partitions first second leaves members=()
	below partitions 4
	below first $((lines / 2))
	below second $((lines / 2))
	topic_new events $((2 + partitions))
	head -n "$first" "$events" | produce "$topic" -
	for i in 1 2 3; do join_group $i; done
	tail -n +$((first + 1)) "$events" | head -n "$second" | produce "$topic" -
	below leaves 3
	kill -TERM -- "-${members[leaves - 1]}"
	tail -n +$((first + second + 1)) "$events" | produce "$topic" -
	wait_until 60 has_at_least $lines
	kill -TERM -- "${members[@]/#/-}" 2>/dev/null || :
	for i in "${members[@]}"; do exits_with 0 60 "$i"; done
	in_db db "$first records first, $second while member $leaves leaves"
}

has_at_least() { [ "$(sqlite3 -cmd '.timeout 10000' db "select coalesce(sum(count), 0) from hta_rollups where metric = 'a'")" -ge "$1" ]; } # RECORDS
