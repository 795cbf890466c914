-- Doubt, in front of the scripts that judge leases: whose lease ran out while nobody could renew may be alive.
--
-- As long as Redis takes no writes all leases run out, also of those who are well. The first call that renews or enters after such a
-- time notes it in the life of the shard: whose lease was among the last ones renewed before it, no lower than `doubt_from`, has until
-- `doubt_until` to renew it again. Until then nobody says that what it holds is online, or lets go of it. A process that was closed,
-- which it notes as `closed:<process>`, is not waited for.
local doubt = {}

-- Notes such a time, if one ends with this call. `lease` is how long a lease lasts, ms.
function doubt.note(life, leases, now, lease)
  local top = 0
  local latest = redis.call('ZREVRANGE', leases, 0, 1, 'WITHSCORES')
  for place = 1, #latest, 2 do
    if latest[place] ~= '~' then top = math.max(top, tonumber(latest[place + 1])) end
  end
  local renewed = top - lease
  -- Shorter times have not taken a lease from anybody who renewed within 2 s of the last one.
  if top <= 0 or now - renewed <= math.max(1200, lease - 2000) then return end
  local before = redis.call('HMGET', life, 'doubt_from', 'doubt_until')
  local from = top - 2000
  -- A second one, before those of the first had their time.
  if before[2] and tonumber(before[2]) > renewed then from = math.min(from, tonumber(before[1])) end
  redis.call('HSET', life, 'doubt_from', from, 'doubt_until', now + 5000)
end

-- Returns a function that says of a process whose lease, `ends`, is over for how many ms it may still come back.
function doubt.of(life, now)
  local noted = redis.call('HMGET', life, 'doubt_from', 'doubt_until')
  local from, left = tonumber(noted[1] or 0), tonumber(noted[2] or 0) - now
  return function(process, ends)
    if left <= 0 or process == '~' or ends <= 0 or ends < from then return 0 end
    if redis.call('HEXISTS', life, 'closed:' .. process) == 1 then return 0 end
    return left
  end
end

-- Returns the processes to let go, whose lease is over by more than `allowance`, and for how many ms others may still come back.
function doubt.overdue(life, leases, now, allowance)
  local over = redis.call('ZRANGEBYSCORE', leases, '-inf', now - allowance, 'WITHSCORES')
  local dead, left = {}, 0
  if #over == 0 then return dead, left end
  local of = doubt.of(life, now)
  for place = 1, #over, 2 do
    local may_come = of(over[place], tonumber(over[place + 1]))
    if may_come > 0 then left = may_come else dead[#dead + 1] = over[place] end
  end
  return dead, left
end

