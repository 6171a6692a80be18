-- A server whose memory is full refuses the first command of a script that may need some, but no
-- command after a write. What workers do must go on then, for it makes room: so a write comes first
-- that needs none.
call('DEL', prefix .. 'room')
