#!lua flags=allow-oom
-- Notes that a process has announced all it holds. After the last one the shard has recovered.
--
-- KEYS  1 life  2 leases  3 await
-- ARGV  1 epoch  2 process
-- Returns { 'life' } if that is lost, else { 'ok', still recovering for ms or 0 }
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return { 'life' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
if last then return { 'ok', math.max(0, tonumber(last) - now) } end
-- What left meanwhile, and might have been held by somebody else, can go.
if redis.call('ZSCORE', KEYS[2], '~') then redis.call('ZADD', KEYS[2], 0, '~') end
return { 'ok', 0 }
