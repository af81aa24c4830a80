# Publishes events, one of six twice, kills all programs half way, and counts again.
#
#	HTA_COUNT	events, a sixth of them twice (default 6000)
one='{"topic":"user.login","event_id":"evt-001","timestamp":"2025-10-24T10:00:00Z","source":"web-app","payload":{"user_id":"user-123","ip":"192.168.1.1"}}'
two='{"events":[{"topic":"order.created","event_id":"order-001","timestamp":"2025-10-24T10:00:00Z","source":"order-service","payload":{"order_id":1,"amount":100}},
	{"topic":"order.created","event_id":"order-002","timestamp":"2025-10-24T10:01:00Z","source":"order-service","payload":{"order_id":2,"amount":250}}]}'
say "one event: $(ask -H "$json" -d "$one" "$in/publish"), again: $(ask -H "$json" -d "$one" "$in/publish"), a batch: $(ask -H "$json" -d "$two" "$in/publish")"

# The load: topic and event_id name an event, one of six lines names an event that was there before.
count=${HTA_COUNT:-6000}
jq -nc --argjson n "$count" 'range($n) | (if . % 6 == 5 then . - 5 else . end) as $id |
	{topic: ["user.login", "user.logout", "order.created", "payment.processed"][$id % 4], event_id: "load-\($id)",
	 timestamp: "2026-01-01T00:00:00Z", source: "load", payload: {n: $id}}' >sent
split -n l/2 sent sent.
from=$(seconds)
post_each "$in/publish" <sent.aa >answers
to=$(seconds)
throughput=$(rate "$(wc -l <sent.aa)" "$from" "$to")

say "all programs are killed, started again, and the second half is published"
crash publish
crash reader
wait_for curl -sf "$in/health"
post_each "$in/publish" <sent.ab >>answers
awk '{ n[$1] += $2 } END { for (s in n) print "answered " s ": " n[s] }' answers | sort

unique=$(jq -r '[.topic, .event_id] | @tsv' sent | sort -u | wc -l)
stored() { sqlite3 events.db "SELECT count(*) FROM hta_events WHERE source = 'load'"; }
all_stored() { [ "$(stored)" -ge "$unique" ]; }
wait_for all_stored
same "unique events" "$(stored)" "$unique"
sqlite3 -separator $'\t' events.db "SELECT topic, event_id FROM hta_events WHERE source = 'load'" | LC_ALL=C sort |
	cmp - <(jq -r '[.topic, .event_id] | @tsv' sent | LC_ALL=C sort -u) || fail "what is stored is not what was published"
same "answered 201" "$(awk '$1 == 201 { n += $2 } END { print n }' answers)" "$unique"
same "answered 409" "$(awk '$1 == 409 { n += $2 } END { print n }' answers)" $((count - unique))

# One and its twin, and two, were published before the load.
counts() { curl -sS "$1/stats" | jq -r '"\(.received_count) \(.unique_processed) \(.duplicate_dropped)"'; }
same "statistics: received, unique, duplicates" "$(counts "$in")" "$((count + 4)) $((unique + 3)) $((count - unique + 1))"
wait_for curl -sf "$out/health"
same "events of a topic" "$(curl -sS "$out/events?topic=order.created&source=order-service&limit=10" | jq .count)" 2
say "reset: $(ask -X POST "$in/stats/reset"), and then: $(counts "$in")"
say "throughput: $throughput events a second, each durable before its answer (such a system, on its makers' machine: 710)"
