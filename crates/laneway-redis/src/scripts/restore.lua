-- Adds jobs as they stand in another store; those whose id or unique key is known are not added.
--
-- ARGV after the time: the policies as in `enqueue`, then ten values for each job: id, head, rate,
-- enqueued_at, standing, whether it holds its key, failure, progress, result, arguments. Answers as
-- `enqueue` does.
local answers, holders = {}, {}

-- Lists an end where its time belongs: before the others when it is older than all of them.
local function list_end(id, ended_at)
  local first = call('LINDEX', prefix .. 'ended', 0)
  local is_oldest = first and ended_at < (tonumber(string.sub(first, 27)) or 0)
  call(is_oldest and 'LPUSH' or 'RPUSH', prefix .. 'ended', id .. string.format('%.0f', ended_at))
end

local function place(id, body, head, s, result)
  if s.state == READY then return make_ready(id, body, head, s, now) end
  if s.state == SCHEDULED then return make_scheduled(id, head, s, s.at) end
  if s.at == 0 then s.at = now end
  local rest = s.state == SUCCEEDED and result or s.state == FAILED and head[QUEUE] or ''
  call('HSET', STATE, id, packed(s) .. rest)
  if s.state ~= PARKED then list_end(id, s.at) end
  if s.state ~= SUCCEEDED then call('ZADD', prefix .. 'in:' .. s.state, 0, id) end
  count(head[QUEUE], s.state, 1)
end

put_policies()
for at = after_policies(), #ARGV, 10 do
  local id, packed_head, rate, enqueued_at, standing, holds_key, failure, progress, result, args =
    unpack(ARGV, at, at + 9)
  local head = cmsgpack.unpack(packed_head)
  local is_known = call('HEXISTS', BODY, id) == 1
  local holder = not is_known and holds_key == '1' and take_key(id, head, {})
  if is_known or holder then
    if holder then
      holders[#holders + 1] = #answers + 1
      holders[#holders + 1] = holder
    end
    answers[#answers + 1] = '0'
  else
    answers[#answers + 1] = '1'
    local seq = call('HINCRBY', prefix .. 'meta', 'seq', 1)
    local body = struct.pack('>I8', seq) .. body_rest(packed_head, head, tonumber(enqueued_at)) .. args
    call('HSET', BODY, id, body)
    call('ZADD', prefix .. 'all', 0, id)
    call('HSETNX', prefix .. 'queues', head[QUEUE], 0)
    if failure ~= '' then call('HSET', prefix .. 'failure', id, failure) end
    if progress ~= '' then call('HSET', prefix .. 'progress', id, progress) end
    if head[LIMIT] then use_gate(head, rate) end
    is_ready_news = true
    place(id, body, head, standing_of(standing), result)
  end
end
finish()
return { table.concat(answers), holders }
