-- What the adding of new jobs and of jobs from another store have in common.

-- Where in ARGV the rest begins after the policies.
local function after_policies() return 3 + 2 * tonumber(ARGV[2]) end

-- Stores the policies of the call.
local function put_policies()
  for at = 3, after_policies() - 1, 2 do
    call('HSETNX', prefix .. 'policy', ARGV[at], ARGV[at + 1])
  end
end

-- What of a body comes after the sequence number and before the arguments.
local function body_rest(packed_head, head, enqueued_at)
  local span = head[SPAN] or 0
  local flags = (span > 0 and WITH_DEADLINE or 0) + (head[SCOPE] and WITH_KEY or 0)
    + (head[SCOPE] == 0 and WITH_FREE_KEY or 0)
  return struct.pack('>I8I8BI2', enqueued_at, span, flags, #packed_head) .. packed_head
end

-- Whether a job has left its key behind: one that cannot be read does not tell which it was. `known`
-- are jobs that are there although their bodies may not be written yet.
local function is_abandoned(holder, scope, known)
  if known[holder] then return false end
  local kept = call('HGET', STATE, holder)
  local state = kept and string.byte(kept) or READY
  local has_ended = state >= SUCCEEDED and state <= CANCELLED
  return (scope == 0 and has_ended) or call('HEXISTS', BODY, holder) == 0
end

-- The job that has the unique key, or nothing when it was free and is this job's now.
local function take_key(id, head, known)
  if not head[SCOPE] then return nil end
  local field = key_of(head)
  local holder = call('HGET', prefix .. 'unique', field)
  if holder and not is_abandoned(holder, head[SCOPE], known) then return holder end
  call('HSET', prefix .. 'unique', field, id)
  return nil
end

-- Makes or updates the gate of a limit, the latest rate counts, and counts its jobs.
local function use_gate(head, rate)
  local key = head[LIMIT]
  local per_count, per, burst = string.match(rate, '^(%d+)/(%d+)/(%d+)$')
  local gate = gate_of(key)
  if call('HEXISTS', prefix .. 'gate', key) == 0 or gate.count ~= tonumber(per_count)
    or gate.per ~= tonumber(per) or gate.burst ~= tonumber(burst) then
    gate.count, gate.per, gate.burst = tonumber(per_count), tonumber(per), tonumber(burst)
    put_gate(key, gate)
  end
  if call('HINCRBY', prefix .. 'gatejobs', key, 1) == 1 then call('ZREM', prefix .. 'idle', key) end
end
