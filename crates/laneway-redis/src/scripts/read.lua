-- Reads jobs. ARGV after the time: `1` with the payloads or `0` without, then ids. Answers with five
-- values for each job that is known and nil for every other: its body, its standing, its failure,
-- its progress, the gate of its limit. The body is empty where it is
-- missing.
local with_payloads = ARGV[2] == '1'
local ids = {}
for index = 3, #ARGV do ids[#ids + 1] = ARGV[index] end
local bodies, states = fields(BODY, ids), fields(STATE, ids)
local answer = {}
for index, id in ipairs(ids) do
  local body, standing = bodies[index], states[index]
  if body or standing or call('ZSCORE', prefix .. 'all', id) then
    body = body or ''
    local head = head_of(body)
    local marks = standing and string.byte(standing, 2) or 0
    if not with_payloads then
      if is_body(body) then
        local head_bytes = struct.unpack('>I2', body, BODY_START_BYTES - 1)
        body = string.sub(body, 1, BODY_START_BYTES + head_bytes)
      end
      if standing and standing ~= '' and string.byte(standing) >= SUCCEEDED then
        standing = string.sub(standing, 1, STANDING_BYTES)
      end
    end
    local limit = head and head[LIMIT]
    answer[index] = { body, standing,
      has(marks, HAS_FAILURE) and call('HGET', prefix .. 'failure', id),
      has(marks, HAS_PROGRESS) and call('HGET', prefix .. 'progress', id),
      limit and call('HGET', prefix .. 'gate', limit) }
  else
    answer[index] = false
  end
end
return answer
