-- A batch of final rows of a plain stream. KEYS: 1 schema. ARGV beyond redis_rows.lua's: 4 what may be done: "new", "replace", "nothing" (dry run).
-- Answers: ok, fresh, equal, different, rows past their time, the first of them (key) | different, number of the row (from 0), what is stored | data, message.
local may = ARGV[4]
local fresh, equal, different, expired, first_expired, seen = 0, 0, 0, 0, '', 0
local OLD, NEW, OTHER = 1, 2, 3
local key, hash, dims, kind, count, values, sum, min, max, uniq, sketch, cells = {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
local n = 0

-- Bytes 9 to 16 are the estimate that PFCOUNT keeps there.
local function same_sketch(k, sk)
	local is = call('GET', k) or ''
	return sub(is, 1, 8) == sub(sk, 1, 8) and sub(is, 17) == sub(sk, 17)
end

local function is_equal(w, h, has, of, ...)
	local will = { ... }
	for i = 1, #of do
		if (has[6 + i] or '') ~= of[i] then
			return false
		end
	end
	for i = 1, 6 do
		if (has[i] or '') ~= will[i] then
			return false
		end
	end
	return will[6] == '' or same_sketch(w.uniq .. h, will[7])
end

local function take(w, h, c, v, s, lo, hi, d, u, sk, of)
	n = n + 1
	local k, i = w.row .. h, n
	local has = call('HMGET', k, 'count', 'value_count', 'sum', 'min', 'max', 'uniq', unpack(w.columns.names))
	cells[i] = of
	key[i], hash[i], dims[i], count[i], values[i], sum[i], min[i], max[i], uniq[i], sketch[i] = k, h, d, c, v, s, lo, hi, u, sk
	if not has[1] then
		kind[i], fresh = NEW, fresh + 1
	elseif is_equal(w, h, has, of, c, v, s, lo, hi, u, sk) then
		kind[i], equal = OLD, equal + 1
	else
		kind[i], different = OTHER, different + 1
		return 'count ' .. has[1] .. (has[3] and ', sum ' .. has[3] or '')
	end
end

local at = 1
while at <= #blob do
	local w
	w, at = window_of(at)
	if w.stored and w.stored > w.expiry then
		w.expiry = w.stored              -- a stream may make a window live longer, not shorter
	end
	w.first = n + 1
	for _ = 1, w.rows do
		local flags, h, c, v, s, lo, hi, d, u, sk, of
		flags, h, c, v, s, lo, hi, d, at = row_of(at)
		u, sk = '', ''
		if flags >= UNIQ then
			sk, u, at = unpack_('<I4c0Bc0', blob, at)
		end
		of, at = cells_of(w.columns, at)
		at = at + d
		if w.expiry > now then
			local stored = take(w, h, c, v, s, lo, hi, sub(blob, at - d, at - 1), u, sk, of)
			if stored and may == 'new' then
				return { 'different', seen, stored }
			end
		else
			first_expired = expired == 0 and w.row .. h or first_expired
			expired = expired + 1
		end
		seen = seen + 1
	end
	w.last = n
end
local answer = { 'ok', fresh, equal, different, expired, first_expired }
if may == 'nothing' then
	return answer
end

-- ---- from here on nothing fails

local args = {}
local function write(w, i)
	local j = 0
	local function add(name, value)
		if value ~= '' then
			args[j + 1], args[j + 2] = name, value
			j = j + 2
		end
	end
	if kind[i] == OTHER then
		call('DEL', key[i], w.uniq .. hash[i])
	end
	add('metric', w.metric.name)
	add('window_start', w.from_text)
	add('window_end', w.to_text)
	add('dims', dims[i])
	add('dims_hash', hash[i])
	add('count', count[i])
	add('value_count', values[i])
	add('sum', sum[i])
	add('min', min[i])
	add('max', max[i])
	add('uniq', uniq[i])
	for j = 1, #cells[i] do
		add(w.columns.names[j], cells[i][j])
	end
	add('estimates', cells[i].estimates or '')
	add('updated_at', updated_at)
	call('HSET', key[i], unpack(args, 1, j))
	if uniq[i] ~= '' then
		call('SET', w.uniq .. hash[i], sketch[i])
	end
end

local function renew(w, k)
	if w.expiry == math.huge then
		call('PERSIST', k)
	else
		expire(k, w)
	end
end

begin_writing()
for _, w in ipairs(windows) do
	local list, j = {}, 0
	for i = w.first, w.last do
		if kind[i] ~= OLD then
			write(w, i)
			list[j + 1], list[j + 2] = count[i], hash[i]
			j = j + 2
		end
		if kind[i] ~= OLD or w.stored ~= w.expiry then
			renew(w, key[i])
			renew(w, w.uniq .. hash[i])
		end
	end
	if w.last >= w.first then
		keep_window(w, list)
	end
end

-- Nobody comes back to trim a plain metric: its windows' sets go with the last window.
for _, m in ipairs(metrics) do
	local last = call('ZREVRANGE', m.x, 0, 0, 'WITHSCORES')
	for _, k in ipairs({ m.x, m.w }) do
		if last[2] and score(last[2]) ~= math.huge then
			call('EXPIREAT', k, seconds(score(last[2])))
		else
			call('PERSIST', k)
		end
	end
end
call('DEL', TMP)
return answer
