-- An epoch: compare-and-set of the positions, then the rows. KEYS: 1 job:.., 2 pos:... ARGV beyond redis_rows.lua's:
-- 4 generation, 5 ranges, packed: <I4c0 field of pos:.., Bc0 from, Bc0 to, Bc0 offset, Bc0 time, Bc0 hash of the last record ("": none), Bc0 watermark
-- ("": none), B idle; 6 the set of rules ('': none).
-- A sketch of a delta replaces the stored one that went into it; where another is stored nothing is applied, and the sink merges that one and comes again.
-- Answers: merge, row (from 0), column (from 0), stored, .. | ok, rows past their time, the first of them (key), sketches that were damaged | applied | conflict, generation, set, field, value, .. | data, message.
local job, pos, generation, packed = KEYS[1], KEYS[2], ARGV[4], ARGV[5]

-- ---- compare-and-set: the decision of cas_check

-- Offsets are beyond what a double holds: canonical integers, compared as text.
local function at_least(a, b)
	return #a > #b or (#a == #b and a >= b)
end

local ranges, moving, fresh, old = {}, 0, 0, 0
local at = 1
while at <= #packed do
	local r = {}
	r.field, r.from, r.to, r.offset, r.time, r.hash, r.watermark, r.idle, at = unpack_('<I4c0Bc0Bc0Bc0Bc0Bc0Bc0B', packed, at)
	r.stored = call('HGET', pos, r.field)
	if r.stored then
		r.init, r.next, r.last, r.mark = match(r.stored, '^(%d+) (%d+) (%S+ %S+ %S+) (%S+) [01]$')
		if not r.init then
			return { 'data', format('%s: position of %s is damaged: %s', pos, r.field, r.stored) }
		end
	end
	if r.from ~= r.to then
		moving = moving + 1
		fresh = fresh + (r.next == r.from and 1 or 0)
		old = old + (r.next and at_least(r.next, r.to) and 1 or 0)
	end
	ranges[#ranges + 1] = r
end

local stored, set = call('HGET', job, 'generation') or '', call('HGET', job, 'rule_set') or ''
if stored ~= generation or set ~= ARGV[6] or (fresh < moving and old < moving) then
	local answer = { 'conflict', stored, set }
	for _, r in ipairs(ranges) do
		if r.stored then
			answer[#answer + 1] = r.field
			answer[#answer + 1] = r.stored
		end
	end
	return answer
end
if fresh < moving then
	return { 'applied' }
end

-- ---- rows: what they become

-- Rows of a job that were given up or have expired once are never begun anew: half a row would be a wrong one.
local function is_over(w)
	local m = w.metric
	if w.stored then
		w.expiry = w.stored
		return w.expiry <= now
	end
	if w.expiry <= now and tonumber(w.to) > tonumber(m.gone) then
		m.gone, m.rises = w.to, true
	end
	return tonumber(w.to) <= tonumber(m.gone)
end

local expired, first_expired = 0, ''
local key, hash, dims, kind, count, values, sum, min, max, uniq, sketch, bytes, few, moved, cells = {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
local NEW, ADD, REPLACE = 1, 2, 3
local n, seen, unmerged = 0, 0, { 'merge' }

local function add_cells(k, columns, has, of)
	for j = 1, of and #of or 0 do
		if columns[j] <= MAX then
			of[j] = add_column(k, columns[j], columns.names[j], has[5 + j], of[j])
		elseif (has[5 + j] or '') ~= of.used[j] then
			local at = #unmerged
			unmerged[at + 1], unmerged[at + 2], unmerged[at + 3] = seen, j - 1, has[5 + j] or ''
		end
	end
end

-- dims stand in blob from d to e: cut out where they are wanted, a string more costs as much as a command does.
local function take(w, flags, h, c, v, s, lo, hi, d, e, u, sk, of)
	n = n + 1
	local k, i = w.row .. h, n
	local has = of and call('HMGET', k, 'count', 'value_count', 'sum', 'min', 'max', unpack(w.columns.names)) or
		call('HMGET', k, 'count', 'value_count', 'sum', 'min', 'max')
	key[i], hash[i], kind[i] = k, h, flags % 2 == SET and REPLACE or has[1] and ADD or NEW
	if kind[i] ~= ADD then
		dims[i] = sub(blob, d, e)
	else
		local same = v == c and has[2] == has[1]
		c = add_count(k, 'count', has[1], c)
		if v ~= '' then
			v = same and c or add_count(k, 'value_count', has[2], v)
		end
		if s ~= '' then
			s, lo, hi = add_sum(k, has[3], s), extreme(k, 'min', has[4], lo, false), extreme(k, 'max', has[5], hi, true)
			moved[i] = lo ~= has[4] or hi ~= has[5]
		end
		add_cells(k, w.columns, has, of)
	end
	cells[i] = of
	count[i], values[i], sum[i], min[i], max[i] = c, v, s, lo, hi
	if u then
		uniq[i], sketch[i], bytes[i], few[i] = u, sk, sketch_bytes(w.uniq .. h), flags >= FEW
	end
end

at = 1
while at <= #blob do
	local w
	w, at = window_of(at)
	local over = is_over(w)
	w.first = n + 1
	for _ = 1, w.rows do
		local flags, h, c, v, s, lo, hi, d, u, sk, of
		flags, h, c, v, s, lo, hi, d, at = row_of(at)
		if flags >= UNIQ then
			sk, u, at = unpack_('<I4c0Bc0', blob, at)
		end
		if #w.columns > 0 then
			of, at = cells_of(w.columns, at)
		end
		at = at + d
		if not over then
			take(w, flags, h, c, v, s, lo, hi, at - d, at - 1, u, sk, of)
		elseif expired == 0 then
			expired, first_expired = 1, w.row .. h
		else
			expired = expired + 1
		end
		seen = seen + 1
	end
	w.last = n
end
if bad then
	return { 'data', bad }
end
if #unmerged > 1 then
	return unmerged
end

-- ---- from here on nothing fails

begin_writing()
for _, r in ipairs(ranges) do
	if r.from ~= r.to then
		local last, mark = r.last, r.mark
		if r.offset ~= '' then
			last = r.offset .. ' ' .. (r.time == '' and '-' or r.time) .. ' ' .. r.hash
		end
		if r.watermark ~= '' and (mark == '-' or tonumber(r.watermark) > tonumber(mark)) then
			mark = r.watermark
		end
		call('HSET', pos, r.field, format('%s %s %s %s %d', r.init, r.to, last, mark, r.idle))
	elseif r.next == r.to then
		call('HSET', pos, r.field, format('%s %s %s %s %d', r.init, r.next, r.last, r.mark, r.idle))
	end
end

local damaged = 0

-- The sketch of row i into its key; the number beside it, nil where it is the same still.
local function write_uniq(w, i)
	local k, stored = w.uniq .. hash[i], kind[i] == ADD and bytes[i] or 0
	if kind[i] == REPLACE then
		call('SET', k, sketch[i])
		expire(k, w)
		return uniq[i]
	elseif bytes[i] > stored then
		call('DEL', k)
	end
	local answer = add_sketch(k, stored, sketch[i], few[i])
	if type(answer) == 'table' and answer.err then
		call('DEL', k)
		add_sketch(k, 0, sketch[i], few[i])
		stored, damaged = 0, damaged + 1
	end
	if stored == 0 then
		expire(k, w)
		return uniq[i]
	end
	return answer ~= 0 and call('PFCOUNT', k)
end

local args = {}
local function write_all(w, i)
	local j = 0
	local function add(name, value)
		if value then
			args[j + 1], args[j + 2] = name, value
			j = j + 2
		end
	end
	if kind[i] ~= ADD then
		add('metric', w.metric.name)
		add('window_start', w.from_text)
		add('window_end', w.to_text)
		add('dims', dims[i])
		add('dims_hash', hash[i])
	end
	add('count', count[i])
	add('value_count', values[i] ~= '' and values[i])
	add('sum', sum[i] ~= '' and sum[i])
	add('min', min[i] ~= '' and min[i])
	add('max', max[i] ~= '' and max[i])
	add('uniq', uniq[i] and write_uniq(w, i))
	for j = 1, cells[i] and #cells[i] or 0 do
		add(w.columns.names[j], cells[i][j] ~= '' and cells[i][j])
	end
	add('estimates', cells[i] and cells[i].estimates)
	add('updated_at', updated_at)
	call('HSET', key[i], unpack(args, 1, j))
end

local function write(w, i)
	if kind[i] == REPLACE then
		call('DEL', key[i], w.uniq .. hash[i])
	end
	if kind[i] == ADD and (uniq[i] or cells[i]) then
		write_all(w, i)
	elseif kind[i] == ADD and values[i] == '' then
		call('HSET', key[i], 'count', count[i], 'updated_at', updated_at)
	elseif kind[i] == ADD and moved[i] == false then
		call('HSET', key[i], 'count', count[i], 'value_count', values[i], 'sum', sum[i], 'updated_at', updated_at)
	elseif kind[i] == ADD and moved[i] then
		call('HSET', key[i], 'count', count[i], 'value_count', values[i], 'sum', sum[i], 'min', min[i], 'max', max[i], 'updated_at', updated_at)
	else
		write_all(w, i)
	end
	if kind[i] ~= ADD then
		expire(key[i], w)
	end
end

for _, w in ipairs(windows) do
	local list, j = {}, 0
	for i = w.first, w.last do
		write(w, i)
		list[j + 1], list[j + 2] = count[i], hash[i]
		j = j + 2
	end
	if j > 0 then
		keep_window(w, list)
	end
end
for _, m in ipairs(metrics) do
	if m.trimmed and tonumber(m.trimmed) > tonumber(m.gone) then
		m.gone, m.rises = m.trimmed, true
	end
	if m.rises then
		call('HSET', tag .. 'gone', m.name, m.gone)
	end
end
call('DEL', TMP, ZEROS)
return { 'ok', expired, first_expired, damaged }
