#!lua flags=allow-oom
-- Notes that a process has announced all it holds. After the last one the shard has recovered.
--
-- KEYS  1 leases  2 await
-- ARGV  1 process
-- Returns { still recovering for ms or 0 }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if last then return { math.max(0, tonumber(last) - now) } end
-- What left meanwhile, and might have been held by somebody else, can go.
if redis.call('ZSCORE', KEYS[1], '~') then redis.call('ZADD', KEYS[1], 0, '~') end
return { 0 }
