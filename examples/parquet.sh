#!/usr/bin/env bash
# A day of an archive (hta-sink-s3) as one Parquet file, by DuckDB: for a cron job that runs when the day is over.
#
#	examples/parquet.sh s3://archive/web/events 2026-11-27 s3://archive/parquet/dt=2026-11-27/0.parquet
#
# The archive and the file may be folders, too. Needed: duckdb, and for s3:// its extension httpfs, which it gets by itself
# where it can; HTA_HTTPFS is its file where not. Keys and the server are those of hta-sink-s3: AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL.
set -euo pipefail
[ $# = 3 ] || { echo "usage: parquet.sh ARCHIVE DAY FILE" >&2; exit 64; }
from=$1/${2//-//} to=$3 s3=

case $from$to in
*s3://*)
	endpoint=${AWS_ENDPOINT_URL:-https://s3.${AWS_REGION:-us-east-1}.amazonaws.com}
	tls=true
	[ "${endpoint#http:}" = "$endpoint" ] || tls=false
	s3="LOAD '${HTA_HTTPFS:-httpfs}'; CREATE SECRET (TYPE s3, KEY_ID getenv('AWS_ACCESS_KEY_ID'), SECRET getenv('AWS_SECRET_ACCESS_KEY'),
		REGION '${AWS_REGION:-us-east-1}', ENDPOINT '${endpoint#*//}', USE_SSL $tls, URL_STYLE path);"
	;;
esac

# Lines that are no JSON are left out. A day's types are found in all of its records.
exec duckdb -bail -c "$s3 COPY (FROM read_ndjson_auto('$from/*.ndjson.*', ignore_errors = true, sample_size = -1, union_by_name = true)) TO '$to' (FORMAT parquet, COMPRESSION zstd);"
