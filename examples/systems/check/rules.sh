# Sends batches, adds rules and changes one meanwhile, kills two of the pipelines, and counts the batches again.
#
#	HTA_BATCHES	how many, 100 at most (default 10)
#	HTA_BATCH	events of all batches but the first, which has 10,000 (default 10000)
batches=${HTA_BATCHES:-10}
size=${HTA_BATCH:-10000}

# What making or changing a rule is answered.
rule() { # ID WINDOW METRIC [MEMBER...]
	ask -H "$json" -d "{\"rule_id\":\"$1\",\"window_size\":\"$2\",\"metric\":\"$3\",\"group_by\":[\"event_type\"]${4:+,$4}}" "$out/aggregation-rule"
}

# A batch: events over three hours, six kinds of them, prices in cents.
batch() { # N EVENTS
	jq -nc --argjson n "$1" --argjson events "$2" '[range($events) | {event_id: "\($n)-\(.)", user_id: "user_\(. % 500)",
		event_type: ["click", "purchase", "view", "login", "search", "share"][(. * 7 + $n) % 6],
		timestamp: (1768644000 + . | todate), payload: {product_id: (. % 42), price: ((. * 37 + $n) % 10000 / 100)}}]' >"batch.$1"
}
batch 1 10000
for n in $(seq 2 "$batches"); do batch "$n" "$size"; done
post_batch() { # N
	[ "$(ask -H "$json" -d "@batch.$1" "$in/ingest")" = 202 ] || fail "batch $1 is answered $(cat body)"
}

# Rows of a rule on a day, RULE@N of one of its versions: window, kind, value.
rows() { # RULE [DAY]
	local day=${2:-17}
	curl -sS -G "$out/stats" -d limit=10000 --data-urlencode "rule_id=$1" -d "start_time=2026-01-${day}T00:00:00Z" -d "end_time=2026-01-$((day + 1))T00:00:00Z" |
		jq -r '.data[] | [.window_start, .event_type, .value] | @tsv' | sort
}
counted() { rows rule_10m_event_type | awk '{ n += $3 } END { print n + 0 }'; }

# Rules that were read take effect at the next barrier: events of the day before bring one, until the rule has counted one
# of them. So it has all that is sent behind.
openings=0
opening() { # RULE@VERSION
	openings=$((openings + 1))
	jq -c --arg n "$openings" '[.[0] | .event_id = "opening-" + $n | .timestamp = "2026-01-16T12:00:00Z"]' batch.1 >"batch.$((100 + openings))"
	post_batch $((100 + openings))
	[ -n "$(rows "$1" 16)" ]
}
in_force() { wait_for opening "$1"; } # RULE@VERSION

say "rules more while it runs: $(rule clicks_5m 5m count '"active":true') $(rule sum_price 10m sum '"field":"payload.price"') $(rule avg_price 10m avg '"field":"payload.price"'), the same again: $(rule clicks_5m 5m count '"active":true')"
for one in clicks_5m sum_price avg_price; do in_force $one@1; done

from=$(seconds)
post_batch 1
to=$(seconds)
say "one request: $(cat body), $(rate 10000 "$from" "$to") events a second, durable (such a system, on its makers' machine: 96000, before Kafka has them)"
half=$((1 + batches / 2))
for n in $(seq 2 "$half"); do post_batch "$n"; done
half_counted() { [ "$(counted)" -ge $((10000 + (half - 1) * size)) ]; }
wait_for half_counted
say "modified: $(rule clicks_5m 1m count '"version":2'), paused: $(rule clicks_5m 1m count '"version":2,"active":false'), resumed: $(rule clicks_5m 1m count '"version":3')"
in_force clicks_5m@3
eval "${HTA_DURING:-}"
crash aggregation
crash facts
for n in $(seq $((half + 1)) "$batches"); do
	printf 'url = "%s/ingest"\nheader = "%s"\ndata = "@batch.%s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nnext\n' "$in" "$json" "$n"
done | sed '$d' >post.conf
from=$(seconds)
[ "$(curl --parallel --parallel-immediate --no-progress-meter -K post.conf | sort -u)" = 202 ] || fail "not all batches are answered 202"
to=$(seconds)

total=$((10000 + (batches - 1) * size))
all_counted() { [ "$(counted)" -ge $total ]; }
wait_for all_counted
wait_for curl -sf "$out/health"

# Events of batches, counted again in windows of so many minutes; the value is what jq makes of $n events and $cents.
recount() { # MINUTES VALUE BATCH...
	jq -r --argjson s "$1" '.[] | [(.timestamp | fromdate | . - . % (60 * $s) | todate[:-1]), .event_type, (.payload.price * 100 | round)] | @tsv' "${@:3}" |
		awk -F '\t' '{ n[$1 FS $2]++; cents[$1 FS $2] += $3 } END { for (k in n) print k FS n[k] FS cents[k] }' |
		jq -Rr "split(\"\t\") | (.[2] | tonumber) as \$n | (.[3] | tonumber) as \$cents | [.[0], .[1], $2] | @tsv" | sort
}
are_rows() { # RULE, and as recount
	recount "${@:2}" >recount
	rows "$1" | cmp - recount || fail "rows of $1 are not what was sent"
	same "rows of $1" "$(rows "$1" | wc -l)" "$(wc -l <recount)"
}
all=() before=() behind=()
for n in $(seq 1 "$batches"); do
	all+=("batch.$n")
	if [ "$n" -le "$half" ]; then before+=("batch.$n"); else behind+=("batch.$n"); fi
done
are_rows rule_10m_event_type 10 "\$n" "${all[@]}"
are_rows sum_price 10 "\$cents / 100" "${all[@]}"
are_rows avg_price 10 "\$cents / (\$n * 100)" "${all[@]}"
are_rows clicks_5m@1 5 "\$n" "${before[@]}"
are_rows clicks_5m 1 "\$n" "${behind[@]}"
same "events counted" "$(counted)" "$total"
total=$((total + openings))
facts() { hta-query -d "$CLICKHOUSE_URL" events --limit 10000000 | wc -l; }
all_there() { [ "$(facts)" -ge $total ]; }
wait_for all_there
same "events in events_fact" "$(facts)" "$total"
if [ "$MONGODB_URI" != - ]; then
	raw() { hta-query -d "$MONGODB_URI" events --table raw_events --limit 10000000 | wc -l; }
	wanted=$(jq -c ".[] | select(${HTA_RAW:-true})" batch.* | wc -l)
	all_raw() { [ "$(raw)" -ge "$wanted" ]; }
	WAIT=300 wait_for all_raw
	same "documents in raw_events" "$(raw)" "$wanted"
fi
say "live: $(curl -sS -N --max-time 12 -H 'Accept: text/event-stream' "$out/live-stats?rules=rule_10m_event_type" 2>/dev/null | sed -n 's/^data: *//p' | head -n 1 | jq -c '[.rule_id, .data[0]]')"
say "requests at once: $(rate $(((batches - half) * size)) "$from" "$to") events a second (such a system: 31000)"
