# Fills the topic, kills one of the two pipelines, and counts the topic again.
#
#	HTA_COUNT	events, 1,000 a second of event time (default 300000)
count=${HTA_COUNT:-300000}

# A fifth of the events is of one customer, and lands in one partition. They end half a minute into a minute, the last one
# that was: so there are as many rows whenever this runs, and enough events in the last of them to tell the hot keys.
from=$(seconds)
end=${from%.*}
end=$((end - (end + 30) % 60))
hta-gen --count "$count" --step 1ms --start "s@$(((end - count / 1000) * 1000))" --hot-key-prob 20% | hta-sink-kafka -b "$brokers" -t "$topic" --key customer
produced=$(seconds)

psql_at() { psql -XqAtF $'\t' -c "$1" 2>/dev/null; }
stored() { psql_at "SELECT sum(count) FROM hta_rollups WHERE metric = 'requests'"; }
some_stored() { [ "$(stored)" -gt 0 ]; }
all_stored() { [ "$(stored)" -ge "$count" ]; }
wait_for some_stored
say "one of two pipelines is killed, $(stored) events are stored"
crash one
wait_for all_stored
to=$(seconds)
wait_for curl -sf "$out/health"

# The recount knows nothing of windows: a line of window, endpoint, status, count and sum for each.
kcat -C -e -q -b "$brokers" -t "$topic" |
	jq -r '[(.ts[0:17] + "00Z"), .endpoint, .status, .latency_ms] | @tsv' |
	awk -F '\t' '{ k = $1 "\t" $2 "\t" $3; n[k]++; sum[k] += $4 } END { for (k in n) printf "%s\t%d\t%.3f\n", k, n[k], sum[k] }' | LC_ALL=C sort >recount
[ "$(awk -F '\t' '{ n += $4 } END { print n }' recount)" = "$count" ] || fail "the topic was not empty before"
in_postgres() {
	psql_at "SELECT to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), dims->>'endpoint', dims->>'status',
		count, round(sum, 3) FROM hta_rollups WHERE metric = 'requests'" | LC_ALL=C sort
}
in_redis() {
	hta-query -d "$REDIS_URL" history requests --since 2000-01-01 |
		jq -r '[.window_start, .dims.endpoint, .dims.status, .count, .sum] | @tsv' |
		awk -F '\t' '{ printf "%s\t%s\t%s\t%d\t%.3f\n", $1, $2, $3, $4, $5 }' | LC_ALL=C sort
}
in_postgres | cmp - recount || fail "Postgres is not what the topic has"
in_redis | cmp - recount || fail "Redis is not what the topic has"
# Unique users are estimated: by less than a twentieth beside those that are counted here.
kcat -C -e -q -b "$brokers" -t "$topic" | jq -r '[(.ts[0:17] + "00Z"), .endpoint, .status, .user_id] | @tsv' | LC_ALL=C sort -u | cut -f 1-3 | uniq -c |
	awk -v OFS='\t' '{ print $2, $3, $4, $1 }' >users
hta-query -d postgres:// history requests --since 2000-01-01 | jq -r '[.window_start, .dims.endpoint, .dims.status, .uniq] | @tsv' | LC_ALL=C sort |
	paste - users | awk '$1 != $5 || $2 != $6 || $3 != $7 || $4 > 1.05 * $8 + 1 || $4 < 0.95 * $8 - 1 { exit 1 }' || fail "unique users are not those of the topic"
# One customer a line, of the other metric.
kcat -C -e -q -b "$brokers" -t "$topic" | jq -r '[(.ts[0:17] + "00Z"), .customer] | @tsv' | LC_ALL=C sort | uniq -c | awk -v OFS='\t' '{ print $2, $3, $1 }' >customers
psql_at "SELECT to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), dims->>'customer', count FROM hta_rollups WHERE metric = 'customers'" |
	LC_ALL=C sort | cmp - customers || fail "customers are not those of the topic"
same "events in Postgres" "$(stored)" "$count"
say "rows in Postgres and in Redis: $(wc -l <recount), each as counted again"

say "hot keys, /top of the last minute: $(curl -sSf "$out/top?metric=customers&limit=3" | jq -c '[.rows[] | [.dims.customer, .count]]')"
say "/latest: $(curl -sSf "$out/latest?metric=requests" | jq '.rows | length') rows; /history: $(curl -sSf -H "Accept: text/csv" "$out/history?metric=requests" | head -n 1); documents: $out/docs"
say "produced: $(rate "$count" "$from" "$produced") events a second, stored twice while one pipeline was killed: $(rate "$count" "$from" "$to")"
