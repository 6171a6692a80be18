-- Where a job can stand, and how it gets there.

local function make_ready(id, body, head, s, ready_at)
  local score = place_in_line(head, body)
  if head[LIMIT] then
    enter_limited(id, head, score)
  else
    call('ZADD', prefix .. 'ready:' .. line_of(head), score, id)
  end
  call('ZADD', prefix .. 'since:' .. head[QUEUE], ready_at, id)
  s.state, s.at = READY, ready_at
  call('HSET', STATE, id, packed(s))
  count(head[QUEUE], READY, 1)
  is_ready_news = true
end

local function make_scheduled(id, head, s, due_at)
  call('ZADD', prefix .. 'due', due_at, id)
  call('ZADD', prefix .. 'due:' .. line_of(head), due_at, id)
  s.state, s.at = SCHEDULED, due_at
  call('HSET', STATE, id, packed(s))
  count(head[QUEUE], SCHEDULED, 1)
  is_ready_news = true
end

local function set_failure(id, s, failure)
  if failure then
    call('HSET', prefix .. 'failure', id, failure)
    s.marks = mark(s.marks, HAS_FAILURE)
  elseif has(s.marks, HAS_FAILURE) then
    call('HDEL', prefix .. 'failure', id)
    s.marks = unmark(s.marks, HAS_FAILURE)
  end
end

-- Frees the unique key of a job that has ended.
local function free_key(id, body)
  local head = head_of(body)
  if head and head[SCOPE] and call('HGET', prefix .. 'unique', key_of(head)) == id then
    call('HDEL', prefix .. 'unique', key_of(head))
  end
end

