-- Deletes ended jobs that are old enough, in the order in which they ended. ARGV after the time: the
-- age in microseconds, the most jobs. Answers with the jobs that were deleted, and whether there may
-- be more.
--
-- An entry of `ended` is an id and the time at which it ended then. One whose job was requeued since
-- no longer matches the job's standing, and is dropped. One with a time that is still to come, from a
-- clock that was set back or from another store, waits at the end of the list: the others go on.
local ended_before, jobs_max = now - tonumber(ARGV[2]), tonumber(ARGV[3])
local entries = call('LRANGE', prefix .. 'ended', 0, jobs_max - 1)
local ids, at, seen, later = {}, {}, 0, {}
for _, entry in ipairs(entries) do
  local ended_at = tonumber(string.sub(entry, 27))
  if ended_at and ended_at > now then
    later[#later + 1] = entry
  elseif ended_at and ended_at >= ended_before then
    break
  else
    ids[#ids + 1], at[#at + 1] = string.sub(entry, 1, 26), ended_at or -1
  end
  seen = seen + 1
end

local gone, is_gone, states = {}, {}, fields(STATE, ids)
local bodies = fields(BODY, ids)
for index, id in ipairs(ids) do
  -- A job that was requeued and ended again within a microsecond has two entries that match.
  local s = states[index] and not is_gone[id] and standing_of(states[index])
  if s and s.state >= SUCCEEDED and s.state <= CANCELLED and s.at == at[index] then
    local head = head_of(bodies[index])
    local queue = head and head[QUEUE] or string.sub(states[index], STANDING_BYTES + 1)
    free_key(id, bodies[index])
    if head and head[LIMIT] and call('HINCRBY', prefix .. 'gatejobs', head[LIMIT], -1) <= 0 then
      call('HDEL', prefix .. 'gatejobs', head[LIMIT])
      call('ZADD', prefix .. 'idle', gate_of(head[LIMIT]).tat, head[LIMIT])
    end
    if has(s.marks, HAS_PROGRESS) then call('HDEL', prefix .. 'progress', id) end
    if has(s.marks, HAS_FAILURE) then call('HDEL', prefix .. 'failure', id) end
    if s.state ~= SUCCEEDED then call('ZREM', prefix .. 'in:' .. s.state, id) end
    if queue ~= '' then count(queue, s.state, -1) end
    gone[#gone + 1] = id
    is_gone[id] = true
  end
end
bulk('HDEL', STATE, gone)
bulk('HDEL', BODY, gone)
bulk('ZREM', prefix .. 'all', gone)
if seen > 0 then call('LTRIM', prefix .. 'ended', seen, -1) end
bulk('RPUSH', prefix .. 'ended', later)
-- A gate whose budget is full again and that no job refers to is as good as a new one.
local idle = call('ZRANGEBYSCORE', prefix .. 'idle', '-inf', now, 'LIMIT', 0, 100)
for _, key in ipairs(idle) do
  call('ZREM', prefix .. 'idle', key)
  call('HDEL', prefix .. 'gate', key)
end
finish()
return { #gone, seen == jobs_max and #later < seen and 1 or 0 }
