#!/usr/bin/env bash
# Counts archived files into a SQLite file: examples/replay-files.sh ROLLUPS.db FILE...
#
# Files may be compressed by gzip or zstd. They are one job: what was counted is not counted again, so this may be interrupted, and run again with more files,
# or with the same ones after they have grown, been renamed or compressed.
#
#	HTA_JOB		replay
#	HTA_WINDOW	options of hta-window: --by endpoint,status --value latency_ms --uniq user_id
set -o pipefail
trap : TERM INT

[ $# -ge 2 ] || { echo "usage: ${0##*/} ROLLUPS.db FILE..." >&2; exit 64; }
store=$1
shift

# shellcheck disable=SC2086
hta-consume --job "${HTA_JOB:-replay}" -- "$@" |
	hta-window ${HTA_WINDOW:---by endpoint,status --value latency_ms --uniq user_id} -j "$(nproc)" |
	hta-sink-sqlite --init -- "$store" |
	hta-commit
