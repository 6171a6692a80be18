-- Reads jobs. ARGV after the time: `1` with the payloads or `0` without, then ids. Answers with five
-- values for each job that is known and nil for every other: its body, its standing, its failure,
-- its progress, the gate of its limit.
local with_payloads = ARGV[2] == '1'
local ids = {}
for index = 3, #ARGV do ids[#ids + 1] = ARGV[index] end
local bodies, states = fields(BODY, ids), fields(STATE, ids)
local answer = {}
for index, id in ipairs(ids) do
  local body, standing = bodies[index], states[index]
  if body then
    local marks = standing and string.byte(standing, 2) or 0
    if not with_payloads then
      body = string.sub(body, 1, BODY_START_BYTES + struct.unpack('>I2', body, BODY_START_BYTES - 1))
      if standing and string.byte(standing) >= SUCCEEDED then standing = string.sub(standing, 1, 46) end
    end
    local limit = head_of(bodies[index])[LIMIT]
    answer[index] = { body, standing,
      has(marks, HAS_FAILURE) and call('HGET', prefix .. 'failure', id),
      has(marks, HAS_PROGRESS) and call('HGET', prefix .. 'progress', id),
      limit and call('HGET', prefix .. 'gate', limit) }
  else
    answer[index] = false
  end
end
return answer
