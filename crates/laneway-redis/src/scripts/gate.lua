-- Limits: a gate per key (count, per, burst, the theoretical arrival time), and lines of jobs that
-- wait in front of it. A member of `lines:…` exists exactly while jobs wait in that line; its score
-- is the time of the next permit.
local GATE = '>I4I8I4I8'
local GATE_BYTES = 24

-- The gate of a limit. Where somebody has deleted it, nothing tells how fast its jobs may run: they
-- get their permits one by one, without a wait.
local function gate_of(key)
  local kept = call('HGET', prefix .. 'gate', key)
  local gate = { count = 1, per = 1, burst = 1, tat = 0, is_missing = not kept }
  if kept and #kept == GATE_BYTES then
    gate.count, gate.per, gate.burst, gate.tat = struct.unpack(GATE, kept)
    gate.count, gate.per = math.max(gate.count, 1), math.max(gate.per, 1)
  end
  return gate
end

-- How many of so many permits are granted now; the rest of the answer as in `laneway_core::limit`.
local function grant(gate, wanted)
  local start = math.max(gate.tat, now)
  local room = gate.burst + math.floor((now - start) * gate.count / gate.per)
  local granted = math.min(math.max(room, 0), wanted)
  local tat = math.min(start + math.ceil(granted * gate.per / gate.count), TIME_MAX)
  local rest = math.floor((gate.burst - 1) * gate.per / gate.count)
  return granted, tat, math.max(tat - rest, now)
end

local function limited_line(lane, queue, key)
  return prefix .. 'limited:' .. lane .. ':' .. #queue .. ':' .. queue .. ':' .. key
end

-- Stores a gate and tells its lines when the next permit can be had.
local function put_gate(key, gate)
  call('HSET', prefix .. 'gate', key, struct.pack(GATE, gate.count, gate.per, gate.burst, gate.tat))
  local _, _, next_at = grant(gate, 0)
  for _, line in ipairs(call('SMEMBERS', prefix .. 'linesof:' .. key)) do
    call('ZADD', prefix .. 'lines:' .. line, next_at, key)
  end
end

-- Gives a permit back that was taken for nothing.
local function give_back(key)
  local gate = gate_of(key)
  if gate.is_missing then return end
  gate.tat = math.max(gate.tat - math.floor(gate.per / gate.count), 0)
  put_gate(key, gate)
end

local function enter_limited(id, head, score)
  local key, line = head[LIMIT], line_of(head)
  call('ZADD', limited_line(head[LANE], head[QUEUE], key), score, id)
  if call('SADD', prefix .. 'linesof:' .. key, line) == 1 then
    local _, _, next_at = grant(gate_of(key), 0)
    call('ZADD', prefix .. 'lines:' .. line, next_at, key)
  end
end

local function close_line_if_empty(lane, queue, key)
  if call('EXISTS', limited_line(lane, queue, key)) == 0 then
    call('SREM', prefix .. 'linesof:' .. key, lane .. ':' .. queue)
    call('ZREM', prefix .. 'lines:' .. lane .. ':' .. queue, key)
  end
end
