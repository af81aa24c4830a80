# Sends events, takes the archive away and brings it back, kills one of two consumers, counts again, and replays the archive.
#
#	HTA_COUNT	events, 2900 at most (default 2000)
#	HTA_AWAY, HTA_BACK	commands that take the archive's server away, and bring it back
count=${HTA_COUNT:-2000}

event='{"event_type":"page_view","user_id":"123","payload":{"page":"/home","referrer":"google.com"}}'
ask -H "$json" -d "$event" "$in/events" | grep -q 202 || fail "no event is taken"
say "an event: $(cat body)"
[ "$(ask -H "$json" -d '{"event_type":' "$in/events")" = 400 ] || fail "what is no JSON was taken"
jq -nc --argjson n "$count" 'range($n) | {event_id: "load-\(.)", event_type: ["page_view", "click", "purchase"][. % 3],
	user_id: "user\(. % 100)", timestamp: (1767225600 + 60 * . | todate), payload: {page: "/page\(.)"}}' >sent
half=$((count / 2))
from=$(seconds)
head -n $half sent | post_each "$in/events" >answers
say "${HTA_AWAY:+the archive is away, }one of two consumers is killed, and somebody writes no JSON into the topic"
eval "${HTA_AWAY:-}"
crash one
tail -n +$((half + 1)) sent | post_each "$in/events" >>answers
to=$(seconds)
printf 'no JSON\n{"event_type":"page_view"}\n' | kcat -P -b "$brokers" -t "${p}events.raw"
same "events answered 202" "$(awk '$1 == 202 { n += $2 } END { print n }' answers)" "$count"

# Everything of DynamoDB, by its own index, and what GraphQL makes of it.
stored() { hta-query -d "$hot" events --limit 100000 | grep -c '"event_id":"load-'; }
all_stored() { [ "$(stored)" -ge "$count" ]; }
wait_for all_stored
same "events in DynamoDB" "$(hta-query -d "$hot" events --limit 100000 | jq -r 'select(.event_id | startswith("load-")) | .event_id' | sort -u | wc -l)" "$count"
dead() { kcat -C -e -q -b "$brokers" -X isolation.level=read_committed -t "${p}events.dlq" -f '%s\n'; }
both_dead() { [ "$(dead | wc -l)" -ge 2 ]; }
wait_for both_dead
same "dead letters in events.dlq" "$(dead | sort | paste -sd' ')" 'no JSON {"event_type":"page_view"}'

wait_for curl -sf "$out/health"
query() { curl -sS -H "$json" -d "{\"query\": \"$1\"}" "$out/graphql"; }
say "latestEvents: $(query '{ latestEvents(limit: 2) { eventId eventType userId timestamp payload } }' | jq -c '.data.latestEvents | map(.eventId)')"
same "eventsByUser" "$(query '{ eventsByUser(userId: \"user7\") { eventId } }' | jq '.data.eventsByUser | length')" "$(jq -c 'select(.user_id == "user7")' sent | wc -l)"
same "eventsByType, of the payload of all" "$(query '{ eventsByType(eventType: \"page_view\", limit: 1000) { payload } }' | jq '.data.eventsByType | length')" "$(($(jq -c 'select(.event_type == "page_view")' sent | wc -l) + 1))"

[ -z "${HTA_BACK:-}" ] || say "the archive is back"
eval "${HTA_BACK:-}"
in_topic() { kcat -C -e -q -b "$brokers" -X isolation.level=read_committed -t "${p}events.raw" -f '%s\n' | LC_ALL=C sort; }
in_archive() { hta-consume "$cold" -e --dead drop | LC_ALL=C sort; }
caught_up() { [ "$(in_archive | wc -l)" -ge "$(in_topic | wc -l)" ]; }
wait_for caught_up
in_archive | cmp - <(in_topic) || fail "the archive is not what the topic has"
say "lines in the archive: $(in_archive | wc -l), those of the topic"

# The same rows, from the topic and from the archive.
rows() { hta-window --every 1h --by event_type --time timestamp --dead drop --top 100 | jq -c '[.window_start, .dims, .count]' | sort; }
in_topic | rows >rows.topic
hta-consume "$cold" -e --dead drop | rows | cmp - rows.topic || fail "a replay of the archive gives other rows"
say "rows of a replay: $(wc -l <rows.topic), those of the topic"
say "events: $(rate "$count" "$from" "$to") a second, each durable before its answer"
