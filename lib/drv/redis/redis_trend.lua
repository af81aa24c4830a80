-- What hta-trend keeps. KEYS: 1 the rule's hash t:METRIC:RULE, 2 its alerts a:METRIC:RULE. ARGV: 1 a verb, then its operands.
local call, rule, alerts = redis.call, KEYS[1], KEYS[2]
local verbs = {}

-- Everything that is called, on a key that is the tag's: operand 1.
function verbs.may(k)
	return denied(k, {
		{ 'DEL', k },
		{ 'HSET', k, 'a', 1 },
		{ 'HGET', k, 'a' },
		{ 'HMGET', k, 'a' },
		{ 'DEL', k },
		{ 'ZADD', k, 1, 'a' },
		{ 'ZCARD', k },
		{ 'DEL', k },
	}) or { 'ok' }
end

-- Operands: turn, settings, judged, state; then end, text of each alert.
function verbs.store(turn, settings, judged, state)
	if (call('HGET', rule, 'turn') or '0') ~= turn then
		return 0
	end
	for i = 6, #ARGV, 2 do
		call('ZADD', alerts, ARGV[i], ARGV[i + 1])
	end
	call('HSET', rule, 'turn', string.format('%.0f', turn + 1), 'settings', settings, 'judged', judged, 'state', state)
	return 1
end

-- Answers how many alerts there were.
function verbs.drop()
	local n = call('ZCARD', alerts)
	call('DEL', rule, alerts)
	return n
end

return verbs[ARGV[1]](ARGV[2], ARGV[3], ARGV[4], ARGV[5])
