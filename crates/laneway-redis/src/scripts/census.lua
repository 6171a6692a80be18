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
--
-- A priority may begin with any number of jobs that came back, and a census must stay cheap. So only
-- the first LOOKS_MAX are looked at one by one. Behind them a new job is sought by samples, and from
-- the first that is found back to the job behind the last that came back: the oldest one wherever all
-- that came back stand before it, and else one that has waited for a shorter time.
local LOOKS_MAX, SAMPLES = 1000, 64

-- The first of these jobs without a standing, and when it was enqueued.
local function first_new(ids)
  for index, standing in ipairs(fields(STATE, ids)) do
    local body = not standing and call('HGET', BODY, ids[index])
    if is_body(body) then return index, struct.unpack('>I8', body, 9) end
  end
end

-- The same for one of the places from `first` to `last` of a line.
local function sampled(line, first, last)
  local ids, places = {}, {}
  local step = math.max((last - first) / SAMPLES, 1)
  for sample = 0, math.min(SAMPLES, last - first) do
    local place = sample == SAMPLES and last or math.floor(first + sample * step)
    ids[#ids + 1] = call('ZRANGE', line, place, place)[1]
    places[#places + 1] = place
  end
  local found, enqueued_at = first_new(ids)
  if not found then return nil end
  local low, high = found > 1 and places[found - 1] + 1 or first, places[found]
  while low < high do
    local middle = math.floor((low + high) / 2)
    local is_new, at = first_new(call('ZRANGE', line, middle, middle))
    if is_new then
      high, enqueued_at = middle, at
    else
      low = middle + 1
    end
  end
  return enqueued_at
end

-- When the oldest new job of one priority was enqueued, whose scores begin at `from`.
local function oldest_of(line, from, beyond)
  local low, looks = string.format('%.0f', from), 0
  local high = '(' .. string.format('%.0f', beyond)
  while looks < LOOKS_MAX do
    local part = call('ZRANGEBYSCORE', line, low, high, 'WITHSCORES', 'LIMIT', 0, 100)
    local ids = {}
    for index = 1, #part, 2 do ids[#ids + 1] = part[index] end
    local found, enqueued_at = first_new(ids)
    if found then return enqueued_at end
    if #ids < 100 then return nil end
    looks = looks + 100
    low = '(' .. part[#part]
  end
  local first = call('ZCOUNT', line, '-inf', string.sub(low, 2))
  return sampled(line, first, call('ZCOUNT', line, '-inf', high) - 1)
end

local function oldest_new(line)
  local oldest
  local from = '-inf'
  while true do
    local first = call('ZRANGEBYSCORE', line, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #first == 0 then return oldest end
    local score = tonumber(first[2])
    local beyond = (math.floor(score / URGENCY) + 1) * URGENCY
    -- A score that nobody of ours has written may be too great for another one beyond it.
    if not (beyond > score) then return oldest end
    local new = oldest_of(line, score, beyond)
    if new then oldest = math.min(oldest or new, new) end
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
