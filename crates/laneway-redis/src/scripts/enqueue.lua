-- Adds jobs, all or none; those whose id or unique key is known are not added again.
--
-- ARGV after the time: the number of policies, for each its name and its MessagePack; then groups of
-- jobs that share a head. A group is: the head (a MessagePack array), when they are due (empty for
-- at once, `+N` for N microseconds later, `@N` for the instant N), the rate of the limit
-- (`count/per/burst`, empty without one), the number of jobs, and for each its id and its arguments.
--
-- Answers with a text of a `1` for each job that was added and a `0` for each other, and pairs of
-- the number of a job (from 1) and the id of the job that has its unique key.
local at = after_policies()

-- What is wrong with a group; nothing when it can be added. Other programs call this, too, and what
-- is found out in the middle of the changes would leave them half done.
local function mistake(head, due, rate)
  if type(head) ~= 'table' then return 'the head is not an array' end
  local function is_whole(value, low, high)
    return type(value) == 'number' and value % 1 == 0 and value >= low and value <= high
  end
  local function is_text(value) return type(value) == 'string' and #value > 0 and #value <= 200 end
  if not is_text(head[TASK]) then return 'the task is not a name' end
  if not is_text(head[QUEUE]) then return 'the queue is not a name' end
  if not is_whole(head[LANE], 0, 2) then return 'the lane is not 0, 1 or 2' end
  if not is_whole(head[PRIORITY], -100, 100) then return 'the priority is not in -100 to 100' end
  if type(head[POLICY] or '') ~= 'string' then return 'the policy is not a name' end
  if head[LIMIT] and type(head[LIMIT]) ~= 'string' then return 'the limit is not a text' end
  if head[LIMIT] and not string.match(rate, '^[1-9]%d*/[1-9]%d*/[1-9]%d*$') then
    return 'the rate is not count/microseconds/burst'
  end
  if head[SCOPE] and not (is_whole(head[SCOPE], 0, 1) and type(head[KEY]) == 'string') then
    return 'the unique key is not a scope and a text'
  end
  if not is_whole(head[ON_INTERRUPT] or 0, 0, 1) then return 'the interruption is not 0 or 1' end
  if not is_whole(head[INTERRUPTS_MAX] or 1, 0, 2 ^ 32 - 1) then
    return 'the number of interruptions is not one'
  end
  if not is_whole(head[SPAN] or 0, 0, TIME_MAX) then return 'the deadline is not a span' end
  if due ~= '' and not string.match(due, '^%+%d+$') and not string.match(due, '^@%-?%d+$') then
    return 'the due time is neither empty nor +N nor @N'
  end
  return nil
end

local groups, heads, ids = {}, {}, {}
while at <= #ARGV do
  local jobs = tonumber(ARGV[at + 3])
  if not jobs or jobs < 1 or jobs % 1 ~= 0 or at + 3 + jobs * 2 > #ARGV then
    return redis.error_reply('ERR the number of jobs does not fit the arguments')
  end
  local is_packed, head = pcall(cmsgpack.unpack, ARGV[at])
  local wrong = is_packed and mistake(head, ARGV[at + 1], ARGV[at + 2]) or nil
  if not is_packed then wrong = 'the head is not MessagePack' end
  if wrong then return redis.error_reply('ERR ' .. wrong) end
  groups[#groups + 1] = at
  heads[#heads + 1] = head
  for index = 0, jobs - 1 do
    local id = ARGV[at + 4 + index * 2]
    if #id ~= 26 or not string.match(id, '^[0-7][0-9A-HJKMNP-TV-Z]*$') then
      return redis.error_reply('ERR an id is not a ULID')
    end
    ids[#ids + 1] = id
  end
  at = at + 4 + jobs * 2
end
put_policies()

local known = {}
for index, body in ipairs(fields(BODY, ids)) do
  if body then known[ids[index]] = true end
end
local seq = call('HINCRBY', prefix .. 'meta', 'seq', #ids) - #ids

local bodies, order, answers, holders = {}, {}, {}, {}
local lines, queues = {}, {}

local function due_at(text)
  local kind = string.sub(text, 1, 1)
  if kind == '+' then return math.min(now + tonumber(string.sub(text, 2)), TIME_MAX) end
  if kind == '@' then return math.min(tonumber(string.sub(text, 2)), TIME_MAX) end
  return now
end

local function standing_new(at_time)
  return { state = READY, marks = 0, failures = 0, interrupts = 0, handbacks = 0, token = 0,
    at = at_time, claimed_at = 0, wall = 0 }
end

for number, group in ipairs(groups) do
  local packed_head, head = ARGV[group], heads[number]
  local due = due_at(ARGV[group + 1])
  local rate, jobs = ARGV[group + 2], tonumber(ARGV[group + 3])
  local rest = body_rest(packed_head, head, now)
  local is_plain = due <= now and not head[LIMIT]
  local urgency = (100 - head[PRIORITY]) * URGENCY
  local line_name = line_of(head)
  local line = lines[line_name] or {}
  lines[line_name] = line
  local added = 0
  for index = 0, jobs - 1 do
    local id, args = ARGV[group + 4 + index * 2], ARGV[group + 5 + index * 2]
    seq = seq + 1
    local holder = not known[id] and take_key(id, head)
    if known[id] or holder then
      if holder then
        holders[#holders + 1] = #answers + 1
        holders[#holders + 1] = holder
      end
      answers[#answers + 1] = '0'
    else
      known[id] = true
      answers[#answers + 1] = '1'
      added = added + 1
      local body = struct.pack('>I8', seq) .. rest .. args
      bodies[#bodies + 1] = id
      bodies[#bodies + 1] = body
      order[#order + 1] = 0
      order[#order + 1] = id
      if is_plain then
        line[#line + 1] = urgency + seq
        line[#line + 1] = id
      else
        if head[LIMIT] then use_gate(head, rate) end
        if due > now then
          make_scheduled(id, head, standing_new(due), due)
        else
          make_ready(id, body, head, standing_new(now), now)
        end
      end
    end
  end
  if added > 0 then
    queues[head[QUEUE]] = true
    is_ready_news = true
    if is_plain then count(head[QUEUE], READY, added) end
  end
end

bulk('HSET', BODY, bodies)
bulk('ZADD', prefix .. 'all', order)
for name, line in pairs(lines) do bulk('ZADD', prefix .. 'ready:' .. name, line) end
for queue in pairs(queues) do call('HSETNX', prefix .. 'queues', queue, 0) end
finish()
return { table.concat(answers), holders }
