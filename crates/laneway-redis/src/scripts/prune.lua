-- Deletes ended jobs that are old enough, in the order in which they ended. ARGV after the time: the
-- age in microseconds, the most jobs. Answers with the jobs that were deleted, and whether there may
-- be more.
--
-- An entry of `ended` is an id and the time at which it ended then. One whose job was requeued since
-- no longer matches the job's standing, and is dropped.
local ended_before, jobs_max = now - tonumber(ARGV[2]), tonumber(ARGV[3])
local entries = call('LRANGE', prefix .. 'ended', 0, jobs_max - 1)
local ids, at, seen = {}, {}, 0
for _, entry in ipairs(entries) do
  local ended_at = tonumber(string.sub(entry, 27))
  if ended_at >= ended_before then break end
  seen = seen + 1
  ids[seen], at[seen] = string.sub(entry, 1, 26), ended_at
end

local gone, is_gone, states = {}, {}, fields(STATE, ids)
local bodies = fields(BODY, ids)
for index, id in ipairs(ids) do
  -- A job that was requeued and ended again within a microsecond has two entries that match.
  local s = states[index] and not is_gone[id] and standing_of(states[index])
  if s and s.state >= SUCCEEDED and s.state <= CANCELLED and s.at == at[index] then
    local head = head_of(bodies[index])
    if head[SCOPE] then free_key(id, bodies[index]) end
    if head[LIMIT] and call('HINCRBY', prefix .. 'gatejobs', head[LIMIT], -1) <= 0 then
      call('HDEL', prefix .. 'gatejobs', head[LIMIT])
      call('ZADD', prefix .. 'idle', gate_of(head[LIMIT]).tat, head[LIMIT])
    end
    if has(s.marks, HAS_PROGRESS) then call('HDEL', prefix .. 'progress', id) end
    if has(s.marks, HAS_FAILURE) then call('HDEL', prefix .. 'failure', id) end
    if s.state ~= SUCCEEDED then call('ZREM', prefix .. 'in:' .. s.state, id) end
    count(head[QUEUE], s.state, -1)
    gone[#gone + 1] = id
    is_gone[id] = true
  end
end
bulk('HDEL', STATE, gone)
bulk('HDEL', BODY, gone)
bulk('ZREM', prefix .. 'all', gone)
if seen > 0 then call('LTRIM', prefix .. 'ended', seen, -1) end
-- A gate whose budget is full again and that no job refers to is as good as a new one.
local idle = call('ZRANGEBYSCORE', prefix .. 'idle', '-inf', now, 'LIMIT', 0, 100)
for _, key in ipairs(idle) do
  call('ZREM', prefix .. 'idle', key)
  call('HDEL', prefix .. 'gate', key)
end
finish()
return { #gone, seen == jobs_max and 1 or 0 }
