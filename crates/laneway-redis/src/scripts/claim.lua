-- Takes ready jobs for a session.
--
-- ARGV after the time: session, number of the claim, number of queues, the queues, then pairs of a
-- lane and the places in it. Answers with -1 when the session is not open; else with the time, the
-- next due time (-1 for none), and for each job its id, its standing and its body.
local session, number = ARGV[2], ARGV[3]
local session_key, held_key = prefix .. 'session:' .. session, prefix .. 'held:' .. session
local open = call('HMGET', session_key, 'ended', 'calls')
if open[1] ~= '0' then return -1 end

local queues_asked = tonumber(ARGV[4])
local sources, lanes, room = {}, {}, {}
do
  local names = {}
  for index = 1, queues_asked do names[index] = ARGV[4 + index] end
  local seen = {}
  for index, is_paused in ipairs(fields(prefix .. 'queues', names)) do
    local name = names[index]
    if is_paused == '0' and not seen[name] then
      seen[name] = true
      sources[#sources + 1] = name
    end
  end
  for index = 5 + queues_asked, #ARGV, 2 do
    local lane = tonumber(ARGV[index])
    if not room[lane] then lanes[#lanes + 1] = lane end
    room[lane] = tonumber(ARGV[index + 1])
  end
end

local answer = { now, -1 }
local states, held, deadlines, back = {}, {}, {}, {}
local taken = 0
-- Whether a job could not be read: a place is still free then.
local has_unreadable = false

-- Makes jobs running that have left their line; all are of one queue.
local function start(ids, queue)
  local bodies, kept = fields(BODY, ids), fields(STATE, ids)
  local buried, nothing = 0, 0
  for index, id in ipairs(ids) do
    local body, standing = bodies[index], kept[index]
    if not is_id(id) or not is_body(body) or (standing and not standing_of(standing)) then
      has_unreadable = true
      call('ZREM', prefix .. 'since:' .. queue, id)
      -- What has no id that could be one is nothing.
      if not is_id(id) then
        nothing = nothing + 1
      else
        buried = buried + 1
        local what = is_body(body) and 'where it stands' or 'what it is'
        bury(id, standing and standing_of(standing), queue, what)
      end
    else
      local marks, failures, interrupts, handbacks, token, ready_at, wall = 0, 0, 0, 0, 0, 0, 0
      if standing then
        local _
        _, marks, failures, interrupts, handbacks, token, ready_at, _, wall =
          struct.unpack(STANDING, standing)
        if has(marks, HAS_PROGRESS) then
          call('HDEL', prefix .. 'progress', id)
          marks = unmark(marks, HAS_PROGRESS)
        end
        back[#back + 1] = id
      else
        ready_at = struct.unpack('>I8', body, 9)
      end
      local deadline = 0
      local flags = string.byte(body, 25)
      if flags > 0 then
        if has(flags, WITH_DEADLINE) then
          deadline = math.min(now + struct.unpack('>I8', body, 17), TIME_MAX)
          deadlines[#deadlines + 1] = deadline
          deadlines[#deadlines + 1] = id
        end
        if has(flags, WITH_FREE_KEY) then marks = mark(marks, FREES_KEY) end
      end
      local running = struct.pack(WHOLE_STANDING, RUNNING, marks, failures, interrupts, handbacks,
        token + 1, ready_at, now, wall, deadline, taken, session, number, queue)
      states[2 * taken + 1] = id
      states[2 * taken + 2] = running
      local place = 2 + 3 * taken
      answer[place + 1] = id
      answer[place + 2] = running
      answer[place + 3] = body
      taken = taken + 1
      held[taken] = id
    end
  end
  bulk('ZREM', prefix .. 'since:' .. queue, back)
  back = {}
  count(queue, READY, nothing - #ids)
  count(queue, RUNNING, #ids - buried - nothing)
end

-- Merges lines that are sorted by their scores; `line` is a list of pairs of an id and a score.
local function sorted(jobs)
  table.sort(jobs, function(a, b) return a[2] < b[2] end)
  return jobs
end

-- The best jobs of a limit's lines, no more than there is room for, by queue.
local function wanted_of(key)
  local wanted, left = {}, {}
  for _, lane in ipairs(lanes) do left[lane] = room[lane] end
  for _, queue in ipairs(sources) do
    local line = {}
    for _, lane in ipairs(lanes) do
      if left[lane] > 0 then
        local found = call('ZRANGE', limited_line(lane, queue, key), 0, left[lane] - 1, 'WITHSCORES')
        for index = 1, #found, 2 do
          line[#line + 1] = { found[index], tonumber(found[index + 1]), lane, queue }
        end
        left[lane] = left[lane] - #found / 2
      end
    end
    for _, job in ipairs(sorted(line)) do wanted[#wanted + 1] = job end
  end
  return wanted
end

-- The limits with a permit and a waiting job, the one first that has waited longest.
local function open_gates()
  local found, seen, room_in_all = {}, {}, 0
  for _, lane in ipairs(lanes) do room_in_all = room_in_all + room[lane] end
  for _, queue in ipairs(sources) do
    for _, lane in ipairs(lanes) do
      if room[lane] > 0 then
        -- Each open gate has a job for this line and a permit for it, unless jobs of other lines
        -- take its permits: more of them than there is room for in all lanes do not matter.
        local line = call('ZRANGEBYSCORE', prefix .. 'lines:' .. lane .. ':' .. queue, '-inf', now,
          'WITHSCORES', 'LIMIT', 0, room_in_all)
        for index = 1, #line, 2 do
          if not seen[line[index]] then
            seen[line[index]] = true
            found[#found + 1] = { line[index], tonumber(line[index + 1]) }
          end
        end
      end
    end
  end
  return sorted(found)
end

local function is_full()
  for _, lane in ipairs(lanes) do
    if room[lane] > 0 then return false end
  end
  return true
end

local function take_limited()
  for _, open_gate in ipairs(open_gates()) do
    if is_full() then return end
    local key = open_gate[1]
    local wanted = wanted_of(key)
    local gate = gate_of(key)
    local granted, tat = grant(gate, #wanted)
    -- Lines that were open and gave nothing, since somebody has changed by hand what is stored,
    -- would stay the first of the open ones, in the way of all others.
    if #wanted == 0 then
      for _, queue in ipairs(sources) do
        for _, lane in ipairs(lanes) do
          -- For a lane that is full by now nobody has looked.
          if room[lane] > 0 then close_line_if_empty(lane, queue, key) end
        end
      end
    elseif granted == 0 then
      put_gate(key, gate)
    else
      gate.tat = tat
      if not gate.is_missing then put_gate(key, gate) end
      for index = 1, granted do
        local id, _, lane, queue = unpack(wanted[index])
        call('ZREM', limited_line(lane, queue, key), id)
        close_line_if_empty(lane, queue, key)
        room[lane] = room[lane] - 1
        start({ id }, queue)
      end
    end
  end
end

-- The ids of jobs at the heads of lines, the best first.
local function merged(lines)
  local jobs, ids = {}, {}
  for _, line in ipairs(lines) do
    local found = call('ZRANGE', line.key, 0, #line.ids - 1, 'WITHSCORES')
    for index = 1, #found, 2 do jobs[#jobs + 1] = { found[index], tonumber(found[index + 1]) } end
  end
  for index, job in ipairs(sorted(jobs)) do ids[index] = job[1] end
  return ids
end

-- Scores are asked for only where lines must be merged: to write and to read one costs as much as
-- a command.
local function take_ready()
  for _, queue in ipairs(sources) do
    local lines = {}
    for _, lane in ipairs(lanes) do
      if room[lane] > 0 then
        local key = prefix .. 'ready:' .. lane .. ':' .. queue
        local ids = call('ZRANGE', key, 0, room[lane] - 1)
        room[lane] = room[lane] - #ids
        if #ids > 0 then lines[#lines + 1] = { key = key, ids = ids } end
      end
    end
    local ids = #lines > 1 and merged(lines) or lines[1] and lines[1].ids
    for _, line in ipairs(lines) do call('ZREMRANGEBYRANK', line.key, 0, #line.ids - 1) end
    if ids then start(ids, queue) end
  end
end

-- What this very claim took and still holds.
local function take_again()
  local ids, mine = call('SMEMBERS', held_key), {}
  for index, standing in ipairs(fields(STATE, ids)) do
    local s = standing and standing_of(standing)
    if s and s.call == number then mine[#mine + 1] = { ids[index], s.place, standing } end
  end
  for _, job in ipairs(sorted(mine)) do
    answer[#answer + 1] = job[1]
    answer[#answer + 1] = job[3]
    answer[#answer + 1] = call('HGET', BODY, job[1]) or ''
  end
end

local function next_due_at()
  local earliest
  for _, queue in ipairs(sources) do
    for _, lane in ipairs(lanes) do
      local line = lane .. ':' .. queue
      local due = call('ZRANGE', prefix .. 'due:' .. line, 0, 0, 'WITHSCORES')[2]
      local permit = call('ZRANGE', prefix .. 'lines:' .. line, 0, 0, 'WITHSCORES')[2]
      if due then earliest = math.min(earliest or TIME_MAX, tonumber(due)) end
      if permit then earliest = math.min(earliest or TIME_MAX, math.max(tonumber(permit), now)) end
    end
  end
  return earliest or -1
end

local calls = open[2]
if string.find(calls, ',' .. number .. ',', 1, true) then
  take_again()
else
  -- Where somebody has deleted all gates, jobs still wait behind them.
  local has_limits = call('EXISTS', prefix .. 'gate', prefix .. 'gatejobs') > 0
  promote(PROMOTE_MAX)
  if has_limits then take_limited() end
  take_ready()
  if taken > 0 then
    bulk('HSET', STATE, states)
    bulk('SADD', held_key, held)
    bulk('ZADD', prefix .. 'deadline', deadlines)
    calls = calls .. number .. ','
    -- A worker repeats only its latest claims.
    if #calls > 1000 then calls = string.sub(calls, string.find(calls, ',', #calls - 500, true)) end
    call('HSET', session_key, 'calls', calls)
  end
  finish()
end
answer[2] = has_unreadable and now or next_due_at()
return answer
