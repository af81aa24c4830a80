-- What both scripts over rows share; redis_apply.lua or redis_put.lua follows in the same text.
--
-- KEYS[1] names the slot. ARGV: 1 the tag "{PREFIX}:", 2 updated_at, 3 the rows, packed by redis_pack.c, a window's header and its rows after it:
--   header  <I4c0 metric, I4c0 its name in keys, Bc0 start, Bc0 end (seconds), Bc0 start, Bc0 end (RFC 3339), Bc0 expiry (seconds, or inf), I4 rows,
--           I4 columns, and of each B rule, Bc0 name
--   row     <B flags, c32 dims_hash, Bc0 count, Bc0 value_count, Bc0 sum, Bc0 min, Bc0 max, I4 bytes of dims; with uniq: I4c0 sketch, Bc0 uniq;
--           Bc0 value of each column ("": empty); of one that is a sketch I4c0 its bytes, I4c0 those stored that went into it;
--           with sketches I4c0 estimates (JSON)> dims
-- A sketch is a HYLL string, or with FEW some elements of 8 bytes that make it.
-- A script error does not roll back: first everything is read, checked and worked out (`bad` keeps the first complaint), then everything is written,
-- by commands that cannot fail any more.
local call, pcall_, unpack_ = redis.call, redis.pcall, struct.unpack
local byte, find, format, match, rep, sub = string.byte, string.find, string.format, string.match, string.rep, string.sub
local floor = math.floor
local tag, updated_at, blob = ARGV[1], ARGV[2], ARGV[3]
local SET, UNIQ, FEW = 1, 2, 4         -- flags of a row
local now = tonumber(call('TIME')[1])
local bad

local function complain(key, field, text)
	bad = bad or format('%s: stored %s is not a number in range: %s', key, field, sub(tostring(text), 1, 60))
	return '0'
end

-- ---- decimals: canonical text (-0.5, 100, 12.000000001), exact. Lua's numbers are doubles: exact up to 15 digits, so longer ones go by limbs.
local LIMB, BASE, LONGEST = 14, 1e14, '170141183460469231731687303715.884105727'

local function split(text)
	return match(text, '^(%-?)(%d+)%.?(%d*)$')
end

