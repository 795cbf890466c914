#!lua flags=no-writes
-- Looks at a room: where its events are, how many members it has, and who of its shard is overdue.
--
-- KEYS  1 life  2 leases  3 await  4 the members  5 the log
-- ARGV  1 epoch  2 how much longer than its lease a process counts, ms
-- Returns { 'life' } if that is lost, else
--         { 'ok', last number, members, recovering for ms or 0, { processes to let go }, number up to which logs were forgotten };
--         of a room without a log in this epoch the last number is the highest that any room has had
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local state = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'seq', 'forgot', 'start')
if state[1] ~= ARGV[1] or state[2] ~= run then return { 'life' } end
local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
local recovering = math.max(0, tonumber(last or 0) - now)
local overdue, doubtful = doubt.overdue(KEYS[1], KEYS[2], now, ARGV[2])
if recovering > 0 then overdue = {} end
recovering = math.max(recovering, doubtful)
local entry = redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)[1]
local number = entry and string.match(entry[1], '^%d+')
if not number or tonumber(number) <= tonumber(state[5]) then number = state[3] end
return { 'ok', number, redis.call('HLEN', KEYS[4]), recovering, overdue, state[4] or '0' }
