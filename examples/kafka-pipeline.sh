#!/usr/bin/env bash
# The full pipeline: a Kafka topic, counted by minute into Postgres and Redis, each event once. It runs until it is told to stop; its exit code
# says whether to start it again (hta(7), EXIT STATUS): after 69, 74, 75, 76, with a bound on how
# often, as systemd/hta@.service has it. Bad records go to hta_dead in Postgres.
#
#	HTA_BROKERS	localhost:9092
#	HTA_TOPIC	events
#	HTA_GROUP	hta
#	HTA_PG		libpq's connection string; none: its environment (PGHOST, PGSERVICE, PGPASSFILE, ...)
#	REDIS_URL	redis://localhost:6379/0
#	HTA_TTL		how long Redis keeps a window: 7d
#	HTA_WINDOW	options of hta-window: --by endpoint,status --value latency_ms --uniq user_id
#	HTA_CONSUME	more options of hta-consume, such as --until end, or -F /etc/hta/kafka.conf for logins
#
# docker-compose.yml has the servers for a try: docker compose up -d, then PGHOST=localhost PGUSER=hta PGPASSWORD=hta examples/kafka-pipeline.sh
set -o pipefail
# a signal reaches every program at once; the shell waits for them to drain and returns their code
trap : TERM INT

export REDIS_URL=${REDIS_URL:-redis://localhost:6379/0}

# options are split into words on purpose
# shellcheck disable=SC2086
hta-consume -b "${HTA_BROKERS:-localhost:9092}" -t "${HTA_TOPIC:-events}" -g "${HTA_GROUP:-hta}" ${HTA_CONSUME:-} |
	hta-window ${HTA_WINDOW:---by endpoint,status --value latency_ms --uniq user_id} |
	hta-sink-pg --init ${HTA_PG:+"$HTA_PG"} |
	hta-sink-redis --init --ttl "${HTA_TTL:-7d}" |
	hta-commit
