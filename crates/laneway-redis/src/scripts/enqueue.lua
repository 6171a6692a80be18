-- Adds jobs, all or none; those whose id or unique key is known are not added again.
--
-- ARGV after the time: the number of policies, for each its name and its MessagePack; then groups of
-- jobs that share a head. A group is: the head (a MessagePack array), when they are due (empty for
-- at once, `+N` for N microseconds later, `@N` for the instant N), the rate of the limit
-- (`count/per/burst`, empty without one), the number of jobs, and for each its id and its arguments.
--
-- Answers with a text of a `1` for each job that was added and a `0` for each other, and pairs of
-- the number of a job (from 1) and the id of the job that has its unique key.
--
-- What workers could not read is refused with the code of its page, and nothing is added.
do
  local wrong = mistake_of_policies(tonumber(ARGV[2]))
  if wrong then return refuse(wrong) end
end

local groups, heads, ids = {}, {}, {}
local at = after_policies()
while at <= #ARGV do
  local jobs = tonumber(ARGV[at + 3])
  if not jobs or jobs < 1 or jobs % 1 ~= 0 or at + 3 + jobs * 2 > #ARGV then
    return refuse('the number of jobs does not fit the arguments')
  end
  local is_packed, head = pcall(cmsgpack.unpack, ARGV[at])
  local wrong = is_packed and mistake(head, ARGV[at + 1], ARGV[at + 2]) or nil
  if not is_packed then wrong = 'the head is not MessagePack' end
  if not wrong and not is_known_policy(head[POLICY] or '') then
    wrong = 'there is no policy `' .. head[POLICY] .. '`'
  end
  if wrong then return refuse(wrong) end
  groups[#groups + 1] = at
  heads[#heads + 1] = head
  for index = 0, jobs - 1 do
    local id = ARGV[at + 4 + index * 2]
    if not is_id(id) then return refuse('an id is not a ULID') end
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
local lines, queues, added_now = {}, {}, {}

local function due_at(text)
  local kind = string.sub(text, 1, 1)
  if kind == '+' then return math.min(now + tonumber(string.sub(text, 2)), TIME_MAX) end
  if kind == '@' then return math.min(tonumber(string.sub(text, 2)), TIME_MAX) end
  return now
end

for number, group in ipairs(groups) do
  local head = heads[number]
  local due = due_at(ARGV[group + 1])
  local rate, jobs = ARGV[group + 2], tonumber(ARGV[group + 3])
  local rest = body_rest(packed_of(head), head, now)
  local is_plain = due <= now and not head[LIMIT]
  local urgency = (100 - head[PRIORITY]) * URGENCY
  local line_name = line_of(head)
  local line = lines[line_name] or {}
  lines[line_name] = line
  local added = 0
  for index = 0, jobs - 1 do
    local id, args = ARGV[group + 4 + index * 2], ARGV[group + 5 + index * 2]
    seq = seq + 1
    local holder = not known[id] and take_key(id, head, added_now)
    if known[id] or holder then
      if holder then
        holders[#holders + 1] = #answers + 1
        holders[#holders + 1] = holder
      end
      answers[#answers + 1] = '0'
    else
      known[id] = true
      added_now[id] = true
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
