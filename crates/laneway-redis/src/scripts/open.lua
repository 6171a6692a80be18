-- Makes sure that the namespace is Laneway's, and of this schema. ARGV after the time: the schema,
-- then pairs of the name of a script that other programs may call and its text. Answers with the
-- schema that is there, and -1 for data of something else.
local kind = call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'hash' then return -1 end
local schema = call('HGET', KEYS[1], 'schema')
if kind == 'hash' and not tonumber(schema) then return -1 end
if not schema then
  call('HSET', KEYS[1], 'schema', ARGV[2])
  schema = ARGV[2]
end
if tonumber(schema) <= tonumber(ARGV[2]) then
  for index = 3, #ARGV, 2 do call('HSET', prefix .. 'scripts', ARGV[index], ARGV[index + 1]) end
end
-- Whether this user may tell others of changes shows here, and not at the first change.
call('PUBLISH', prefix .. 'wake', '\0')
return tonumber(schema)
