#!lua
-- Writes what changed at one process, in order, with the events of the names that changed by it.
--
-- A step said twice changes nothing the second time. A call that was overtaken by a later one of the same process, as one that waited
-- in a connection that was given up, does nothing. Names are ids or seats; what differs between them is in the journal that precedes this.
-- Out of memory it is called with leave to run all the same, for those who leave alone.
--
-- KEYS  1 life  2 held  3 the set of the process  4 leases  5 await  6 log  7 seen, or empty  8 seen before
-- ARGV  1 epoch  2 process  3 events to keep  4 offline ids to remember in each generation,
--       or for how long to keep the log of an empty room, ms
--       5 the number of the call, higher than those of the process before
--       then pairs of a step and an id, or threes of a step, a seat and what it shows: `=` or, said again, `?` and a payload
--         h, k     it came to this process, by a heartbeat or held
--         x N, e N it left this process, by silence or ended; the last sign of life was N ms ago (no blank between)
--         o        it is to leave every process
--         s        wherever it is, it shows something else
--         ?        is it still at this process?
-- Returns { 'life' } or { 'lease' } if that is lost, { 'overtaken', last number, {} }, also for one said twice, else
--         { 'ok', last number, { answers } }: for `o` { place, other process, … } if others held it, or
--         also { place, 'recovering' } if there may be more of them; for `?` and `s` { place, 'nobody' } if it is not; places count from 0
-- The sets of other processes that `o` takes ids from lie in the same slot.
local epoch, process = ARGV[1], ARGV[2]
local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'call:' .. process)
if state[1] ~= epoch then return { 'life' } end
local lease = redis.call('ZSCORE', KEYS[4], process)
if not lease or tonumber(lease) <= 0 then return { 'lease' } end
if state[3] and tonumber(state[3]) >= tonumber(ARGV[5]) then return { 'overtaken', state[2], {} } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local recovering = redis.call('ZCOUNT', KEYS[5], now, '+inf') > 0
local sets = string.sub(KEYS[3], 1, -#process - 1)

local ids, count = {}, 0
local stride = journal.stride
for place = 7, #ARGV, stride do
  count = count + 1
  ids[count] = ARGV[place]
end
-- Who holds which id, as the steps leave it; the ids that changed, once each; and what becomes of the sets.
local holders, changed, order, mine, theirs, gone = {}, {}, {}, {}, {}, {}
local found = redis.call('HMGET', KEYS[2], unpack(ids))
for place = 1, count do holders[ids[place]] = found[place] end

local function has(list, name)
  return list == name or string.find(',' .. list .. ',', ',' .. name .. ',', 1, true) ~= nil
end

local function without(list, name)
  if list == name then return false end
  local rest = {}
  for other in string.gmatch(list, '[^,]+') do
    if other ~= name then rest[#rest + 1] = other end
  end
  return #rest > 0 and table.concat(rest, ',')
end

local function change(id, list, here)
  holders[id], mine[id] = list, here
  if not changed[id] then
    changed[id] = true
    order[#order + 1] = id
  end
end

local function move(other, id, is)
  theirs[other] = theirs[other] or {}
  theirs[other][id] = is
end

-- Redis is slow at making text of a number: once for all that left so long ago.
local stamps = {}
local function stamp(ago)
  if not stamps[ago] then stamps[ago] = string.format('%.0f', now - ago) end
  return stamps[ago]
end

local tell, show, answers = journal.tell, journal.show, {}
for place = 1, count do
  local id, step = ids[place], ARGV[6 + stride * (place - 1)]
  local list = holders[id]
  if step == 'h' or step == 'k' then
    if not list then
      change(id, process, true)
      tell(step, id, place)
    elseif not has(list, process) then
      change(id, list .. ',' .. process, true)
    end
    if list and show then show(id, place) end
  elseif step == 'o' then
    -- Others may hold it, and not have said so yet.
    if recovering then answers[#answers + 1] = { place - 1, 'recovering' } end
    if list == process then
      change(id, false, false)
      gone[id] = stamp(0)
      tell(step, id)
    elseif list then
      local answer = { place - 1 }
      for other in string.gmatch(list, '[^,]+') do
        if other == process then
          mine[id] = false
        else
          move(other, id, false)
          if other ~= '~' then answer[#answer + 1] = other end
        end
      end
      change(id, false, mine[id])
      gone[id] = stamp(0)
      tell(step, id)
      if #answer > 1 then answers[#answers + 1] = answer end
    end
  elseif step == 's' then
    if list then
      show(id, place)
    else
      answers[#answers + 1] = { place - 1, recovering and 'recovering' or 'nobody' }
    end
  elseif step == '?' then
    if not (list and has(list, process)) then answers[#answers + 1] = { place - 1, 'nobody' } end
  elseif list and has(list, process) then
    local rest = without(list, process)
    if not rest and recovering then
      -- Somebody else may hold it and not have said so yet: a process of its own keeps it until that is known.
      rest = '~'
      move('~', id, true)
    elseif not rest then
      tell(string.sub(step, 1, 1), id)
    end
    change(id, rest, false)
    gone[id] = stamp(string.sub(step, 2))
  end
end

local set, del, add, rem, seen = {}, {}, {}, {}, {}
for place = 1, #order do
  local id = order[place]
  if holders[id] then
    set[#set + 1] = id
    set[#set + 1] = holders[id]
  else
    del[#del + 1] = id
  end
  if mine[id] then
    add[#add + 1] = id
  elseif mine[id] == false then
    rem[#rem + 1] = id
  end
  if gone[id] then
    seen[#seen + 1] = id
    seen[#seen + 1] = gone[id]
  end
end
if #set > 0 then redis.call('HSET', KEYS[2], unpack(set)) end
if #del > 0 then redis.call('HDEL', KEYS[2], unpack(del)) end
if #add > 0 then redis.call('SADD', KEYS[3], unpack(add)) end
if #rem > 0 then redis.call('SREM', KEYS[3], unpack(rem)) end
for other, members in pairs(theirs) do
  for id, is in pairs(members) do redis.call(is and 'SADD' or 'SREM', sets .. other, id) end
end
if theirs['~'] and recovering then
  redis.call('ZADD', KEYS[4], redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')[2], '~')
end

local seq = journal.close(KEYS[6], KEYS[7], KEYS[8], now, state[2], seen, ARGV[3], ARGV[4])
redis.call('HSET', KEYS[1], 'seq', seq, 'call:' .. process, ARGV[5])
return { 'ok', seq, answers }
