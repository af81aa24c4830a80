-- What Redis keeps of a job. KEYS: 1 job:.., 2 pos:... ARGV: 1 the tag, 2 a verb, then its operands (lists of any length are read from ARGV itself).
local call, tag, job, pos = redis.call, ARGV[1], KEYS[1], KEYS[2]
local verbs = {}

-- Everything that the sink's scripts call: may this user, and does this server know it? A refusal in their midst would leave half an epoch.
function verbs.may_write()
	local k = tag .. 'tmp'
	local time = redis.pcall('TIME')
	local now = time.err and 0 or time[1]
	return denied(k, {
		{ 'TIME' },
		{ 'DEL', k },
		{ 'SET', k, '' },
		{ 'STRLEN', k },
		{ 'GETRANGE', k, 0, 3 },
		{ 'GET', k },
		{ 'DEL', k },
		{ 'PFADD', k, 'a' },
		{ 'PFMERGE', k },
		{ 'PFCOUNT', k },
		{ 'DEL', k },
		{ 'HSET', k, 'a', 1, 'b', 2 },
		{ 'HSETNX', k, 'c', 1 },
		{ 'HMGET', k, 'a', 'b' },
		{ 'HGET', k, 'a' },
		{ 'HGETALL', k },
		{ 'HEXISTS', k, 'a' },
		{ 'HLEN', k },
		{ 'HKEYS', k },
		{ 'HDEL', k, 'a' },
		{ 'EXPIREAT', k, now + 60 },
		{ 'PERSIST', k },
		{ 'DEL', k },
		{ 'ZADD', k, 1, 'a', 'inf', 'b' },
		{ 'ZSCORE', k, 'a' },
		{ 'ZCARD', k },
		{ 'ZRANGE', k, 0, 0 },
		{ 'ZRANGEBYSCORE', k, '-inf', 5, 'LIMIT', 0, 1 },
		{ 'ZREVRANGE', k, 0, 0, 'WITHSCORES' },
		{ 'ZREM', k, 'a' },
		{ 'DEL', k },
	}) or { 'ok' }
end

-- Generation, group and so on; positions.
function verbs.state()
	return { call('HGETALL', job), call('HGETALL', pos) }
end

-- Operands: generation, group, by_now, 1: where there is none; then field, offset of each partition.
function verbs.init(generation, group, by_now, fresh)
	local stored = call('HGET', job, 'generation')
	call('HLEN', pos)
	if call('HEXISTS', job, 'resetting') == 1 then
		return { 'resetting' }
	end
	if not stored and fresh == '1' then
		call('HSET', job, 'generation', generation, 'group', group, 'by_now', by_now, 'lateness_us', 0)
	elseif stored ~= generation then
		return { 'conflict', stored or '' }
	elseif fresh == '1' then
		return { 'applied' }
	end
	for i = 7, #ARGV, 2 do
		call('HSETNX', pos, ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 1] .. ' - - - - 0')
	end
	return { 'ok' }
end

-- Operands: generation, rules ('' none) that were found; the set, the rules that are to be; then field, next of each partition that was found.
function verbs.change(generation, found, set, rules)
	if call('HGET', job, 'generation') ~= generation or (call('HGET', job, 'rules') or '') ~= found or call('HLEN', pos) ~= (#ARGV - 6) / 2 then
		return { 'conflict' }
	end
	for i = 7, #ARGV, 2 do
		if string.match(call('HGET', pos, ARGV[i]) or '', '^%d+ (%d+) ') ~= ARGV[i + 1] then
			return { 'conflict' }
		end
	end
	call('HSET', job, 'rule_set', set, 'rules', rules)
	return { 'ok' }
end

-- What was found: generation, rules ('' none), how many claims, their ids; what is to be: id ('' none) and document of a new claim, how many go, their ids;
-- then field, next of each partition that was found.
function verbs.claim(generation, found, claims)
	local at, stored = 6 + claims, 0
	for _, field in ipairs(call('HKEYS', job)) do
		stored = stored + (string.sub(field, 1, 6) == 'claim:' and 1 or 0)
	end
	local positions = at + 3 + ARGV[at + 2]
	if call('HGET', job, 'generation') ~= generation or (call('HGET', job, 'rules') or '') ~= found or stored ~= tonumber(claims) or
		call('HLEN', pos) ~= (#ARGV - positions + 1) / 2 then
		return { 'conflict' }
	end
	for i = 6, at - 1 do
		if call('HEXISTS', job, 'claim:' .. ARGV[i]) == 0 then
			return { 'conflict' }
		end
	end
	for i = positions, #ARGV, 2 do
		if string.match(call('HGET', pos, ARGV[i]) or '', '^%d+ (%d+) ') ~= ARGV[i + 1] then
			return { 'conflict' }
		end
	end
	for i = at + 3, positions - 1 do
		call('HDEL', job, 'claim:' .. ARGV[i])
	end
	if ARGV[at] ~= '' then
		call('HSET', job, 'claim:' .. ARGV[at], ARGV[at + 1])
	end
	return { 'ok' }
end

function verbs.lateness(us)
	if call('HEXISTS', job, 'generation') == 1 and call('HGET', job, 'lateness_us') ~= us then
		call('HSET', job, 'lateness_us', us)
	end
	return { 'ok' }
end

-- Operands: name, definition of each metric; all are registered, or none where one of the names is taken.
function verbs.register()
	local registry = tag .. 'metric'
	for i = 3, #ARGV, 2 do
		if call('HEXISTS', registry, ARGV[i]) == 1 then
			return { 'taken' }
		end
	end
	for i = 3, #ARGV, 2 do
		call('HSET', registry, ARGV[i], ARGV[i + 1])
	end
	return { 'ok' }
end

-- ---- reset: without its generation a job takes no epoch, and with the mark no init, until all of it is gone

function verbs.mark()
	call('HSET', job, 'resetting', 1)
	return call('HDEL', job, 'generation')
end

-- A piece of a metric's rows (operand: its name in keys). Answers rows deleted, 1 where more are left.
function verbs.clear(enc)
	local w, x, rows, steps = tag .. 'w:' .. enc, tag .. 'x:' .. enc, 0, 0
	while steps < 1000 do
		local window = call('ZRANGE', w, 0, 0)[1]
		if not window then
			return { rows, 0 }
		end
		local tail = enc .. ':' .. window
		local hashes = call('ZRANGE', tag .. 'i:' .. tail, 0, 999)
		for _, h in ipairs(hashes) do
			rows = rows + call('DEL', tag .. 'r:' .. tail .. ':' .. h)
			call('DEL', tag .. 'u:' .. tail .. ':' .. h)
			call('ZREM', tag .. 'i:' .. tail, h)
		end
		steps = steps + 1 + #hashes
		if #hashes < 1000 then
			call('ZREM', x, window)
			call('ZREM', w, window)
		end
	end
	return { rows, 1 }
end

-- Operands: name, name in keys of each metric.
function verbs.finish()
	for i = 3, #ARGV, 2 do
		call('HDEL', tag .. 'metric', ARGV[i])
		call('HDEL', tag .. 'gone', ARGV[i])
		call('DEL', tag .. 'w:' .. ARGV[i + 1], tag .. 'x:' .. ARGV[i + 1])
	end
	return call('DEL', pos, job)
end

return verbs[ARGV[2]](ARGV[3], ARGV[4], ARGV[5], ARGV[6])
