-- The ends of jobs. ARGV after the time: ids. Answers with three values for each that ended or was
-- parked: its id, its standing with its result, its failure.
local ids = {}
for index = 2, #ARGV do ids[#ids + 1] = ARGV[index] end
local answer = {}
for index, standing in ipairs(fields(STATE, ids)) do
  if standing and #standing >= STANDING_BYTES and string.byte(standing) >= SUCCEEDED then
    local is_marked = has(string.byte(standing, 2), HAS_FAILURE)
    answer[#answer + 1] = ids[index]
    answer[#answer + 1] = standing
    answer[#answer + 1] = is_marked and call('HGET', prefix .. 'failure', ids[index])
  end
end
return answer
