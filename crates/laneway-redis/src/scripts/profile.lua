-- What workers measured, an hour a hash. ARGV after the time: what to do and its arguments.
--
-- `begin` session call period keys…: answers with -1 when the session is not open, 0 when the call
-- was made before; else with the number of the period and the profiles of the keys in it.
-- `end` session call period kept number, then for each key: the key, the stamp of the profile that
-- was read (its first 8 bytes, empty for none), the new profile. Answers 1 when they are stored, 2 when somebody has
-- changed one since or the period is over, -1 and 0 as above.
-- `read` period within: answers with the profiles of all periods within so many microseconds (-1 for
-- all), one after the other.
local verb = ARGV[2]
local function period_of(time, length) return math.floor(time / length) end

if verb == 'read' then
  local length, within = tonumber(ARGV[3]), tonumber(ARGV[4])
  local oldest = within < 0 and '-inf' or period_of(now - within, length)
  local answer = {}
  for _, period in ipairs(call('ZRANGEBYSCORE', prefix .. 'periods', oldest, '+inf')) do
    for _, profile in ipairs(call('HVALS', prefix .. 'profiles:' .. period)) do
      answer[#answer + 1] = profile
    end
  end
  return answer
end

local session, number, length = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local key = prefix .. 'session:' .. session
local open = call('HMGET', key, 'ended', 'profile_call')
if open[1] ~= '0' then return -1 end
if number <= tonumber(open[2]) then return 0 end
local period = string.format('%.0f', period_of(now, length))
local profiles = prefix .. 'profiles:' .. period

if verb == 'begin' then
  local names = {}
  for index = 6, #ARGV do names[#names + 1] = ARGV[index] end
  return { period, fields(profiles, names) }
end

if ARGV[7] ~= period then return 2 end
for index = 8, #ARGV, 3 do
  local known = call('HGET', profiles, ARGV[index])
  local stamp = known and string.sub(known, 1, 8) or ''
  if stamp ~= ARGV[index + 1] then return 2 end
end
for index = 8, #ARGV, 3 do call('HSET', profiles, ARGV[index], ARGV[index + 2]) end
if #ARGV >= 8 then call('ZADD', prefix .. 'periods', period, period) end
call('HSET', key, 'profile_call', ARGV[4])
local oldest = period_of(now - tonumber(ARGV[6]), length)
for _, old in ipairs(call('ZRANGEBYSCORE', prefix .. 'periods', '-inf', '(' .. oldest)) do
  call('DEL', prefix .. 'profiles:' .. old)
  call('ZREM', prefix .. 'periods', old)
end
return 1
