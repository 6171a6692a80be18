-- Jobs that match, newest first. ARGV after the time: the states as digits (empty for all), the
-- queue and the task (empty for any), the id after which to go on (empty for the start), the most
-- jobs, the most jobs to look at. Answers with the id up to which was looked (empty for the end) and
-- the ids of the jobs that match.
local states, queue, task, after = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local jobs_max, looks_max = tonumber(ARGV[6]), tonumber(ARGV[7])
local from = after == '' and '+' or '(' .. after

local is_wanted = {}
for index = 1, #states do is_wanted[tonumber(string.sub(states, index, index))] = true end

-- The next ids to look at, newest first. States of which there are few have a list of their own; for
-- the others all jobs are looked at.
local function candidates()
  local walks = states == '' or is_wanted[READY] or is_wanted[SUCCEEDED]
    or (is_wanted[SCHEDULED] and call('ZCARD', prefix .. 'due') > looks_max)
  if walks then
    return call('ZREVRANGEBYLEX', prefix .. 'all', from, '-', 'LIMIT', 0, looks_max), true
  end
  local found = {}
  local function add(ids)
    for _, id in ipairs(ids) do
      if after == '' or id < after then found[#found + 1] = id end
    end
  end
  for _, state in ipairs({ FAILED, CANCELLED, PARKED }) do
    if is_wanted[state] then
      add(call('ZREVRANGEBYLEX', prefix .. 'in:' .. state, from, '-', 'LIMIT', 0, looks_max))
    end
  end
  if is_wanted[SCHEDULED] then add(call('ZRANGE', prefix .. 'due', 0, -1)) end
  if is_wanted[RUNNING] then
    for _, sessions in ipairs({ 'sessions', 'lost' }) do
      for _, session in ipairs(call('ZRANGE', prefix .. sessions, 0, -1)) do
        add(call('SMEMBERS', prefix .. 'held:' .. session))
      end
    end
  end
  table.sort(found, function(a, b) return a > b end)
  return found, false
end

local ids, is_walk = candidates()
local looks = math.min(#ids, looks_max)
local answer, last = { '' }, ''
local chunk = 200
local is_full = false
for first = 1, looks, chunk do
  local part = {}
  for index = first, math.min(first + chunk - 1, looks) do part[#part + 1] = ids[index] end
  local kept = fields(STATE, part)
  local bodies = (queue ~= '' or task ~= '') and fields(BODY, part)
  for index, id in ipairs(part) do
    local state = kept[index] and string.byte(kept[index]) or READY
    local matches = states == '' or is_wanted[state]
    if matches and bodies then
      local head = head_of(bodies[index])
      matches = head and (queue == '' or head[QUEUE] == queue) and (task == '' or head[TASK] == task)
    end
    if matches then answer[#answer + 1] = id end
    last = id
    if #answer > jobs_max then
      is_full = true
      break
    end
  end
  if is_full then break end
end
if is_full or #ids > looks or (is_walk and #ids == looks_max)
  or (not is_walk and looks == looks_max) then
  answer[1] = last
end
return answer
