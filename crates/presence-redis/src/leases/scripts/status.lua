#!lua flags=no-writes
-- Reads the status of ids, and of those that are offline when they were last seen.
--
-- KEYS  1 life  2 held  3 leases  4 await  5 seen  6 seen before
-- ARGV  1 epoch  2 how much longer than its lease a process counts, ms  3 '1' to read when they were last seen
--       4 … ids
-- Returns { 'life' } if that is lost, else { 'ok', now in ms since 1970, { a status each }, { a time each, or '' } };
--         a status is 1 online, 0 offline, 2 not known while the shard is recovering, or a process that holds it may come back
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local state = redis.call('HMGET', KEYS[1], 'epoch', 'run')
if state[1] ~= ARGV[1] or state[2] ~= run then return { 'life' } end
local recovering = redis.call('ZCOUNT', KEYS[4], now, '+inf') > 0

local alive, may_come_back = {}, doubt.of(KEYS[1], now)
local function status_by(name)
  if not alive[name] then
    local lease = tonumber(redis.call('ZSCORE', KEYS[3], name) or 0)
    if lease > 0 and lease + ARGV[2] > now then
      alive[name] = 1
    else
      alive[name] = may_come_back(name, lease) > 0 and 2 or 0
    end
  end
  return alive[name]
end

local ids = { unpack(ARGV, 4) }
local statuses, times = {}, {}
for place, list in ipairs(redis.call('HMGET', KEYS[2], unpack(ids))) do
  local status = recovering and 2 or 0
  for name in string.gmatch(list or '', '[^,]+') do
    local by = status_by(name)
    if by == 1 then
      status = 1
      break
    end
    status = math.max(status, by)
  end
  statuses[place] = status
end
if ARGV[3] == '1' then
  local before = redis.call('HMGET', KEYS[6], unpack(ids))
  for place, at in ipairs(redis.call('HMGET', KEYS[5], unpack(ids))) do times[place] = at or before[place] or '' end
end
return { 'ok', now, statuses, times }
