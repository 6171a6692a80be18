-- What every script begins with. KEYS[1] is the key `meta` of the namespace; every other key has the
-- same prefix, whose hash tag keeps the whole namespace in one slot of a cluster. ARGV[1] is the
-- time in microseconds where a test moves the clock, and empty everywhere else.
--
-- Somebody may have changed by hand what is stored, so bodies, heads and standings are looked at
-- before they are taken apart: an error here would stop a queue because of one job.
local call = redis.call
local prefix = string.sub(KEYS[1], 1, -5)
-- Times and scores are exact up to here.
local TIME_MAX = 2 ^ 53 - 1
local now = tonumber(ARGV[1])
if not now or now % 1 ~= 0 or now < 0 or now > TIME_MAX then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local BODY, STATE = prefix .. 'body', prefix .. 'state'
local SCHEDULED, READY, RUNNING, SUCCEEDED, FAILED, CANCELLED, PARKED = 0, 1, 2, 3, 4, 5, 6

-- A job's standing: state, marks, failures, interrupts, handbacks, token, at, claimed_at, wall. `at`
-- is the time since when it is ready, until when it is scheduled, or at which it ended; `wall` is
-- one more than the microseconds of the last attempt, and 0 when nothing was measured.
local STANDING = '>BBI4I4I4I8I8I8I8'
local STANDING_BYTES = 46
-- The most that a count of attempts can be there.
local COUNT_MAX = 2 ^ 32 - 1
-- What follows in the standing of a running job: deadline, place, session, call, queue.
local HELD = 'I8I4c26ss'
local WHOLE_STANDING = STANDING .. HELD
-- Marks: somebody wants it cancelled; `failure` and `progress` hold something for it; it has a
-- unique key that is free when it ends.
local ASKED, HAS_FAILURE, HAS_PROGRESS, FREES_KEY = 1, 2, 4, 8
-- What comes first in a body: seq, enqueued_at, span of the deadline, flags, length of the head.
local BODY_START = '>I8I8I8BI2'
local BODY_START_BYTES = 27
-- Flags of a body: attempts have a deadline; it has a unique key; that key is free when it ends.
local WITH_DEADLINE, WITH_KEY, WITH_FREE_KEY = 1, 2, 4
-- Elements of a head.
local TASK, QUEUE, LANE, PRIORITY, POLICY, LIMIT, SCOPE, KEY, ON_INTERRUPT, INTERRUPTS_MAX, SPAN =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

-- The distance of two priorities in the score of a line: room for so many jobs.
local URGENCY = 2 ^ 45

-- A Lua function takes so many arguments at most, and some room is left.
local ARGUMENTS_MAX = 4000

-- Calls a command for a list of any length; a multiple of `step` belongs together.
local function bulk(command, key, list, option)
  local length = #list
  if length == 0 then return end
  if length <= ARGUMENTS_MAX then
    if option then return call(command, key, option, unpack(list)) end
    return call(command, key, unpack(list))
  end
  for first = 1, length, ARGUMENTS_MAX do
    call(command, key, unpack(list, first, math.min(first + ARGUMENTS_MAX - 1, length)))
  end
end

-- The values of many fields; `false` where there is none.
local function fields(key, names)
  local length = #names
  if length == 0 then return {} end
  if length <= ARGUMENTS_MAX then return call('HMGET', key, unpack(names)) end
  local values = {}
  for first = 1, length, ARGUMENTS_MAX do
    local last = math.min(first + ARGUMENTS_MAX - 1, length)
    for index, value in ipairs(call('HMGET', key, unpack(names, first, last))) do
      values[first + index - 1] = value
    end
  end
  return values
end

local function has(marks, mark) return math.floor(marks / mark) % 2 == 1 end

local function mark(marks, one) return has(marks, one) and marks or marks + one end

local function unmark(marks, one) return has(marks, one) and marks - one or marks end

-- Whether a text is the identity of a job.
local function is_id(text) return #text == 26 and string.match(text, '^[0-7][0-9A-HJKMNP-TV-Z]*$') end

-- Whether a stored body can be taken apart.
local function is_body(body) return body and #body >= BODY_START_BYTES end

local function is_whole(value, low, high)
  return type(value) == 'number' and value % 1 == 0 and value >= low and value <= high
end

-- What a job shares with others of its call; nothing where that cannot be read.
local function head_of(body)
  if not is_body(body) then return nil end
  local is_read, _, head = pcall(cmsgpack.unpack_one, body, BODY_START_BYTES)
  if not is_read or type(head) ~= 'table' or type(head[TASK]) ~= 'string'
    or type(head[QUEUE]) ~= 'string' or not is_whole(head[LANE], 0, 2)
    or not is_whole(head[PRIORITY], -100, 100) then
    return nil
  end
  if head[LIMIT] and type(head[LIMIT]) ~= 'string' then return nil end
  if head[SCOPE] and (type(head[SCOPE]) ~= 'number' or type(head[KEY]) ~= 'string') then
    return nil
  end
  return head
end
