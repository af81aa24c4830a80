-- In front of scripts that ask for rights. Calls each of the steps; they end with a key that is there no more. Answers nothing, or what to
-- answer where this user may not call one of them: "denied" and its name, "" where a key is denied. Other errors are raised as they are.
local function denied(key, steps)
	for _, step in ipairs(steps) do
		local answer = redis.pcall(unpack(step))
		local err = type(answer) == 'table' and answer.err
		if err then
			local command, access = string.find(err, "can't run this command", 1, true), string.find(err, "can't access", 1, true)
			if not command and not access then
				redis.call(unpack(step))
			end
			redis.pcall('DEL', key)
			return { 'denied', command and string.lower(step[1]) or '' }
		end
	end
end