-- Makes a job ended or parked. The queue of one that failed is kept with its standing: that of an
-- unreadable job is told nowhere else.
local function make_ended(id, s, state, queue, result)
  s.state, s.at = state, now
  call('HSET', STATE, id, packed(s) .. (result or state == FAILED and queue or ''))
  if state ~= PARKED then
    call('RPUSH', prefix .. 'ended', id .. string.format('%.0f', now))
  end
  if state ~= SUCCEEDED then call('ZADD', prefix .. 'in:' .. state, 0, id) end
  if queue then count(queue, state, 1) end
  ended_ids[#ended_ids + 1] = id
end

local function unreadable(what)
  return cmsgpack.pack({ code = JOB_UNREADABLE, kind = '', traceback = '',
    message = 'the store cannot read it: ' .. what })
end

-- Fails a job that cannot be read and has left the place where it waited or ran. `queue` is nothing
-- where even that is not known, `s` where its standing is not.
local function bury(id, s, queue, what)
  s = s or standing_new(now)
  call('HDEL', prefix .. 'progress', id)
  s.marks = has(s.marks, HAS_FAILURE) and HAS_FAILURE or 0
  set_failure(id, s, unreadable(what))
  local body = call('HGET', BODY, id)
  local head = head_of(body)
  if head and head[SCOPE] == 0 then free_key(id, body) end
  make_ended(id, s, FAILED, queue)
end

-- Takes a scheduled job of which only the id is known out of its line, and tells the line's queue.
local function leave_due(id, queues)
  call('ZREM', prefix .. 'due', id)
  for _, queue in ipairs(queues) do
    for lane = 0, 2 do
      if call('ZREM', prefix .. 'due:' .. lane .. ':' .. queue, id) > 0 then return queue end
    end
  end
end

-- Fails a job that a session holds and whose standing cannot be read.
local function bury_held(id, session)
  local head = head_of(call('HGET', BODY, id))
  if session then
    call('SREM', prefix .. 'held:' .. session, id)
    call('SREM', prefix .. 'cancel:' .. session, id)
  end
  call('ZREM', prefix .. 'deadline', id)
  if head then count(head[QUEUE], RUNNING, -1) end
  bury(id, nil, head and head[QUEUE], 'where it stands')
end

-- Takes a running job away from its session.
local function leave_running(id, s)
  call('SREM', prefix .. 'held:' .. s.session, id)
  if s.deadline > 0 then call('ZREM', prefix .. 'deadline', id) end
  if has(s.marks, ASKED) then call('SREM', prefix .. 'cancel:' .. s.session, id) end
  count(s.queue, RUNNING, -1)
end

-- Ends the attempt of a job that has left its session. One that somebody wants cancelled does not
-- come back.
local function end_attempt(id, s, state, failure, due_at)
  local comes_back = state == READY or state == SCHEDULED
  if comes_back and has(s.marks, ASKED) then
    state, failure, comes_back = CANCELLED, CANCELLED_FAILURE, false
  end
  local body = comes_back and call('HGET', BODY, id)
  local head = comes_back and head_of(body)
  if comes_back and not head then
    state, failure, comes_back = FAILED, unreadable('what it is'), false
  end
  s.marks = unmark(s.marks, ASKED)
  if failure ~= 'kept' then set_failure(id, s, failure) end
  if comes_back then
    s.marks = unmark(s.marks, FREES_KEY)
    if state == READY then
      make_ready(id, body, head, s, now)
    else
      make_scheduled(id, head, s, due_at)
    end
    return state
  end
  if state ~= PARKED and has(s.marks, FREES_KEY) then free_key(id, call('HGET', BODY, id)) end
  s.marks = unmark(s.marks, FREES_KEY)
  make_ended(id, s, state, s.queue)
  return state
end

-- Ends an attempt that ended without a word, as `laneway_core::interrupt` says, and tells what
-- became of the job. `cause` is a failure as a table.
local function interrupt(id, s, cause)
  local head = head_of(call('HGET', BODY, id))
  s.interrupts = s.interrupts + 1
  if not head then return end_attempt(id, s, FAILED, unreadable('what it is')) end
  if (head[ON_INTERRUPT] or 0) == 1 then
    return end_attempt(id, s, PARKED, cmsgpack.pack({ code = OUTCOME_UNKNOWN, kind = '',
      message = cause.message, traceback = '' }))
  end
  if s.interrupts >= (head[INTERRUPTS_MAX] or INTERRUPTS_MAX_DEFAULT) then
    local message = 'interrupted ' .. s.interrupts .. ' times, at last: ' .. cause.message
    return end_attempt(id, s, FAILED, cmsgpack.pack({ code = JOB_POISONOUS, kind = '',
      message = message, traceback = '' }))
  end
  return end_attempt(id, s, READY, cmsgpack.pack(cause))
end

-- Why the jobs of a session that is over were interrupted.
local function lease_lost(session)
  local worker = call('HGET', prefix .. 'session:' .. session, 'worker') or '?'
  return { code = RUNNER_DIED, kind = '', traceback = '',
    message = 'the worker `' .. worker .. '` stopped renewing its lease' }
end

-- Makes at most so many due jobs ready. They count as ready since they were due. One whose line must
-- be searched for costs more the more queues there are: of these, only so many at once.
local function promote(jobs_max)
  if jobs_max <= 0 then return 0 end
  local due = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', now, 'WITHSCORES', 'LIMIT', 0, jobs_max)
  local promoted, queues, searches = 0, nil, 0
  for index = 1, #due, 2 do
    local id = due[index]
    local body = call('HGET', BODY, id)
    local head, s = head_of(body), standing_of(call('HGET', STATE, id), body)
    if head and is_id(id) then
      promoted = promoted + 1
      call('ZREM', prefix .. 'due', id)
      call('ZREM', prefix .. 'due:' .. line_of(head), id)
      count(head[QUEUE], SCHEDULED, -1)
      if s then
        make_ready(id, body, head, s, tonumber(due[index + 1]))
      else
        bury(id, s, head[QUEUE], 'where it stands')
      end
    elseif searches < SEARCHES_MAX then
      promoted = promoted + 1
      queues = queues or call('HKEYS', prefix .. 'queues')
      searches = searches + 1 + 3 * #queues
      local queue = leave_due(id, queues)
      -- What has no id that could be one is nothing.
      if is_id(id) then
        if queue then count(queue, SCHEDULED, -1) end
        bury(id, s, queue, 'what it is')
      end
    end
  end
  return promoted
end
