-- Ends attempts of a session; an entry that is stale changes nothing.
--
-- ARGV after the time: session, then for each entry its start and its data. The start is the job's
-- id, the token, one more than the microseconds it took (0 for not measured), and the kind of its
-- end. The data is the result, the failure, or for a retry the wait and the failure.
-- Answers with a text of a `1` for each entry that was recorded and a `0` for each that is stale.
local session = ARGV[2]
local entries = (#ARGV - 2) / 2
if call('HGET', prefix .. 'session:' .. session, 'ended') ~= '0' then
  return string.rep('0', entries)
end

local SUCCEED, RETRY, FAIL, CANCEL, RELEASE, HAND_BACK, INTERRUPT, PARK, PUT_BACK =
  0, 1, 2, 3, 4, 5, 6, 7, 8
local START, ID_BYTES = '>I8I8B', 26

local ids = {}
for entry = 1, entries do ids[entry] = string.sub(ARGV[1 + entry * 2], 1, ID_BYTES) end
local kept = fields(STATE, ids)

-- Ends an attempt in any other way than with a result.
local function settle_other(id, s, kind, data)
  if kind == FAIL then
    s.failures = s.failures + 1
    end_attempt(id, s, FAILED, data)
  elseif kind == RETRY then
    s.failures = s.failures + 1
    local after = struct.unpack('>I8', data)
    end_attempt(id, s, SCHEDULED, string.sub(data, 9), math.min(now + after, TIME_MAX))
  elseif kind == CANCEL then
    end_attempt(id, s, CANCELLED, data)
  elseif kind == RELEASE then
    end_attempt(id, s, READY, 'kept')
  elseif kind == HAND_BACK then
    s.handbacks = s.handbacks + 1
    local after = struct.unpack('>I8', data)
    end_attempt(id, s, SCHEDULED, 'kept', math.min(now + after, TIME_MAX))
  elseif kind == PUT_BACK then
    -- The store could not hand it out: as if nobody had asked.
    local head = head_of(call('HGET', BODY, id))
    if head and head[LIMIT] then give_back(head[LIMIT]) end
    local after = struct.unpack('>I8', data)
    end_attempt(id, s, SCHEDULED, 'kept', math.min(now + after, TIME_MAX))
  elseif kind == INTERRUPT then
    interrupt(id, s, cmsgpack.unpack(data))
  else
    end_attempt(id, s, PARKED, data)
  end
end

local answers, states, left, ended, overdue = {}, {}, {}, {}, {}
local ended_at = string.format('%.0f', now)
-- How many jobs of each queue succeeded, and how many that are in all.
local succeeded, successes = {}, 0
local settled = {}
for entry = 1, entries do
  local id = ids[entry]
  local token, wall, kind = struct.unpack(START, ARGV[1 + entry * 2], ID_BYTES + 1)
  local standing = kept[entry]
  answers[entry] = '0'
  if standing and string.byte(standing) == RUNNING and not settled[id] then
    local is_read, _, marks, failures, interrupts, handbacks, held_token, _, claimed_at, earlier,
      deadline, _, holder, _, queue = pcall(struct.unpack, WHOLE_STANDING, standing)
    if is_read and holder == session and held_token == token then
      answers[entry] = '1'
      settled[id] = true
      if wall == 0 then wall = earlier end
      if kind == SUCCEED and marks == 0 then
        states[2 * successes + 1] = id
        states[2 * successes + 2] = struct.pack(STANDING, SUCCEEDED, 0, failures, interrupts, handbacks,
          token, now, claimed_at, wall) .. ARGV[2 + entry * 2]
        successes = successes + 1
        left[successes] = id
        ended[successes] = id .. ended_at
        ended_ids[#ended_ids + 1] = id
        if deadline > 0 then overdue[#overdue + 1] = id end
        succeeded[queue] = (succeeded[queue] or 0) + 1
      else
        local s = standing_of(standing)
        s.wall = wall
        leave_running(id, s)
        if kind == SUCCEED then
          s.marks = unmark(s.marks, ASKED)
          set_failure(id, s, nil)
          if has(s.marks, FREES_KEY) then free_key(id, call('HGET', BODY, id)) end
          s.marks = unmark(s.marks, FREES_KEY)
          make_ended(id, s, SUCCEEDED, queue, ARGV[2 + entry * 2])
        else
          settle_other(id, s, kind, ARGV[2 + entry * 2])
        end
      end
    end
  end
  if standing and not settled[id] and not standing_of(standing)
    and call('SISMEMBER', prefix .. 'held:' .. session, id) == 1 then
    settled[id] = true
    bury_held(id, session)
  end
end
for queue, jobs in pairs(succeeded) do
  count(queue, RUNNING, -jobs)
  count(queue, SUCCEEDED, jobs)
end
bulk('HSET', STATE, states)
bulk('SREM', prefix .. 'held:' .. session, left)
bulk('RPUSH', prefix .. 'ended', ended)
bulk('ZREM', prefix .. 'deadline', overdue)
finish()
return table.concat(answers)
