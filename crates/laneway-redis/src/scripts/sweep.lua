-- Ends expired sessions, interrupts what they held and what has passed its deadline, and makes due
-- jobs ready. ARGV after the time: the most jobs. Answers with the sessions that expired, the jobs
-- that were released, parked and failed, the jobs that were made ready, and whether there is more.
local left = tonumber(ARGV[2])
local expired = call('ZRANGEBYSCORE', prefix .. 'sessions', '-inf', now, 'LIMIT', 0, SESSIONS_MAX)
for _, session in ipairs(expired) do
  call('HSET', prefix .. 'session:' .. session, 'ended', 1)
  call('ZREM', prefix .. 'sessions', session)
  call('ZADD', prefix .. 'lost', now, session)
end
local more = #expired == SESSIONS_MAX

local told = {}
for _, session in ipairs(call('ZRANGE', prefix .. 'lost', 0, SESSIONS_MAX)) do
  local before = #told
  if interrupt_held(session, left, told) then more = true end
  left = left - (#told - before)
end

local hung = { code = ATTEMPT_TIMED_OUT, kind = '', traceback = '',
  message = 'the attempt did not end although its time was over' }
if left > 0 then
  local overdue = call('ZRANGEBYSCORE', prefix .. 'deadline', '-inf', now, 'LIMIT', 0, left)
  for _, id in ipairs(overdue) do
    local s = standing_of(call('HGET', STATE, id))
    if not s then
      bury_held(id)
      told[#told + 1] = FAILED
    elseif s.state ~= RUNNING then
      call('ZREM', prefix .. 'deadline', id)
    else
      leave_running(id, s)
      told[#told + 1] = interrupt(id, s, hung)
    end
  end
  left = left - #overdue
end
if call('ZCOUNT', prefix .. 'deadline', '-inf', now) > 0 then more = true end

local became = { [READY] = 0, [PARKED] = 0, [FAILED] = 0 }
for _, state in ipairs(told) do became[state] = (became[state] or 0) + 1 end
local promoted = promote(left)
if call('ZCOUNT', prefix .. 'due', '-inf', now) > 0 then more = true end
finish()
return { #expired, became[READY], became[PARKED], became[FAILED], promoted, more and 1 or 0 }
