-- What Redis keeps of a state of hta-dedup, but for the verdicts (redis_claim.lua). KEYS: 1 state, 2 parts. ARGV: 1 what all keys begin with,
-- 2 a verb, then its operands (lists of any length are read from ARGV itself). redis_dedup.h has the forms.
local call, sub, tag, state, parts = redis.call, string.sub, ARGV[1], KEYS[1], KEYS[2]
local HEADER, RECORD, PLACE, DROPS, STEP = 29, 28, 20, 20000, 1000
local verbs = {}

local function text(n)
	return string.format('%.0f', n)
end

-- A partition: fence, next, floor, safe, safe_s. nil: it is not there.
local function part(field)
	local v = call('HGET', parts, field)
	local p = {}
	for number in string.gmatch(v or '', '%d+') do
		p[#p + 1] = tonumber(number)
	end
	return v and { fence = p[1], next = p[2], floor = p[3], safe = p[4], safe_s = p[5] }
end

local function write(field, p)
	call('HSET', parts, field, table.concat({ text(p.fence), text(p.next), text(p.floor), text(p.safe), text(p.safe_s) }, ' '))
end

-- The lowest and the highest time below which everything is in all sinks, of all partitions.
local function times()
	local low, high = math.huge, 0
	for _, v in ipairs(call('HVALS', parts)) do
		local s = tonumber(string.match(v, '(%d+)$'))
		low, high = math.min(low, s), math.max(high, s)
	end
	return low, high
end

-- The process that answers.
local function run_id()
	return string.match(call('INFO', 'server'), 'run_id:(%w+)')
end

-- Everything that is called, so that nothing is refused in the midst of a step.
function verbs.may()
	local k = tag .. 'may'
	return denied(k, {
		{ 'DEL', k },
		{ 'MSET', k, '' },
		{ 'MGET', k },
		{ 'SET', k, '' },
		{ 'GET', k },
		{ 'DEL', k },
		{ 'HSET', k, 'a', 1 },
		{ 'HINCRBY', k, 'a', 1 },
		{ 'HGET', k, 'a' },
		{ 'HVALS', k },
		{ 'DEL', k },
		{ 'RPUSH', k, 'a', 'b' },
		{ 'LINDEX', k, 0 },
		{ 'LLEN', k },
		{ 'LPOP', k },
		{ 'TIME' },
		{ 'INFO', 'server' },
		{ 'DEL', k },
	}) or { 'ok' }
end

function verbs.load()
	return { call('HGET', state, 'format') or '', call('HGET', state, 'fields') or '', call('HGET', state, 'generation') or '' }
end

-- Operands: generation, key fields, 1: adopt; then field, init, from, next, idle of each partition. Answers the process, the keys, then
-- fence, next, 1: adopted, of each.
function verbs.take(generation, fields, adopt)
	local had, of = call('HGET', state, 'generation') or '', call('HGET', state, 'fields')
	if of and of ~= fields then
		return { 'fields', of }
	elseif had ~= '' and had ~= generation then
		return { 'generation', had }
	end
	local took = {}
	for i = 6, #ARGV, 5 do
		local p, init, next = part(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 3])
		if (not p and next == init) or (p and p.next >= next) then
			p = p or { fence = 0, next = init, floor = 0, safe = 0, safe_s = 0 }
		elseif adopt == '1' then
			p = p or { fence = 0, safe = 0, safe_s = 0 }
			p.next, p.floor, p.adopted = next, next, true
		else
			return { 'older', (i - 6) / 5, p and p.next or -1 }
		end
		took[#took + 1] = p
	end
	local now, _, high = call('TIME'), times()
	local answer = { 'ok', run_id(), call('HGET', state, 'keys') or '0' }
	call('HSET', state, 'format', 1, 'fields', fields, 'generation', generation)
	for n, p in ipairs(took) do
		local i = n * 5 + 1
		-- never one that there was before, whatever the server has lost
		p.fence = math.max(p.fence + 1, now[1] * 1000000 + now[2])
		p.safe = math.max(p.safe, tonumber(ARGV[i + 2]))
		if ARGV[i + 4] == '1' then
			p.safe_s = math.max(p.safe_s, high)
		end
		write(ARGV[i], p)
		-- what the one before has claimed: whatever is not found again by the next barrier is released
		local open, left = tag .. 'open:' .. ARGV[i], tag .. 'left:' .. ARGV[i]
		for _ = 1, call('LLEN', open) do
			local blob = call('LPOP', open)
			if sub(blob, 1, 1) == 'C' then
				call('RPUSH', left, blob)
			end
		end
		answer[#answer + 1] = text(p.fence)
		answer[#answer + 1] = text(p.next)
		answer[#answer + 1] = p.adopted and '1' or '0'
	end
	return answer
end

-- The value of a key without one of its places; '' where none is left.
local function without(had, place)
	for at = 1, #had, PLACE do
		if sub(had, at, at + 15) == place then
			return sub(had, 1, at - 1) .. sub(had, at + PLACE)
		end
	end
	return had
end

-- Takes the places of a blob's records out of their keys. Returns how many there are.
local function remove(blob)
	local own, n = sub(blob, 2, 9), (#blob - HEADER) / RECORD
	for from = 0, n - 1, STEP do
		local keys, rest, gone, left = {}, {}, {}, {}
		for i = from, math.min(n, from + STEP) - 1 do
			local at = HEADER + i * RECORD + 1
			keys[#keys + 1] = tag .. 'k' .. sub(blob, at, at + 15)
		end
		for i, had in ipairs(call('MGET', unpack(keys))) do
			local at = HEADER + (from + i - 1) * RECORD + 1
			rest[keys[i]] = without(rest[keys[i]] or had or '', own .. sub(blob, at + 16, at + 23))
		end
		for key, had in pairs(rest) do
			if had == '' then
				gone[#gone + 1] = key
			else
				left[#left + 1] = key
				left[#left + 1] = had
			end
		end
		if gone[1] then
			call('DEL', unpack(gone))
		end
		if left[1] then
			call('MSET', unpack(left))
		end
	end
	call('HINCRBY', state, 'keys', -n)
	return n
end

-- The records of a blob as three blobs: those that a barrier up to `to` seals, those that it releases since they are not in `found`, and those
-- that it does not reach. nil where there are none.
local function split(blob, to, found)
	local stands, lists = struct.unpack('>i8', blob, 22), { sealed = {}, released = {}, open = {} }
	for at = HEADER + 1, #blob, RECORD do
		local record = sub(blob, at, at + RECORD - 1)
		local offset = stands >= 0 and stands or struct.unpack('>I8', record, 17)
		local list = offset >= to and 'open' or found and not found[sub(blob, 2, 9) .. sub(record, 1, 24)] and 'released' or 'sealed'
		table.insert(lists[list], record)
	end
	for name, list in pairs(lists) do
		lists[name] = list[1] and sub(blob, 1, HEADER) .. table.concat(list)
	end
	return lists
end

-- A barrier goes over the claims of a partition. Returns how many were released, and how many stand.
local function seal(field, to)
	local open, left, chunk, found, released, sealed = tag .. 'open:' .. field, tag .. 'left:' .. field, tag .. 'chunk:' .. field, {}, 0, 0
	local function keep(blob)
		call('RPUSH', chunk, blob)
		sealed = sealed + (#blob - HEADER) / RECORD
	end
	for _ = 1, call('LLEN', open) do
		local blob = call('LPOP', open)
		local kind, rest = sub(blob, 1, 1), nil
		if kind == 'A' then
			for at = HEADER + 1, #blob, RECORD do
				found[sub(blob, 2, 9) .. sub(blob, at, at + 23)] = true
			end
		elseif struct.unpack('>I8', blob, 10) > to then
			local lists = split(blob, to, nil)
			blob, rest = lists.sealed, lists.open
		end
		if kind == 'C' and blob then
			keep(blob)
		end
		if rest then
			call('RPUSH', open, rest)
		end
	end
	for _ = 1, call('LLEN', left) do
		local lists = split(call('LPOP', left), to, found)
		if lists.sealed then
			keep(lists.sealed)
		end
		if lists.open then
			call('RPUSH', left, lists.open)
		end
		if lists.released then
			released = released + remove(lists.released)
		end
	end
	return released, sealed
end

-- Drops the oldest of a partition's places: those beyond the horizon by the time of all partitions, and, where there are too many keys, any that
-- all sinks are beyond. Returns how many were dropped, and how many of them to make room.
local function drop(field, p, low, horizon, most, budget)
	local chunk, dropped, forgotten = tag .. 'chunk:' .. field, 0, 0
	while dropped < budget do
		local full = tonumber(call('HGET', state, 'keys') or 0) > most
		local blob = (full or horizon > 0) and call('LINDEX', chunk, 0)
		if not blob then
			break
		end
		local to, newest = struct.unpack('>I8I4', blob, 10)
		local old = horizon > 0 and newest + horizon < low
		if not (old or full) or to > p.safe then
			break
		end
		call('LPOP', chunk)
		local n = remove(blob)
		dropped, forgotten = dropped + n, forgotten + (old and 0 or n)
		p.floor = math.max(p.floor, to)
	end
	return dropped, forgotten
end

-- Operands: process, generation, 1: adopt, horizon (0: none), most keys; then field, fence, from, to, safe, safe_s, idle of each partition that is
-- read. Answers keys, forgotten, released.
function verbs.advance(run, generation, adopt, horizon, most)
	local took, released, forgotten, budget = {}, 0, 0, DROPS / 2
	if run ~= run_id() then
		return { 'server' }
	end
	for i = 8, #ARGV, 7 do
		local p, from, to = part(ARGV[i]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
		if not p or text(p.fence) ~= ARGV[i + 1] then
			return { 'stale', (i - 8) / 7 }
		elseif from < to and from > p.next then
			return { 'hole', (i - 8) / 7 }
		elseif from < to and from < p.floor and adopt ~= '1' then
			return { 'below', (i - 8) / 7, text(p.floor) }
		end
		took[#took + 1] = p
	end
	local had = call('HGET', state, 'generation')
	if had ~= generation then
		return { 'generation', had or '' }
	end
	local _, high = times()
	for n, p in ipairs(took) do
		local i = n * 7 + 1
		local field, from, to = ARGV[i], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
		if from < to then
			local free, sealed = seal(field, to)
			released, budget = released + free, budget + sealed
			p.next = math.max(p.next, to)
		end
		p.safe, p.safe_s = math.max(p.safe, tonumber(ARGV[i + 4])), math.max(p.safe_s, tonumber(ARGV[i + 5]))
		-- at the log's end: nothing older is to come
		if ARGV[i + 6] == '1' then
			p.safe_s = math.max(p.safe_s, high)
		end
		write(field, p)
	end
	-- more than have come, so that it ends, and not all at once, since everybody waits meanwhile
	horizon, most, budget = tonumber(horizon), tonumber(most), budget * 2
	local low = times()
	for n, p in ipairs(took) do
		local dropped, early = drop(ARGV[n * 7 + 1], p, low, horizon, most, budget)
		budget, forgotten = budget - dropped, forgotten + early
		if dropped > 0 then
			write(ARGV[n * 7 + 1], p)
		end
	end
	return { 'ok', call('HGET', state, 'keys') or '0', text(forgotten), text(released) }
end

return verbs[ARGV[2]](unpack(ARGV, 3, 7))
