#!/usr/bin/env bash
# Events over HTTP into a topic, from there by two pipelines of one group into DynamoDB, and by a pipeline of its own
# into an archive in S3, with dead letters in a topic, and GraphQL over what is there: what a producer API, two
# consumers and a GraphQL service do.
#
#	HTA_BROKERS	localhost:9092
#	HTA_PREFIX	before all names of topics and groups, if there is one; the topics are there, and empty
#	HTA_DYNAMO	dynamodb:///events_hot, and AWS_ENDPOINT_URL_DYNAMODB, AWS_REGION, ... for who is not Amazon's
#	HTA_ARCHIVE	s3://event-platform/raw, an empty place, and AWS_ENDPOINT_URL_S3, ...
. "$(dirname "$0")/common.sh"
brokers=${HTA_BROKERS:-localhost:9092}
hot=${HTA_DYNAMO:-dynamodb:///events_hot}
cold=${HTA_ARCHIVE:-s3://event-platform/raw}
p=${HTA_PREFIX:+$HTA_PREFIX.}
consume="hta-consume -b $brokers -t ${p}events.raw -X session.timeout.ms=6000 --epoch 200ms"

cat >event.schema.json <<'E2'
{"type": "object", "required": ["event_id", "event_type", "user_id", "timestamp"],
 "properties": {"event_type": {"type": "string"}, "user_id": {"type": "string"}, "payload": {"type": "object"}}}
E2
processor="$consume -g ${p}event-processors | hta-validate --schema event.schema.json |
	hta-sink-dynamo --init --positions hot.db --time timestamp '$hot' | hta-sink-kafka -b $brokers --dead -t ${p}events.dlq | hta-commit"
archive="$consume -g ${p}archive --dead drop | hta-sink-s3 --time timestamp --positions archive.db --init '$cold' | hta-commit"

service producer "hta-ingest -l $HTA_IN --log log --job ${p}producer |
	hta-sink-kafka -b $brokers -t ${p}events.raw --key user_id --init --positions ${p}positions --dead-topic ${p}events.dlq | hta-commit"
wait_for curl -sf "$in/health"
service one "$processor"
service two "$processor"
service archive "$archive"
service graphql "hta-serve -l $HTA_OUT -d '$hot'"

check
stay
finish producer one two archive graphql
