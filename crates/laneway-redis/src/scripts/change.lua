-- What every script that changes something begins with: the census of the queues, and the news.
local census = {}
local is_ready_news, is_control_news = false, false
local ended_ids = {}

local function count(queue, state, jobs)
  local field = state .. ':' .. queue
  census[field] = (census[field] or 0) + jobs
end

-- Writes the census and tells the news, in one message at most.
local function finish()
  for field, jobs in pairs(census) do
    if jobs ~= 0 then call('HINCRBY', prefix .. 'counts', field, jobs) end
  end
  if is_ready_news or is_control_news or #ended_ids > 0 then
    local flags = (is_ready_news and 1 or 0) + (is_control_news and 2 or 0)
    call('PUBLISH', prefix .. 'wake', string.char(flags) .. table.concat(ended_ids))
  end
end

local function standing_new(at)
  return { state = READY, marks = 0, failures = 0, interrupts = 0, handbacks = 0, token = 0,
    at = at, claimed_at = 0, wall = 0 }
end

-- The standing of a job that has just been enqueued, or the one that is kept; nothing where that
-- cannot be read.
local function standing_of(kept, body)
  if not kept then
    if not is_body(body) then return nil end
    local _, enqueued_at = struct.unpack('>I8I8', body)
    return standing_new(enqueued_at)
  end
  if #kept < STANDING_BYTES or string.byte(kept) > PARKED then return nil end
  local s = {}
  s.state, s.marks, s.failures, s.interrupts, s.handbacks, s.token, s.at, s.claimed_at, s.wall =
    struct.unpack(STANDING, kept)
  if s.state == RUNNING then
    local is_read
    is_read, s.deadline, s.place, s.session, s.call, s.queue =
      pcall(struct.unpack, '>' .. HELD, kept, STANDING_BYTES + 1)
    if not is_read then return nil end
  end
  return s
end

local function packed(s)
  return struct.pack(STANDING, s.state, s.marks, math.min(s.failures, COUNT_MAX),
    math.min(s.interrupts, COUNT_MAX), math.min(s.handbacks, COUNT_MAX), s.token, s.at,
    s.claimed_at, s.wall)
end

-- The number by which a line is sorted: the most urgent first, then the oldest.
local function place_in_line(head, body)
  return ((100 - head[PRIORITY]) * URGENCY) + struct.unpack('>I8', body)
end

local function line_of(head) return head[LANE] .. ':' .. head[QUEUE] end

-- The field of `unique` that a job's key is.
local function key_of(head) return head[SCOPE] .. ':' .. head[TASK] .. '\0' .. head[KEY] end