-- Limbs of an unsigned digit string, lowest first, times sign.
local function limbs(digits, sign)
	local t = {}
	for i = #digits, 1, -LIMB do
		t[#t + 1] = sign * tonumber(sub(digits, math.max(1, i - LIMB + 1), i))
	end
	return t
end

-- Digits and sign of the sum of two signed digit strings.
local function add_limbs(sa, da, sb, db)
	local a, b, sign = limbs(da, sa == '-' and -1 or 1), limbs(db, sb == '-' and -1 or 1), ''
	local n = math.max(#a, #b)
	for i = 1, n do
		a[i] = (a[i] or 0) + (b[i] or 0)
	end
	for i = n, 1, -1 do
		if a[i] ~= 0 then
			sign = a[i] < 0 and '-' or ''
			break
		end
	end
	local carry, out = 0, {}
	for i = 1, n do
		local limb = (sign == '-' and -a[i] or a[i]) + carry
		carry = floor(limb / BASE)
		out[n + 1 - i] = format('%014.0f', limb - carry * BASE)
	end
	return sign, format('%.0f', carry) .. table.concat(out)
end

local function canonical(sign, digits, scale)
	local int, frac = digits, ''
	if scale > 0 then
		digits = rep('0', scale + 1 - #digits) .. digits
		int, frac = sub(digits, 1, -scale - 1), match(sub(digits, -scale), '^(.-)0*$')
	end
	int = match(int, '^0*(%d+)$')
	if frac ~= '' then
		return sign .. int .. '.' .. frac
	end
	return int == '0' and int or sign .. int
end

-- By limbs: any length.
local function add_long(a, b)
	local sa, ia, fa = split(a)
	local sb, ib, fb = split(b)
	local scale = math.max(#fa, #fb)
	local sign, digits = add_limbs(sa, ia .. fa .. rep('0', scale - #fa), sb, ib .. fb .. rep('0', scale - #fb))
	return canonical(sign, digits, scale)
end

-- By doubles, scaled to integers below 1e15: product and quotient are off by less than half of the last digit, so rounding gives the exact one.
local POWER, FORM = {}, {}
for i = 0, 9 do
	POWER[i], FORM[i] = 10 ^ i, '%.' .. i .. 'f'
end

-- nil: the first is no decimal; the second is one.
local function dec_add(a, b)
	local _, _, pa = find(a, '^%-?%d+()%.?%d*$')
	if not pa then
		return nil
	end
	local _, _, pb = find(b, '^%-?%d+()')
	local scale = math.max(#a - pa, #b - pb, 0)
	local power = POWER[scale]
	if #a > 15 or #b > 15 or not power then
		return add_long(a, b)
	end
	local x, y = a * power, b * power
	if x >= 1e15 or x <= -1e15 or y >= 1e15 or y <= -1e15 then
		return add_long(a, b)
	end
	local sum = format(FORM[scale], (floor(x + 0.5) + floor(y + 0.5)) / power)
	if scale > 0 and byte(sum, -1) == 48 then
		sum = match(sum, '^(.-)%.?0*$')
	end
	return sum
end

-- nil: the first is no decimal; the second is one.
local function dec_less(a, b)
	if #a <= 15 and #b <= 15 then
		a = tonumber(a)
		return a and a < tonumber(b)
	end
	if find(a, '^%-?%d+%.?%d*$') then
		return byte(add_long(a, byte(b) == 45 and sub(b, 2) or '-' .. b)) == 45
	end
end

-- ---- stored values (false: none) and what comes, both in one field of a row

local function add_count(key, field, stored, more)
	if not stored then
		return more
	end
	local x = tonumber(stored)
	if x and x >= 0 and x % 1 == 0 and x + more < 1e15 then
		return format('%d', x + more)
	end
	local sum = find(stored, '^%d+$') and dec_add(stored, more)
	return sum and #sum <= 18 and sum or complain(key, field, stored)
end

local function add_sum(key, stored, more, field)
	local sum = not stored and more or dec_add(stored, more)
	if not sum or (#sum >= 30 and dec_less(LONGEST, match(sum, '%-?(.*)'))) then
		return complain(key, field or 'sum', stored)
	end
	return sum
end

-- The lower one; the higher one where sought is true.
local function extreme(key, field, stored, more, sought)
	if not stored or stored == more then
		return more
	end
	local less = dec_less(stored, more)
	if less == nil then
		return complain(key, field, stored)
	end
	return less == sought and more or stored
end

-- ---- columns of measures (row/columns.h): fields of the row by their names
local COUNT, SUM, MIN, MAX = 0, 1, 2, 3 -- beyond: sketches, which the sink merges

-- What a column becomes; more may be empty (a MIN or MAX without a value).
local function add_column(key, rule, field, stored, more)
	if more == '' then
		return stored or ''
	elseif rule == COUNT then
		return add_count(key, field, stored, more)
	elseif rule == SUM then
		return add_sum(key, stored, more, field)
	end
	return extreme(key, field, stored, more, rule == MAX)
end

local function columns_of(at)
	local n
	local list = { names = {} }
	n, at = unpack_('<I4', blob, at)
	for i = 1, n do
		list[i], list.names[i], at = unpack_('<BBc0', blob, at)
		list.sketches = list.sketches or list[i] > MAX
	end
	return list, at
end

local function cells_of(columns, at)
	local cells = { used = {} }
	for i = 1, #columns do
		if columns[i] > MAX then
			cells[i], cells.used[i], at = unpack_('<I4c0I4c0', blob, at)
		else
			cells[i], at = unpack_('<Bc0', blob, at)
		end
	end
	if columns.sketches then
		cells.estimates, at = unpack_('<I4c0', blob, at)
	end
	return cells, at
end

-- ---- windows: x:METRIC (scores: expiry) has those that have rows, w:METRIC (scores: start) the same for readers

local metrics, windows = {}, {}       -- of this call

local function score(text)
	return text and (text == 'inf' and math.huge or tonumber(text))
end

local function seconds(x)
	return x == math.huge and 'inf' or format('%.0f', x)
end

local function metric_of(name, enc)
	local m = metrics[#metrics]
	if not m or m.enc ~= enc then
		m = { name = name, enc = enc, x = tag .. 'x:' .. enc, w = tag .. 'w:' .. enc }
		call('ZCARD', m.w)
		m.gone = call('HGET', tag .. 'gone', name) or '-1'
		m.over = call('ZRANGEBYSCORE', m.x, '-inf', now, 'LIMIT', 0, 1000)
		metrics[#metrics + 1] = m
	end
	return m
end

local function window_of(at)
	local name, enc, from, to, from_text, to_text, expiry, rows, columns
	name, enc, from, to, from_text, to_text, expiry, rows, at = unpack_('<I4c0I4c0Bc0Bc0Bc0Bc0Bc0I4', blob, at)
	columns, at = columns_of(at)
	local m, member = metric_of(name, enc), from .. ':' .. to
	local stored = score(call('ZSCORE', m.x, member))
	local w = {
		metric = m, member = member, from = from, to = to, from_text = from_text, to_text = to_text, rows = rows, first = 0, last = 0, columns = columns,
		stored = stored, expiry = score(expiry),
		row = tag .. 'r:' .. enc .. ':' .. member .. ':', uniq = tag .. 'u:' .. enc .. ':' .. member .. ':', index = tag .. 'i:' .. enc .. ':' .. member,
	}
	call('ZCARD', w.index)
	windows[#windows + 1] = w
	return w, at
end

local function row_of(at)
	return unpack_('<Bc32Bc0Bc0Bc0Bc0Bc0I4', blob, at)
end

local function expire(key, w)
	if w.expiry ~= math.huge then
		call('EXPIREAT', key, seconds(w.expiry))
	end
end

-- Writes what is known of a window that got rows: `member, score` pairs of its index are in list.
local function keep_window(w, list)
	for i = 1, #list, 400 do
		call('ZADD', w.index, unpack(list, i, math.min(i + 399, #list)))
	end
	if w.expiry ~= math.huge then
		call('EXPIREAT', w.index, seconds(w.expiry))
	elseif w.stored and w.stored ~= w.expiry then
		call('PERSIST', w.index)
	end
	if w.stored ~= w.expiry then
		call('ZADD', w.metric.x, seconds(w.expiry), w.member)
		call('ZADD', w.metric.w, w.from, w.member)
	end
end

-- ---- sketches

local TMP, ZEROS = tag .. 'tmp', tag .. 'zeros'
local DENSE, SPARSE_BYTES = 12304, 320

-- Bytes of a stored sketch, 0: none. A key of another kind ends the script here.
local function sketch_bytes(key)
	local n = call('STRLEN', key)
	if n > 0 and call('GETRANGE', key, 0, 3) ~= 'HYLL' then
		bad = bad or key .. ': stored uniq is not a HyperLogLog'
	end
	return n
end

-- A sparse sketch of more than about 100 registers takes ten times as long to add to: an empty dense one merged in makes it dense.
local zeros
local function with_zeros()
	zeros = zeros or call('SET', ZEROS, 'HYLL' .. rep('\0', 11) .. '\128' .. rep('\0', DENSE - 16))
	return ZEROS
end

-- Answers what Redis does: an error where what is stored is damaged inside.
local function add_sketch(key, bytes, sketch, few)
	if few then
		if bytes > SPARSE_BYTES and bytes < DENSE then
			pcall_('PFMERGE', key, with_zeros())
		end
		local elements = {}
		for i = 1, #sketch, 8 do
			elements[#elements + 1] = sub(sketch, i, i + 7)
		end
		return pcall_('PFADD', key, unpack(elements))
	end
	call('SET', TMP, sketch)
	if bytes == DENSE or #sketch == DENSE or bytes + #sketch <= SPARSE_BYTES then
		return pcall_('PFMERGE', key, TMP)
	end
	return pcall_('PFMERGE', key, TMP, with_zeros())
end

-- ---- the first write is one that Redis refuses where it has no memory left: once something is written it takes all. Then windows whose time is over go.
local function begin_writing()
	call('SET', TMP, '')
	for _, m in ipairs(metrics) do
		for _, member in ipairs(m.over) do
			local to = match(member, ':(.*)$')
			call('ZREM', m.x, member)
			call('ZREM', m.w, member)
			if not m.trimmed or tonumber(to) > tonumber(m.trimmed) then
				m.trimmed = to
			end
		end
	end
end
