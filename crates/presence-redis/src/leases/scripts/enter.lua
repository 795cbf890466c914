#!lua flags=allow-oom
-- Takes a process in, and begins a new epoch of the shard if its data is not what it was.
--
-- An epoch ends when the data is gone, or when another server than before runs this script: then nobody
-- can know whether the last writes survived. A new epoch goes on with higher numbers than any before, so that no position of an
-- earlier one fits. Until every process that was there has announced what it holds, the shard is recovering; and for a moment in any
-- case, as some may have come that nobody else had heard of.
--
-- Within an epoch those whose leases ran out while nobody could renew get time to do so: see the journal of doubt.
--
-- KEYS  1 life  2 leases  3 await  4 log
-- ARGV  1 process  2 lease, ms  3 how long to recover at most, ms  4 name for an epoch that begins
--       5 the epoch that the process knew, or ''  6 for how long those are waited for that nobody knows, ms
--       7 the layout that the process keeps to  8 … the processes that it knew
-- Returns { epoch, number that the epoch begins after, last number, recovering for ms or 0 }, or
--         { 'layout', that of the data } if it is another one than that of the process, which is not taken in
local process, lease, patience, known = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local state = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'seq', 'start', 'layout')
local epoch, seq, start = state[1], state[3], state[4]
if state[5] and state[5] ~= ARGV[7] then return { 'layout', state[5] } end
if not state[5] then redis.call('HSET', KEYS[1], 'layout', ARGV[7]) end

if state[2] == run then doubt.note(KEYS[1], KEYS[2], now, lease) end
if state[2] ~= run then
  local number = math.max(tonumber(seq or 0), time[1] * 1000000 + time[2]) + 1
  seq = string.format('%.0f', number)
  epoch, start = ARGV[4], seq
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'run', run, 'seq', seq, 'start', start)
  redis.call('HDEL', KEYS[1], 'reaper')
  -- Wakes those who wait for what comes after their position.
  redis.call('XADD', KEYS[4], seq .. '-0', 'life', epoch)
  if state[1] or known ~= '' then redis.call('ZADD', KEYS[3], now + ARGV[6], '~') end
  local others = redis.call('ZRANGEBYSCORE', KEYS[2], '(0', '+inf', 'WITHSCORES')
  for place = 1, #others, 2 do
    local other = others[place]
    if other == '~' then
      -- What it holds stays until this epoch has recovered, too.
      redis.call('ZADD', KEYS[2], now + patience, other)
    else
      redis.call('ZADD', KEYS[3], now + patience, other)
      -- Whose lease is over may only have had nobody to renew it with. It counts again when it comes.
      if tonumber(others[place + 1]) > now then redis.call('ZADD', KEYS[2], now + lease, other) end
    end
  end
end

if known ~= '' and known ~= epoch then
  -- What the process knew is gone, and so may be what the others hold. Those who are here already look after themselves.
  for place = 8, #ARGV do
    if not redis.call('ZSCORE', KEYS[2], ARGV[place]) then
      redis.call('ZADD', KEYS[3], now + patience, ARGV[place])
    end
  end
  redis.call('ZADD', KEYS[3], now + patience, process)
end

redis.call('ZADD', KEYS[2], now + lease, process)
redis.call('HINCRBY', KEYS[1], 'roster', 1)
local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
local _, doubtful = doubt.overdue(KEYS[1], KEYS[2], now, 0)
return { epoch, start, seq, math.max(doubtful, tonumber(last or 0) - now) }
