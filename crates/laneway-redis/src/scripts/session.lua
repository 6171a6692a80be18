-- A worker's lease on life. ARGV after the time: what to do, session, and its arguments.
--
-- `open` worker lease: answers 1, or 0 when an earlier session of that name must be closed first.
-- `renew` condition lease: answers -1 when it is not open, else the number of the schema and pairs of
-- an id and the standing of jobs that somebody wants cancelled.
-- `close` jobs_max: interrupts so many of its jobs; answers whether there are more.
local verb, session = ARGV[2], ARGV[3]
local key = prefix .. 'session:' .. session

local function extend(lease)
  local expires_at = math.min(now + tonumber(lease), TIME_MAX)
  call('ZADD', prefix .. 'sessions', expires_at, session)
end

if verb == 'open' then
  local ended = call('HGET', key, 'ended')
  if ended == '1' then return 0 end
  if not ended then
    call('HSET', key, 'worker', ARGV[4], 'opened_at', string.format('%.0f', now), 'condition', '',
      'ended', 0, 'calls', ',', 'profile_call', 0)
  end
  extend(ARGV[5])
  return 1
end

if verb == 'renew' then
  if call('HGET', key, 'ended') ~= '0' then return -1 end
  call('HSET', key, 'condition', ARGV[4])
  extend(ARGV[5])
  local asked = { tonumber(call('HGET', KEYS[1], 'schema')) or 0 }
  for _, id in ipairs(call('SMEMBERS', prefix .. 'cancel:' .. session)) do
    local kept = call('HGET', STATE, id)
    if kept and standing_of(kept) then
      asked[#asked + 1] = id
      asked[#asked + 1] = kept
    end
  end
  return asked
end

if call('EXISTS', key) == 0 then return 0 end
-- It is over at once; what it holds is interrupted a few at a time, by this caller or by a sweep.
call('HSET', key, 'ended', 1)
call('ZREM', prefix .. 'sessions', session)
call('ZADD', prefix .. 'lost', now, session)
local more = interrupt_held(session, tonumber(ARGV[4]), {})
finish()
return more and 1 or 0
