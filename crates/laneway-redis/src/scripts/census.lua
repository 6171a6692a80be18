-- Queues and sessions. ARGV after the time: `queues` or `sessions`.
--
-- `queues` answers with the time, the queues and whether they are paused, the counts, and for each
-- queue in turn since when its oldest ready job has waited (-1 when it has none).
-- `sessions` answers with five values for each: session, worker, opened_at, expires_at, condition,
-- and the number of its jobs.
if ARGV[2] == 'sessions' then
  local answer = {}
  local open = call('ZRANGE', prefix .. 'sessions', 0, -1, 'WITHSCORES')
  for index = 1, #open, 2 do
    local session = open[index]
    local row = call('HMGET', prefix .. 'session:' .. session, 'worker', 'opened_at', 'condition')
    local held = call('SCARD', prefix .. 'held:' .. session)
    answer[#answer + 1] = { session, row[1], row[2], open[index + 1], row[3], held }
  end
  return answer
end

-- Jobs that were never claimed stand in their line in the order in which they became ready, those of
-- one priority together. All others are in `since`, by time.
local function oldest_new(line)
  local oldest
  local from = '-inf'
  while true do
    local first = call('ZRANGEBYSCORE', line, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #first == 0 then return oldest end
    local beyond = (math.floor(tonumber(first[2]) / URGENCY) + 1) * URGENCY
    local offset = 0
    local is_found = false
    repeat
      local ids = call('ZRANGEBYSCORE', line, first[2], '(' .. string.format('%.0f', beyond), 'LIMIT',
        offset, 100)
      for index, standing in ipairs(fields(STATE, ids)) do
        if not standing then
          local _, enqueued_at = struct.unpack('>I8I8', call('HGET', BODY, ids[index]))
          oldest = math.min(oldest or enqueued_at, enqueued_at)
          is_found = true
          break
        end
      end
      offset = offset + 100
    until is_found or #ids < 100
    from = string.format('%.0f', beyond)
  end
end

local queues = call('HGETALL', prefix .. 'queues')
local oldest = {}
for index = 1, #queues, 2 do
  local queue = queues[index]
  local since = tonumber(call('ZRANGE', prefix .. 'since:' .. queue, 0, 0, 'WITHSCORES')[2])
  for lane = 0, 2 do
    local new = oldest_new(prefix .. 'ready:' .. lane .. ':' .. queue)
    if new then since = math.min(since or new, new) end
  end
  oldest[#oldest + 1] = since or -1
end
return { now, queues, call('HGETALL', prefix .. 'counts'), oldest }
