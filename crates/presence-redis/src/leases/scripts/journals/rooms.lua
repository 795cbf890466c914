-- The journal of rooms, in front of write.lua and reap.lua: each room has its members and its log, all in the slot of the shard.
--
-- The events of a room are numbered without a gap while there is a log of it. It is kept for a while after the last member left, then
-- `forgot` in `life` is raised to its last number: whoever stands before that may have missed something. A log of an earlier epoch is
-- thrown away, as no position in it is good any more.
-- The keys of rooms are made of that of the life, KEYS[1].
local base = string.sub(KEYS[1], 1, -5)
local rooms = {}
local journal = { stride = 3 }

local function part(seat)
  local border = string.find(seat, '\n', 1, true)
  local room, id = string.sub(seat, 1, border - 1), string.sub(seat, border + 1)
  if not rooms[room] then
    local members = base .. 'room:' .. room
    local count = redis.call('HLEN', members)
    rooms[room] = { members = members, before = count, count = count, events = {} }
  end
  return rooms[room], id
end

local function add(room, code, id, payload)
  local events = room.events
  events[#events + 1] = code .. id
  events[#events + 1] = payload
end

-- What the step at a place shows, and whether it is only said again.
local function payload_at(place)
  local payload = ARGV[5 + 3 * place]
  return string.sub(payload, 2), string.sub(payload, 1, 1) == '?'
end

-- Notes who joined, by the step at a place, or left, and why.
function journal.tell(code, seat, place)
  local room, id = part(seat)
  local payload = ''
  if code == 'h' or code == 'k' then
    payload = payload_at(place)
    redis.call('HSET', room.members, id, payload)
    room.count = room.count + 1
  else
    redis.call('HDEL', room.members, id)
    room.count = room.count - 1
  end
  add(room, code, id, payload)
end

-- Notes what a member is to show.
function journal.show(seat, place)
  local payload, said_again = payload_at(place)
  if said_again then return end
  local room, id = part(seat)
  if redis.call('HGET', room.members, id) == payload then return end
  redis.call('HSET', room.members, id, payload)
  add(room, 's', id, payload)
end

-- Writes it down, and forgets rooms that have been empty for long. Returns the highest number that any room has had.
function journal.close(log, empty, _, now, seq, _, events_max, kept)
  local highest, start = tonumber(seq), nil
  for name, room in pairs(rooms) do
    if #room.events > 0 then
      local key = log .. ':' .. name
      local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
      start = start or tonumber(redis.call('HGET', KEYS[1], 'start'))
      if last and tonumber(string.match(last[1], '^%d+')) <= start then
        redis.call('DEL', key)
        last = nil
      end
      -- A room that begins takes numbers after all there have been, so that no position in an earlier one fits.
      local number = last and tonumber(string.match(last[1], '^%d+')) or highest
      local from = last and last[2][2] or string.format('%.0f', number)
      number = number + #room.events / 2
      redis.call('XADD', key, 'MINID', '=', string.format('%.0f', number - events_max + 1),
        string.format('%.0f-0', number), 'from', from, 'at', string.format('%.0f', now), 'count', room.before, unpack(room.events))
      highest = math.max(highest, number)
    end
    if room.count == 0 then
      redis.call('ZADD', empty, now, name)
    elseif room.before == 0 then
      redis.call('ZREM', empty, name)
    end
  end

  local forgot = 0
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', empty, '-inf', now - kept, 'LIMIT', 0, 500)) do
    local key = log .. ':' .. name
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    if last then forgot = math.max(forgot, tonumber(string.match(last[1], '^%d+'))) end
    redis.call('DEL', key)
    redis.call('ZREM', empty, name)
  end
  if forgot > tonumber(redis.call('HGET', KEYS[1], 'forgot') or 0) then
    redis.call('HSET', KEYS[1], 'forgot', string.format('%.0f', forgot))
  end
  return string.format('%.0f', highest)
end

