-- The verdicts of records of one partition. KEYS: 1 state, 2 parts, 3 the partition's open claims. ARGV: 1 what keys begin with,
-- 2 field of the partition, 3 its fence, 4 header of what is claimed, 5 offset at which the one record stands ('': each at its own),
-- 6 lowest and 7 highest offset at which they stand, 8 horizon (0: none), 9 '1': what is below the floor is new, 10 the records.
-- redis_dedup.h has the forms of all these.
local call, sub, unpack_bytes = redis.call, string.sub, struct.unpack
local prefix, header, stands, records = ARGV[1], ARGV[4], tonumber(ARGV[5]), ARGV[10]
local first, last, horizon = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local RECORD, PLACE, STEP = 28, 20, 1000

local fence, next, floor = string.match(call('HGET', KEYS[2], ARGV[2]) or '', '^(%d+) (%d+) (%d+) ')
if fence ~= ARGV[3] then
	return { 'stale' }
end
next, floor = tonumber(next), tonumber(floor)
if first < floor and ARGV[9] ~= '1' then
	return { 'below', floor }
end

-- Is the record at byte `at` a replay? It is one where all of them are, or none; else its offset says so.
local all, none = first >= floor and last < next, first >= next
local function is_replay(at)
	if all or none then
		return all
	end
	local offset = stands or unpack_bytes('>I8', records, at + 16)
	return offset >= floor and offset < next
end

local own = sub(header, 1, 8)
local verdicts, claimed, again, n = {}, {}, {}, #records / RECORD

-- What is known of a key that has places: the verdict, and whether the record has to be added to it.
local function judge(had, at)
	local same, latest = own .. sub(records, at + 16, at + 23), 0
	for i = 1, #had, PLACE do
		if sub(had, i, i + 15) == same then
			return '1', false
		end
		latest = math.max(latest, (unpack_bytes('>I4', had, i + 16)))
	end
	if horizon == 0 or unpack_bytes('>I4', records, at + 24) - latest <= horizon or is_replay(at) then
		return '0', false
	end
	return '1', true
end

for from = 0, n - 1, STEP do
	local keys, fresh, set = {}, {}, {}
	local to = math.min(n, from + STEP) - 1
	for i = from, to do
		local at = i * RECORD + 1
		keys[#keys + 1] = prefix .. sub(records, at, at + 15)
	end
	local got = call('MGET', unpack(keys))
	for i = from, to do
		local at, key = i * RECORD + 1, keys[i - from + 1]
		local had = fresh[key] or got[i - from + 1]
		local verdict, add
		if had then
			verdict, add = judge(had, at)
			if verdict == '1' and not add and not is_replay(at) then
				again[#again + 1] = sub(records, at, at + RECORD - 1)
			end
		else
			add = not is_replay(at)
			verdict = add and '1' or '0'
		end
		if add then
			had = (had or '') .. own .. sub(records, at + 16, at + 27)
			fresh[key] = had
			set[#set + 1] = key
			set[#set + 1] = had
			claimed[#claimed + 1] = sub(records, at, at + RECORD - 1)
		end
		verdicts[i + 1] = verdict
	end
	if set[1] then
		call('MSET', unpack(set))
	end
end
if claimed[1] then
	call('RPUSH', KEYS[3], 'C' .. header .. table.concat(claimed))
	call('HINCRBY', KEYS[1], 'keys', #claimed)
end
if again[1] then
	call('RPUSH', KEYS[3], 'A' .. header .. table.concat(again))
end
return { 'ok', table.concat(verdicts) }
