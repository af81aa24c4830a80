# Sends batches, adds a rule and changes it meanwhile, kills two of the pipelines, and counts the batches again.
#
#	HTA_BATCHES	how many, 100 at most (default 10)
#	HTA_BATCH	events of all batches but the first, which has 10,000 (default 10000)
batches=${HTA_BATCHES:-10}
size=${HTA_BATCH:-10000}

# What making or changing a rule is answered.
rule() { # ID WINDOW [MEMBER...]
	ask -H "$json" -d "{\"rule_id\":\"$1\",\"window_size\":\"$2\",\"metric\":\"count\",\"group_by\":[\"event_type\"]${3:+,$3}}" "$out/aggregation-rule"
}

# A batch: events over three hours, six kinds of them.
batch() { # N EVENTS
	jq -nc --argjson n "$1" --argjson events "$2" '[range($events) | {event_id: "\($n)-\(.)", user_id: "user_\(. % 500)",
		event_type: ["click", "purchase", "view", "login", "search", "share"][(. * 7 + $n) % 6],
		timestamp: (1768644000 + . | todate), payload: {product_id: (. % 42), price: 19.99}}]' >"batch.$1"
}
batch 1 10000
for n in $(seq 2 "$batches"); do batch "$n" "$size"; done
post_batch() { # N
	[ "$(ask -H "$json" -d "@batch.$1" "$in/ingest")" = 202 ] || fail "batch $1 is answered $(cat body)"
}
from=$(seconds)
post_batch 1
to=$(seconds)
say "one request: $(cat body), $(rate 10000 "$from" "$to") events a second, durable (such a system, on its makers' machine: 96000, before Kafka has them)"

say "a rule more while it runs: $(rule clicks_5m 5m '"active":true'), the same again: $(rule clicks_5m 5m '"active":true')"
wait_for grep -q 'rule clicks_5m' aggregation.log
half=$((1 + batches / 2))
for n in $(seq 2 "$half"); do post_batch "$n"; done
say "modified: $(rule clicks_5m 1m '"version":2'), paused: $(rule clicks_5m 1m '"version":2,"active":false'), resumed: $(rule clicks_5m 1m '"version":3')"
# a rule is known by its name once something was counted
value() { curl -sS -G "$out/stats" -d rule_id=rule_10m_event_type -d start_time=2026-01-17T00:00:00Z -d end_time=2026-01-18T00:00:00Z | jq "$1"; }
some_counted() { [ "$(value '[.data[].value] | add')" -gt 0 ]; }
wait_for some_counted
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
all_counted() { [ "$(value '[.data[].value] | add')" -ge $total ]; }
wait_for all_counted
wait_for curl -sf "$out/health"
jq -r '.[] | "\(.timestamp[0:15])0:00\t\(.event_type)"' batch.* | sort | uniq -c | awk '{ print $2 "\t" $3 "\t" $1 }' >recount
value '.data[] | [.window_start, .event_type, .value] | @tsv' | jq -r . | sort | cmp - recount || fail "ClickHouse is not what was sent"
same "rows of rule_10m_event_type" "$(value '.data | length')" "$(wc -l <recount)"
same "events counted" "$(value '[.data[].value] | add')" "$total"
facts() { hta-query -d "$CLICKHOUSE_URL" events --limit 1000000 | wc -l; }
all_there() { [ "$(facts)" -ge $total ]; }
wait_for all_there
same "events in events_fact" "$(facts)" "$total"
if [ "$MONGODB_URI" != - ]; then
	raw() { hta-query -d "$MONGODB_URI" events --table raw_events --limit 1000000 | wc -l; }
	wanted=$(jq -c ".[] | select(${HTA_RAW:-true})" batch.* | wc -l)
	all_raw() { [ "$(raw)" -ge "$wanted" ]; }
	WAIT=300 wait_for all_raw
	same "documents in raw_events" "$(raw)" "$wanted"
fi
say "live: $(curl -sS -N --max-time 12 -H 'Accept: text/event-stream' "$out/live-stats?rules=rule_10m_event_type" 2>/dev/null | sed -n 's/^data: *//p' | head -n 1 | jq -c '[.rule_id, .data[0]]')"
say "requests at once: $(rate $(((batches - half) * size)) "$from" "$to") events a second (such a system: 31000)"
