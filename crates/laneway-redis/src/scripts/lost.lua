-- Interrupts at most so many jobs of a session that is over, adds what became of them to `told`, and
-- tells whether there are more. The session is forgotten with its last job: the cause names it.
local function interrupt_held(session, jobs_max, told)
  local held_key = prefix .. 'held:' .. session
  if jobs_max > 0 then
    local cause = lease_lost(session)
    for _, id in ipairs(call('SRANDMEMBER', held_key, jobs_max)) do
      local s = standing_of(call('HGET', STATE, id))
      if not s then
        bury_held(id, session)
        told[#told + 1] = FAILED
      elseif s.state ~= RUNNING or s.session ~= session then
        call('SREM', held_key, id)
      else
        leave_running(id, s)
        told[#told + 1] = interrupt(id, s, cause)
      end
    end
  end
  if call('EXISTS', held_key) == 1 then return true end
  call('DEL', prefix .. 'session:' .. session, prefix .. 'cancel:' .. session)
  call('ZREM', prefix .. 'lost', session)
  return false
end
