#!lua flags=no-writes
-- Looks at a shard: where its events are, how many ids it has, and who is overdue.
--
-- KEYS  1 life  2 held  3 leases  4 await
-- ARGV  1 epoch  2 how much longer than its lease a process counts, ms
-- Returns { 'life' } if that is lost, else
--         { 'ok', last number, ids online, recovering for ms or 0, { processes to let go } }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local state = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'seq')
if state[1] ~= ARGV[1] or state[2] ~= run then return { 'life' } end
local last = redis.call('ZREVRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2]
local recovering = math.max(0, tonumber(last or 0) - now)
local overdue, doubtful = doubt.overdue(KEYS[1], KEYS[3], now, ARGV[2])
if recovering > 0 then overdue = {} end
return { 'ok', state[3], redis.call('HLEN', KEYS[2]), math.max(recovering, doubtful), overdue }
