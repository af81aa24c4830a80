#!/usr/bin/env bash
# Batches of 10,000 events over HTTP into a topic, from there into ClickHouse, as they came and aggregated by rules that
# change while they run, and into MongoDB; statistics over HTTP and, every few seconds, over a WebSocket: what an ingestion
# API, a scheduler and an analytics API do.
#
#	HTA_BROKERS	localhost:9092
#	HTA_PREFIX	before all names of topics and groups, if there is one; events and events.dlq are there, and empty
#	CLICKHOUSE_URL	clickhouse://localhost:8123/default
#	MONGODB_URI	mongodb://localhost/analytics; -: no MongoDB here
#	HTA_RAW		which events go there, a predicate of jq (default: all)
. "$(dirname "$0")/common.sh"
brokers=${HTA_BROKERS:-localhost:9092}
export CLICKHOUSE_URL=${CLICKHOUSE_URL:-clickhouse://localhost:8123/default}
export MONGODB_URI=${MONGODB_URI:-mongodb://localhost/analytics}
p=${HTA_PREFIX:+$HTA_PREFIX.}
consume="hta-consume -b $brokers -t ${p}events -X session.timeout.ms=6000 --epoch 200ms --dead drop"
mkdir -p rules

service ingestion "hta-ingest -l $HTA_IN --log log --job ${p}ingestion |
	hta-sink-kafka -b $brokers -t ${p}events --key user_id --init --positions ${p}positions --dead-topic ${p}events.dlq | hta-commit"
wait_for curl -sf "$in/health"
service facts "$consume -g ${p}facts | hta-sink-clickhouse --events --time timestamp --init --positions facts.db | hta-commit"
[ "$MONGODB_URI" = - ] ||
	service raw "$consume -g ${p}raw ${HTA_RAW:+| hta-filter --where '$HTA_RAW'} | hta-sink-mongo --init --collection raw_events --time timestamp | hta-commit"

# A rule is there before anything is counted; others come over HTTP.
echo '{"rule_id":"rule_10m_event_type","window_size":"10m","metric":"count","group_by":["event_type"],"active":true}' >rules/rule_10m_event_type.json
service aggregation "$consume -g ${p}aggregation | hta-window -v --rules rules --time timestamp | hta-sink-clickhouse --init --positions agg.db | hta-commit"
service analytics "hta-serve -l $HTA_OUT -d '$CLICKHOUSE_URL' --rules rules --push ${HTA_PUSH:-5s}"
wait_for curl -sf "$out/health"

check
stay
finish ingestion facts ${loops[raw]:+raw} aggregation analytics
