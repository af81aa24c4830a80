#!/usr/bin/env bash
# Orders and product views over HTTP, in Avro in a cluster of three brokers, each once; their five-minute windows in
# Postgres and, when they are over, in a topic; alerts where there are twice as many as usual: what a gateway with a
# transactional producer, three stream processors and a loader do.
#
#	HTA_BROKERS	localhost:9192,localhost:9194,localhost:9196
#	HTA_REGISTRY	http://localhost:8081/apis/ccompat/v7, of schemas
#	HTA_PREFIX	before all names of topics and groups, if there is one; the topics are there, and empty
#	PGHOST, ...	libpq's environment
#	HTA_TIMESCALE	1: tables are TimescaleDB's
#	HTA_DURING	a command that is run in the middle of the load, such as the end of a broker
. "$(dirname "$0")/common.sh"
brokers=${HTA_BROKERS:-localhost:9192,localhost:9194,localhost:9196}
export HTA_REGISTRY=${HTA_REGISTRY:-http://localhost:8081/apis/ccompat/v7}
p=${HTA_PREFIX:+$HTA_PREFIX.}
# what a program leaves open that dies keeps readers waiting for ten seconds at most
to_topic="hta-sink-kafka -b $brokers -X transaction.timeout.ms=10000 --init --positions ${p}positions --dead-topic ${p}orders.dlq -t $p"
of_topic="hta-consume -b $brokers -X session.timeout.ms=6000 --epoch 200ms --decode avro"
to_pg="hta-sink-pg --init${HTA_TIMESCALE:+ --timescale}"

# here, or where they are installed
routes=$here/../routes
route() { if [ -d "$routes" ]; then printf "'%s/%s.json'" "$routes" "$1"; else printf %s "$1"; fi; } # NAME
service gateway "hta-ingest -l $HTA_IN --log log --only-log \
	--route /api/v1/orders=order_events:$(route orders) --route /api/v1/product-views=product_views:$(route product-views)"
wait_for curl -sf "$in/health"
service orders "hta-consume --job ${p}orders --log log --epoch 200ms | hta-filter --where '.topic == \"order_events\"' |
	${to_topic}order_events --key user_id --encode avro --register --schema '$here/order.avsc' | hta-commit"
service views "hta-consume --job ${p}views --log log --epoch 200ms | hta-filter --where '.topic == \"product_views\"' |
	${to_topic}product_views --key user_id --encode avro --register --schema '$here/product-view.avsc' | hta-commit"
service totals "$of_topic -t ${p}order_events -g ${p}event-aggregator |
	hta-window --metric order_aggregates --every 5m --time timestamp --lateness 1m --value total | $to_pg | hta-commit"
service popular "$of_topic -t ${p}product_views -g ${p}views-aggregator |
	hta-window --metric product_views --every 5m --time timestamp --by product_id | $to_pg | hta-commit"
closed="hta-consume --job ${p}closed --final order_aggregates -d postgres:// --epoch 200ms | ${to_topic}order_aggregates | hta-commit"
trends="hta-trend -d postgres:// --init --follow --factor 2 order_aggregates | ${to_topic}trend_alerts"

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
for one in gateway orders views totals popular; do crash $one; done
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
service closed "$closed"
service trends "$trends"
service reader "hta-serve -l $HTA_OUT -d postgres://"

# What a reader sees that leaves open transactions out.
committed() { kcat -C -e -q -b "$brokers" -X isolation.level=read_committed -t "$p$1" -f "${2:-%s}\n"; } # TOPIC [FORMAT]
same "records in order_events" "$(committed order_events %o | wc -l)" "$n"
same "records in product_views" "$(committed product_views %o | wc -l)" "$n"

# A line of window, count and total for each, of what was sent; the last window is open until something comes behind it.
jq -r '"\(.timestamp[0:14])\(.timestamp[14:16] | tonumber / 5 | floor * 5 + 100 | tostring[1:]):00Z\t\(.items[0] | .quantity * .price)"' sent |
	awk -F '\t' '{ n[$1]++; sum[$1] += $2 } END { for (w in n) printf "%s\t%d\t%.2f\n", w, n[w], sum[w] }' | sort >recount
rows() { psql_at "SELECT to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), count, round(sum, 2) FROM hta_rollups WHERE metric = 'order_aggregates'" | sort; }
rows | cmp - recount || fail "Postgres is not what was sent"
say "windows in Postgres: $(wc -l <recount), as counted again"
final() { committed order_aggregates | jq -r '[.window_start, .count, .sum] | @tsv' | awk -F '\t' '{ printf "%s\t%d\t%.2f\n", $1, $2, $3 }' | sort; }
all_final() { [ "$(final | wc -l)" -ge $(($(wc -l <recount) - 1)) ]; }
wait_for all_final
final | cmp - <(sed '$d' recount) || fail "the topic of final windows is not what was sent, each once"
say "windows in order_aggregates: $(final | wc -l), each once"
alerted() { committed trend_alerts | grep -q .; }
wait_for alerted
say "trend_alerts: $(committed trend_alerts | jq -c '[.alert, .window_start, .value]' | head -n 3)"
wait_for curl -sf "$out/health"
say "for Prometheus, of $out/metrics: $(curl -sSf "$out/metrics" | grep -c '^hta_') series"
say "orders: $(rate "$(wc -l <second)" "$from" "$to") a second, each durable before its answer"
stay
finish gateway orders views totals popular closed trends reader
