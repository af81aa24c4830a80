# Sends orders and views, kills all programs and whatever HTA_DURING says in the middle, and counts again.
#
#	HTA_DURING	a command that is run in the middle of the load, such as the end of a broker
#	HTA_PROMETHEUS	of a server that scrapes gateway and reader (examples/prometheus), its URL; it is asked what it has seen

# Forty orders in each of twelve windows of five minutes, in the ninth five times as many, and a view each.
jq -nc 'range(12) as $w | (if $w == 8 then 200 else 40 end) as $n | range($n) |
	{user_id: "user_\(. % 50)", items: [{product_id: "prod_\(. % 7)", quantity: (1 + . % 3), price: (19.99 + $w)}],
	 timestamp: (1767225600 + $w * 300 + . * 300 / $n | floor | todate)}' >sent
jq -c '{user_id, product_id: .items[0].product_id, timestamp}' sent >seen
n=$(wc -l <sent)
jq -c 'select(.timestamp < "2026-01-01T00:30:00Z")' sent >first
jq -c 'select(.timestamp >= "2026-01-01T00:30:00Z")' sent >second

post_each "$in/api/v1/orders" <first >answers
post_each "$in/api/v1/product-views" <seen >seen.answers
say "all programs are killed in the middle of it, and started again"
for one in gateway orders views totals popular closed trends reader; do crash $one; done
wait_for curl -sf "$in/health"
eval "${HTA_DURING:-}"
from=$(seconds)
post_each "$in/api/v1/orders" <second >>answers
to=$(seconds)
same "orders answered 202" "$(awk '$1 == 202 { n += $2 } END { print n }' answers)" "$n"

psql_at() { psql -XqAtF $'\t' -c "$1" 2>/dev/null; }
counted() { psql_at "SELECT sum(count) FROM hta_rollups WHERE metric = '$1'"; } # METRIC
all_counted() { [ "$(counted order_aggregates)" -ge "$n" ] && [ "$(counted product_views)" -ge "$n" ]; }
wait_for all_counted

# What a reader sees that leaves open transactions out.
committed() { kcat -C -e -q -b "$brokers" -X isolation.level=read_committed -t "$p$1" -f "${2:-%s}\n"; } # TOPIC [FORMAT]
same "records in order_events" "$(committed order_events %o | wc -l)" "$n"
same "records in product_views" "$(committed product_views %o | wc -l)" "$n"

# The same, decoded.
decoded() { hta-consume -q -b "$brokers" -t "$p$1" -e --decode avro; } # TOPIC

# A line of window, count and total for each, of what was sent; the last window is open until something comes behind it.
jq -r '"\(.timestamp[0:14])\(.timestamp[14:16] | tonumber / 5 | floor * 5 + 100 | tostring[1:]):00Z\t\(.items[0] | .quantity * .price)"' sent |
	awk -F '\t' '{ n[$1]++; sum[$1] += $2 } END { for (w in n) printf "%s\t%d\t%.2f\n", w, n[w], sum[w] }' | sort >recount
rows() { psql_at "SELECT to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), count, round(sum, 2) FROM hta_rollups WHERE metric = 'order_aggregates'" | sort; }
rows | cmp - recount || fail "Postgres is not what was sent"
say "windows in Postgres: $(wc -l <recount), as counted again"
final() { decoded order_aggregates | jq -r '[.window_start, .count, .sum] | @tsv' | awk -F '\t' '{ printf "%s\t%d\t%.2f\n", $1, $2, $3 }' | sort; }
all_final() { [ "$(final | wc -l)" -ge $(($(wc -l <recount) - 1)) ]; }
wait_for all_final
final | cmp - <(sed '$d' recount) || fail "the topic of final windows is not what was sent, each once"
say "windows in order_aggregates: $(final | wc -l), each once"
same "keys in order_aggregates" "$(committed order_aggregates '%k' | grep -c '^order_aggregates|2026-')" "$(final | wc -l)"
alerted() { [ -n "$(decoded trend_alerts)" ]; }
wait_for alerted
say "trend_alerts: $(decoded trend_alerts | jq -c '[.alert, .window_start, .value]' | head -n 3)"
same "keys in trend_alerts" "$(committed trend_alerts '%k' | sort | head -n 3)" "$(decoded trend_alerts | jq -r .key | sort | head -n 3)"
wait_for curl -sf "$out/health"
say "for Prometheus, of $out/metrics: $(curl -sSf "$out/metrics" | grep -c '^hta_') series"
if [ -n "${HTA_PROMETHEUS:-}" ]; then
	prometheus() { curl -sSf -G "$HTA_PROMETHEUS/api/v1/query" --data-urlencode "query=$1" | jq -r '.data.result[0].value[1]'; }
	taken='sum(hta_ingest_events_total{topic="order_events", outcome="accepted"})'
	scraped() { [ "$(prometheus "sum(up{instance=~\".*:($HTA_IN|$HTA_OUT)\"})") $(prometheus "$taken")" = "2 $(wc -l <second)" ]; }
	wait_for scraped
	same "orders since the gateway began anew, in Prometheus" "$(prometheus "$taken")" "$(wc -l <second)"
fi
say "orders: $(rate "$(wc -l <second)" "$from" "$to") a second, each durable before its answer"
