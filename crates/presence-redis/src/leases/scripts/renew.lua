#!lua
-- Renews the lease of a process and tells it what it should know.
--
-- It is also how a process finds out whether Redis takes writes. Out of memory it is refused, and said again with leave to run all
-- the same: a lease takes no memory that it does not have already.
--
-- KEYS  1 life  2 leases  3 await  4 the set of the process
-- ARGV  1 epoch  2 process  3 lease, ms  4 the version of the roster that it knows
--       5 how much longer than its lease a process counts, ms  6 for how long one process lets others go, ms
--       7 '1' to read what the server does when its memory is full
-- Returns { 'life' } or { 'lease' } if that is lost, else
--         { 'ok', last number, size of its set, recovering for ms or 0, version of the roster,
--           { processes, if the version is another }, { processes to let go }, the server's run id, its `maxmemory-policy` or '' }
local now
do
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local state = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'seq', 'roster', 'reaper')
if state[1] ~= ARGV[1] or state[2] ~= run then return { 'life' } end
local lease = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not lease or tonumber(lease) <= 0 then return { 'lease' } end
doubt.note(KEYS[1], KEYS[2], now, ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])

local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
local recovering = math.max(0, tonumber(last or 0) - now)
local names = {}
if state[4] ~= ARGV[4] then
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(0', '+inf')) do
    if name ~= '~' then table.insert(names, name) end
  end
end
local overdue, doubtful = doubt.overdue(KEYS[1], KEYS[2], now, ARGV[5])
if recovering > 0 or tonumber(state[5] or 0) > now then overdue = {} end
if #overdue > 0 then redis.call('HSET', KEYS[1], 'reaper', now + ARGV[6]) end
recovering = math.max(recovering, doubtful)
local policy = ''
if ARGV[7] == '1' then policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:(%S+)') or '' end
return { 'ok', state[3], redis.call('SCARD', KEYS[4]), recovering, state[4], names, overdue, run, policy }
