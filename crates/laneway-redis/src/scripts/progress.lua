-- Stores how far attempts are; what is stale is dropped.
-- ARGV after the time: session, then for each report the job's id, the token and the progress.
local session = ARGV[2]
if call('HGET', prefix .. 'session:' .. session, 'ended') ~= '0' then return 0 end
for index = 3, #ARGV, 3 do
  local id = ARGV[index]
  local standing = call('HGET', STATE, id)
  if standing and string.byte(standing) == RUNNING then
    local is_read, _, marks, _, _, _, token, _, _, _, _, _, holder =
      pcall(struct.unpack, STANDING .. HELD, standing)
    if is_read and holder == session and token == tonumber(ARGV[index + 1]) then
      call('HSET', prefix .. 'progress', id, ARGV[index + 2])
      marks = string.char(mark(marks, HAS_PROGRESS))
      call('HSET', STATE, id, string.sub(standing, 1, 1) .. marks .. string.sub(standing, 3))
    end
  end
end
return 1
