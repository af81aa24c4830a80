#!/usr/bin/env bash
# Events of a topic, counted by the minute into Redis for dashboards and Postgres for history, with an API: what an
# aggregator of asyncio, in-memory windows and upserts does. Two pipelines share the topic's six partitions.
#
#	HTA_BROKERS	localhost:9092
#	HTA_TOPIC	events.raw, empty at first, of six partitions
#	HTA_GROUP	hta
#	PGHOST, ...	libpq's environment
#	REDIS_URL	redis://localhost:6379/0; a password is in REDISCLI_AUTH
. "$(dirname "$0")/common.sh"
brokers=${HTA_BROKERS:-localhost:9092}
topic=${HTA_TOPIC:-events.raw}
export REDIS_URL=${REDIS_URL:-redis://localhost:6379/0}

pipeline="hta-consume -b $brokers -t $topic -g ${HTA_GROUP:-hta} -X session.timeout.ms=6000 --epoch 200ms |
	hta-window --metric requests --every 60s --by endpoint,status --value latency_ms --uniq user_id \
		--metric customers --every 60s --by customer |
	hta-sink-redis --init --ttl 7d | hta-sink-pg --init | hta-commit"
service one "$pipeline"
service two "$pipeline"
service reader "hta-serve -l $HTA_OUT --redis '$REDIS_URL' -d postgres://"

check
stay
finish one two reader
