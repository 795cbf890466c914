#!lua flags=allow-oom
-- Notes that a process is closed: once its lease is over nobody waits for it to come back. What it holds stays till then.
--
-- KEYS  1 life  2 leases
-- ARGV  1 epoch  2 process
-- Returns { 'life' } if that is lost, else { 'ok', 0 }
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return { 'life' } end
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then redis.call('HSET', KEYS[1], 'closed:' .. ARGV[2], 1) end
return { 'ok', 0 }
