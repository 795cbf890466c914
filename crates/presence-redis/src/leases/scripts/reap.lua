#!lua flags=allow-oom
-- Lets go of some of what a process holds whose lease ran out. It may run at several processes at once.
--
-- KEYS  1 life  2 held  3 the set of that process  4 leases  5 await  6 log  7 seen, or empty  8 seen before
-- ARGV  1 epoch  2 that process  3 how many ids at once  4 how much longer than its lease a process counts, ms
--       5 lease, ms  6 events to keep  7 offline ids to remember in each generation, or for how long to keep
--       the log of an empty room, ms
-- Returns 'more', 'done', 'wait' while the shard is recovering or the process may come back, 'alive' if its lease runs, or 'life' if that is lost
local dead = ARGV[2]
local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if state[1] ~= ARGV[1] then return 'life' end
local lease = redis.call('ZSCORE', KEYS[4], dead)
if not lease then return 'done' end
lease = tonumber(lease)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if lease + ARGV[4] > now then return 'alive' end
if redis.call('ZCOUNT', KEYS[5], now, '+inf') > 0 then return 'wait' end
if doubt.of(KEYS[1], now)(dead, lease) > 0 then return 'wait' end
-- Below zero the process knows, should it come back, that this was not its lease any more.
if lease > 0 then redis.call('ZADD', KEYS[4], -lease, dead) end
local ids = redis.call('SPOP', KEYS[3], ARGV[3])
if #ids == 0 then
  redis.call('ZREM', KEYS[4], dead)
  redis.call('HDEL', KEYS[1], 'call:' .. dead, 'closed:' .. dead)
  redis.call('HINCRBY', KEYS[1], 'roster', 1)
  return 'done'
end

local seen_at = string.format('%.0f', math.abs(lease) - ARGV[5])
local found = redis.call('HMGET', KEYS[2], unpack(ids))
local set, del, seen = {}, {}, {}
for place, id in ipairs(ids) do
  local list, rest = found[place], {}
  for other in string.gmatch(list or '', '[^,]+') do
    if other ~= dead then table.insert(rest, other) end
  end
  if #rest > 0 then
    table.insert(set, id)
    table.insert(set, table.concat(rest, ','))
  elseif list then
    table.insert(del, id)
    journal.tell('x', id)
    if dead ~= '~' then
      table.insert(seen, id)
      table.insert(seen, seen_at)
    end
  end
end
if #set > 0 then redis.call('HSET', KEYS[2], unpack(set)) end
if #del > 0 then redis.call('HDEL', KEYS[2], unpack(del)) end
local seq = journal.close(KEYS[6], KEYS[7], KEYS[8], now, state[2], seen, ARGV[6], ARGV[7])
redis.call('HSET', KEYS[1], 'seq', seq)
return 'more'
