-- What people decide. ARGV after the time: what to do and its arguments.
--
-- `cancel` ids: answers with a digit for each: 0 unknown, 1 done, 2 asked, 3 too late.
-- `requeue` ids: answers with a character for each: `-` unknown, `+` done, or its state.
-- `pause` queue, `resume` queue.
local verb = ARGV[2]

-- Takes a job out of the place where it waits.
local function leave_waiting(id, body, head, s)
  if s.state == SCHEDULED then
    call('ZREM', prefix .. 'due', id)
    call('ZREM', prefix .. 'due:' .. line_of(head), id)
  elseif s.state == PARKED then
    call('ZREM', prefix .. 'in:' .. PARKED, id)
  else
    call('ZREM', prefix .. 'since:' .. head[QUEUE], id)
    if head[LIMIT] then
      call('ZREM', limited_line(head[LANE], head[QUEUE], head[LIMIT]), id)
      close_line_if_empty(head[LANE], head[QUEUE], head[LIMIT])
    else
      call('ZREM', prefix .. 'ready:' .. line_of(head), id)
    end
  end
  count(head[QUEUE], s.state, -1)
end

local function cancel(id)
  local body = call('HGET', BODY, id)
  if not body then return '0' end
  local s = standing_of(call('HGET', STATE, id), body)
  -- The next claim fails it.
  if not s then return '3' end
  if s.state == RUNNING then
    s.marks = mark(s.marks, ASKED)
    call('HSET', STATE, id, packed(s) .. string.sub(call('HGET', STATE, id), 47))
    call('SADD', prefix .. 'cancel:' .. s.session, id)
    is_control_news = true
    return '2'
  end
  if s.state ~= SCHEDULED and s.state ~= READY and s.state ~= PARKED then return '3' end
  local head = head_of(body)
  if not head then return '3' end
  leave_waiting(id, body, head, s)
  set_failure(id, s, CANCELLED_FAILURE)
  if head[SCOPE] == 0 then free_key(id, body) end
  make_ended(id, s, CANCELLED, head[QUEUE])
  return '1'
end

local function requeue(id)
  local body = call('HGET', BODY, id)
  if not body then return '-' end
  local s = standing_of(call('HGET', STATE, id), body)
  if not s then return tostring(FAILED) end
  if s.state ~= FAILED and s.state ~= CANCELLED and s.state ~= PARKED then return tostring(s.state) end
  local head = head_of(body)
  if not head then return tostring(s.state) end
  if head[SCOPE] == 0 and s.state ~= PARKED then
    -- The key was freed when the job ended; another job may have it meanwhile.
    if call('HSETNX', prefix .. 'unique', key_of(head), id) == 0 then return tostring(s.state) end
  end
  call('ZREM', prefix .. 'in:' .. s.state, id)
  count(head[QUEUE], s.state, -1)
  s.failures, s.interrupts, s.handbacks = 0, 0, 0
  make_ready(id, body, head, s, now)
  return '+'
end

if verb == 'pause' or verb == 'resume' then
  call('HSET', prefix .. 'queues', ARGV[3], verb == 'pause' and 1 or 0)
  is_control_news = true
  is_ready_news = verb == 'resume'
  finish()
  return 1
end
local decide = verb == 'cancel' and cancel or requeue
local answers = {}
for index = 3, #ARGV do answers[#answers + 1] = decide(ARGV[index]) end
finish()
return table.concat(answers)
