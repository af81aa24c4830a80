#!/usr/bin/env bash
# Orders and product views over HTTP, in Avro in a cluster of three brokers, each once; their five-minute windows in
# Postgres and, when they are over, in a topic; alerts where there are twice as many as usual: what a gateway with a
# transactional producer, three stream processors and a loader do. What stands in topics is Avro and has a key: orders and
# views their user, rows metric, window and dimensions, alerts what they are about.
#
#	HTA_BROKERS	localhost:9192,localhost:9194,localhost:9196
#	HTA_REGISTRY	http://localhost:8081/apis/ccompat/v7, of schemas
#	HTA_PREFIX	before all names of topics and groups, if there is one; the topics are there, and empty
#	PGHOST, ...	libpq's environment
#	HTA_TIMESCALE	1: tables are TimescaleDB's
. "$(dirname "$0")/common.sh"
brokers=${HTA_BROKERS:-localhost:9192,localhost:9194,localhost:9196}
export HTA_REGISTRY=${HTA_REGISTRY:-http://localhost:8081/apis/ccompat/v7}
p=${HTA_PREFIX:+$HTA_PREFIX.}
# what a program leaves open that dies keeps readers waiting for ten seconds at most
to_topic="hta-sink-kafka -b $brokers -X transaction.timeout.ms=10000 --init --positions ${p}positions --dead-topic ${p}orders.dlq -t $p"
avro="--encode avro --register --schema $(printf %q "$here")"
of_topic="hta-consume -b $brokers -X session.timeout.ms=6000 --epoch 200ms --decode avro"
to_pg="hta-sink-pg --init${HTA_TIMESCALE:+ --timescale}"

# here, or where they are installed
routes=$here/../routes
route() { if [ -d "$routes" ]; then printf "'%s/%s.json'" "$routes" "$1"; else printf %s "$1"; fi; } # NAME
service gateway "hta-ingest -l $HTA_IN --log log --only-log \
	--route /api/v1/orders=order_events:$(route orders) --route /api/v1/product-views=product_views:$(route product-views)"
wait_for curl -sf "$in/health"
service orders "hta-consume --job ${p}orders --log log --epoch 200ms | hta-filter --where '.topic == \"order_events\"' |
	${to_topic}order_events --key user_id $avro/order.avsc | hta-commit"
service views "hta-consume --job ${p}views --log log --epoch 200ms | hta-filter --where '.topic == \"product_views\"' |
	${to_topic}product_views --key user_id $avro/product-view.avsc | hta-commit"
service totals "$of_topic -t ${p}order_events -g ${p}event-aggregator |
	hta-window --metric order_aggregates --every 5m --time timestamp --lateness 1m --value total | $to_pg | hta-commit"
service popular "$of_topic -t ${p}product_views -g ${p}views-aggregator |
	hta-window --metric product_views --every 5m --time timestamp --by product_id | $to_pg | hta-commit"
# what reads a metric wants it to be there
wait_for bash -o pipefail -c "hta-query -d postgres:// metrics | grep order_aggregates"
service closed "hta-consume --job ${p}closed --final order_aggregates -d postgres:// --epoch 200ms |
	${to_topic}order_aggregates $avro/row.avsc | hta-commit"
service trends "hta-trend -d postgres:// --init --follow --factor 2 order_aggregates | ${to_topic}trend_alerts --key key $avro/alert.avsc"
service reader "hta-serve -l $HTA_OUT -d postgres://"

check
stay
finish gateway orders views totals popular closed trends reader
