#!/usr/bin/env bash
# Publications over HTTP, each once, with statistics: what a service of Flask, a pool of workers and a unique
# constraint in SQLite does. `curl localhost:8000/publish`, 201 or 409; /events and /stats on localhost:8080.
. "$(dirname "$0")/common.sh"

# who publishes a second time is answered 409 within a week, and among the last five million at least; later, 201, and
# the store has it once all the same
service publish "hta-ingest -l $HTA_IN --log log --job dedup --dedup 7d --dedup-ids 10000000 |
	hta-sink-sqlite --init --events --key topic,event_id --time timestamp events.db | hta-commit"
wait_for curl -sf "$in/health"
service reader "hta-serve -l $HTA_OUT -d events.db --log log"
wait_for curl -sf "$out/health"

check
stay
finish publish reader
