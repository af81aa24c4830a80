#!/usr/bin/env bash
# What has come since the last run, into a SQLite file, then leave. Says nothing when all is well: cron mails what goes wrong.
# examples/crontab has a line for it. While a run is still at it the next one leaves at once. After 69, 74, 75 or 76 nothing is lost:
# the next run takes it up. After 64, 65, 70, 78 every run says the same until somebody has seen to
# it, and nothing is stored meanwhile.
#
#	HTA_BROKERS	localhost:9092
#	HTA_TOPIC	events
#	HTA_GROUP	hta-cron
#	HTA_DB		/var/lib/hta/rollups.db
#	HTA_CONSUME	more options of hta-consume
set -o pipefail
trap : TERM INT

db=${HTA_DB:-/var/lib/hta/rollups.db}
exec 9>>"$db.lock"
flock -n 9 || exit 0

# shellcheck disable=SC2086
hta-consume -b "${HTA_BROKERS:-localhost:9092}" -t "${HTA_TOPIC:-events}" -g "${HTA_GROUP:-hta-cron}" --until end ${HTA_CONSUME:-} |
	hta-window --by endpoint,status --value latency_ms --uniq user_id |
	hta-sink-sqlite --init "$db" |
	hta-commit
