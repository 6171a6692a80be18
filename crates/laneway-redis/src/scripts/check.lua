-- What other programs may ask for: exactly what workers can read. What is wrong is found before
-- anything is changed, for a script that fails in the middle leaves its changes half done.
local WHOLE_MAX, BITS_64 = 2 ^ 32 - 1, 2 ^ 64

local SEQUENCES = {
  '^[%z\1-\127]+', '^[\194-\223][\128-\191]', '^\224[\160-\191][\128-\191]',
  '^[\225-\236\238\239][\128-\191][\128-\191]', '^\237[\128-\159][\128-\191]',
  '^\240[\144-\191][\128-\191][\128-\191]', '^[\241-\243][\128-\191][\128-\191][\128-\191]',
  '^\244[\128-\143][\128-\191][\128-\191]',
}

-- Whether a value is a text in UTF-8.
local function is_text(value)
  if type(value) ~= 'string' then return false end
  local at = 1
  while at <= #value do
    local last
    for _, sequence in ipairs(SEQUENCES) do
      local _, found = string.find(value, sequence, at)
      last = last or found
    end
    if not last then return false end
    at = last + 1
  end
  return true
end

-- Blanks of Unicode beyond ASCII that are no control characters.
local BLANKS = {
  '\194\160', '\225\154\128', '\226\128[\128-\138]', '\226\128[\168\169\175]', '\226\129\159',
  '\227\128\128',
}

-- Whether a value is a name: 1 to 200 bytes, no control characters, no blanks at its ends.
local function is_name(value)
  if type(value) ~= 'string' or #value < 1 or #value > 200 then return false end
  if not string.find(value, '[^!-~]') then return true end
  if string.find(value, '[%z\1-\31\127]') or string.find(value, '\194[\128-\159]') then
    return false
  end
  if string.find(value, '^ ') or string.find(value, ' $') then return false end
  for _, blank in ipairs(BLANKS) do
    if string.find(value, '^' .. blank) or string.find(value, blank .. '$') then return false end
  end
  return is_text(value)
end

local NAME = ' is not a name: 1 to 200 bytes, no control characters, no blanks at its ends'

-- What is wrong with a rate, `count/microseconds/burst`.
local function is_rate(rate)
  local found, _, per_count, per, burst = string.find(rate, '^(%d+)/(%d+)/(%d+)$')
  per_count, per, burst = tonumber(per_count), tonumber(per), tonumber(burst)
  return found and is_whole(per_count, 1, WHOLE_MAX) and is_whole(burst, 1, WHOLE_MAX)
    and is_whole(per, per_count, 2 ^ 63)
end

-- What is wrong with a group; nothing when it can be added.
local function mistake(head, due, rate)
  if type(head) ~= 'table' then return 'the head is not an array' end
  if not is_name(head[TASK]) then return 'the task' .. NAME end
  if not is_name(head[QUEUE]) then return 'the queue' .. NAME end
  if not is_whole(head[LANE], 0, 2) then return 'the lane is not 0, 1 or 2' end
  if not is_whole(head[PRIORITY], -100, 100) then
    return 'the priority is not a whole number from -100 to 100'
  end
  if not is_text(head[POLICY] or '') then return 'the policy is not a name' end
  if head[LIMIT] and not is_text(head[LIMIT]) then return 'the limit is not a text' end
  if head[LIMIT] and not is_rate(rate) then
    return 'the rate is not count/microseconds/burst, with a microsecond for each'
  end
  if head[SCOPE] and not (is_whole(head[SCOPE], 0, 1) and is_text(head[KEY])) then
    return 'the unique key is not a scope of 0 or 1 and a text'
  end
  if not is_whole(head[ON_INTERRUPT] or 0, 0, 1) then return 'the interruption is not 0 or 1' end
  if not is_whole(head[INTERRUPTS_MAX] or 1, 0, WHOLE_MAX) then
    return 'the number of interruptions is not a whole one'
  end
  if not is_whole(head[SPAN] or 0, 0, TIME_MAX) then
    return 'the time until it counts as hung is not a whole number of microseconds'
  end
  if due ~= '' and not string.find(due, '^%+%d+$') and not string.find(due, '^@%-?%d+$') then
    return 'the due time is neither empty nor +N nor @N'
  end
  return nil
end

-- A head as workers read it: whole numbers are packed as such, and nothing is left out.
local function packed_of(head)
  return cmsgpack.pack({ head[TASK], head[QUEUE], head[LANE], head[PRIORITY], head[POLICY] or '',
    head[LIMIT] or false, head[SCOPE] or false, head[SCOPE] and head[KEY] or false,
    head[ON_INTERRUPT] or 0, head[INTERRUPTS_MAX] or INTERRUPTS_MAX_DEFAULT, head[SPAN] or 0 })
end

-- Whether a value of a packed policy is a span. Lua sees a number of 64 bits whose first is set as a
-- negative one; it is packed behind its name with a mark of its own.
local function is_span(value, text)
  if type(value) ~= 'table' or not is_whole(value.nanos, 0, WHOLE_MAX) then return false end
  return is_whole(value.secs, 0, BITS_64)
    or (is_whole(value.secs, -BITS_64, -1) and string.find(text, 'secs\207', 1, true) ~= nil)
end

local function is_number(value)
  return type(value) == 'number' and value == value and value < math.huge and value > -math.huge
end

-- Whether a policy can be read, a map of names as Laneway's clients write it.
local function is_policy(text)
  local is_packed, policy = pcall(cmsgpack.unpack, text)
  if not is_packed or type(policy) ~= 'table' then return false end
  local retry = policy.retry
  return type(retry) == 'table' and is_whole(retry.attempts_max, 0, WHOLE_MAX)
    and is_span(retry.first, text) and is_span(retry.cap, text) and is_number(retry.factor)
    and is_number(retry.jitter) and (policy.timeout == nil or is_span(policy.timeout, text))
    and is_span(policy.grace, text) and is_whole(policy.interrupts_max, 0, WHOLE_MAX)
    and (policy.on_interrupt == 'retry' or policy.on_interrupt == 'park')
end

-- What is wrong with the policies of the call; nothing when each can be read. One that is known was
-- looked at when it was added.
local function mistake_of_policies(policies)
  if not is_whole(policies, 0, (#ARGV - 2) / 2) then
    return 'the number of policies does not fit the arguments'
  end
  for at = 3, after_policies() - 1, 2 do
    if call('HEXISTS', prefix .. 'policy', ARGV[at]) == 0 and not is_policy(ARGV[at + 1]) then
      return 'the policy `' .. ARGV[at] .. '` is not one'
    end
  end
  return nil
end

-- Whether a policy is in the call or in the store; the empty name is the default one's.
local function is_known_policy(name)
  if name == '' then return true end
  for at = 3, after_policies() - 1, 2 do
    if ARGV[at] == name then return true end
  end
  return call('HEXISTS', prefix .. 'policy', name) == 1
end

local function refuse(what)
  return redis.error_reply(JOB_UNREADABLE .. ' ' .. what)
end
