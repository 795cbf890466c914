-- The journal of ids, in front of write.lua and reap.lua: their events lie in the log of the shard, several to an entry.
local events, events_count = {}, 0
local journal = { stride = 2 }

-- Notes who came or went, and why.
function journal.tell(code, id)
  events[events_count + 1], events[events_count + 2] = code, id
  events_count = events_count + 2
end

-- Writes it down, with pairs of an id and its last sign of life. Returns the number of the last event.
function journal.close(log, younger, elder, now, seq, seen, events_max, remembered_max)
  if #seen > 0 and tonumber(remembered_max) > 0 then
    -- Two generations: when the younger one is full it takes the place of the elder.
    redis.call('HSET', younger, unpack(seen))
    if redis.call('HLEN', younger) >= tonumber(remembered_max) then redis.call('RENAME', younger, elder) end
  end
  if events_count == 0 then return seq end
  local number = tonumber(seq) + events_count / 2
  seq = string.format('%.0f', number)
  -- An entry is named by its last event, so that what is kept can be counted in events.
  redis.call('XADD', log, 'MINID', '=', string.format('%.0f', number - events_max + 1), seq .. '-0',
    'at', string.format('%.0f', now), unpack(events))
  return seq
end

