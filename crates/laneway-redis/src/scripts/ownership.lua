-- Makes tasks belong to an application, unless some belong to another one. ARGV after the time: the
-- application, its calibration (empty leaves what is known), whether it also gets those of others,
-- then pairs of a task and what is known of it. Answers with pairs of a task and its application,
-- of those that belong to another one.
--
-- A value of `tasks` is the length of the application's name in two bytes, the name, and the facts.
local application, calibration, takes_over = ARGV[2], ARGV[3], ARGV[4] == '1'
local others = {}
for index = 5, #ARGV, 2 do
  local kept = call('HGET', prefix .. 'tasks', ARGV[index])
  if kept then
    local owner = string.sub(kept, 3, 2 + struct.unpack('>I2', kept))
    if owner ~= application then
      others[#others + 1] = ARGV[index]
      others[#others + 1] = owner
    end
  end
end
if #others > 0 and not takes_over then return others end
for index = 5, #ARGV, 2 do
  local value = struct.pack('>I2', #application) .. application .. ARGV[index + 1]
  call('HSET', prefix .. 'tasks', ARGV[index], value)
end
if calibration ~= '' then call('HSET', prefix .. 'calibrations', application, calibration) end
return others
