#!lua
-- Writes what changed at one process, in order, with the events of the ids that changed by it.
--
-- A step said twice changes nothing the second time.
--
-- KEYS  1 life  2 held  3 the set of the process  4 leases  5 await  6 log  7 seen
-- ARGV  1 epoch  2 process  3 events to keep  4 offline ids to remember
--       then pairs of a step and an id:
--         h, k     it came to this process, by a heartbeat or held
--         x N, e N it left this process, by silence or ended; the last sign of life was N ms ago (no blank between)
--         o        it is to leave every process
--         ?        is it still at this process?
-- Returns { 'life' } or { 'lease' } if that is lost, else
--         { 'ok', last number, { answers } }: for `o` { place, other process, … } if others held it, or
--         { place, 'recovering' } if that is not known; for `?` { place } if it is not; places count from 0
-- The sets of other processes that `o` takes ids from lie in the same slot.
local epoch, process = ARGV[1], ARGV[2]
local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if state[1] ~= epoch then return { 'life' } end
local lease = redis.call('ZSCORE', KEYS[4], process)
if not lease or tonumber(lease) <= 0 then return { 'lease' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local recovering = redis.call('ZCOUNT', KEYS[5], now, '+inf') > 0
local sets = string.sub(KEYS[3], 1, -#process - 1)

local ids, count = {}, 0
for place = 6, #ARGV, 2 do
  count = count + 1
  ids[count] = ARGV[place]
end
local holders, mine, theirs, gone = {}, {}, {}, {}
local found = redis.call('HMGET', KEYS[2], unpack(ids))
for place = 1, count do holders[ids[place]] = found[place] end

local function has(list, name)
  return list == name or string.find(',' .. list .. ',', ',' .. name .. ',', 1, true) ~= nil
end

local function without(list, name)
  if list == name then return false end
  local rest = {}
  for other in string.gmatch(list, '[^,]+') do
    if other ~= name then table.insert(rest, other) end
  end
  return #rest > 0 and table.concat(rest, ',')
end

local events, answers, changed = {}, {}, {}
for place = 1, count do
  local id, step = ids[place], ARGV[3 + 2 * place]
  local list, code = holders[id], string.sub(step, 1, 1)
  if code == 'h' or code == 'k' then
    if not list then
      holders[id], mine[id], changed[id] = process, true, true
      table.insert(events, code)
      table.insert(events, id)
    elseif not has(list, process) then
      holders[id], mine[id], changed[id] = list .. ',' .. process, true, true
    end
  elseif code == 'x' or code == 'e' then
    if list and has(list, process) then
      local rest = without(list, process)
      if not rest and recovering then
        -- Somebody else may hold it and not have said so yet: a process of its own keeps it until that is known.
        rest = '~'
        theirs['~'] = theirs['~'] or {}
        theirs['~'][id] = true
      elseif not rest then
        table.insert(events, code)
        table.insert(events, id)
      end
      holders[id], mine[id], changed[id] = rest, false, true
      gone[id] = now - tonumber(string.sub(step, 2))
    end
  elseif code == 'o' then
    if list then
      local answer = { place - 1 }
      for other in string.gmatch(list, '[^,]+') do
        if other == process then
          mine[id] = false
        else
          theirs[other] = theirs[other] or {}
          theirs[other][id] = false
          if other ~= '~' then table.insert(answer, other) end
        end
      end
      holders[id], changed[id], gone[id] = false, true, now
      table.insert(events, code)
      table.insert(events, id)
      if #answer > 1 then table.insert(answers, answer) end
    elseif recovering then
      table.insert(answers, { place - 1, 'recovering' })
    end
  elseif not (list and has(list, process)) then
    table.insert(answers, { place - 1 })
  end
end

local function split(map)
  local yes, no = {}, {}
  for id, is in pairs(map) do table.insert(is and yes or no, id) end
  return yes, no
end

local function keep(set, members)
  local yes, no = split(members)
  if #yes > 0 then redis.call('SADD', set, unpack(yes)) end
  if #no > 0 then redis.call('SREM', set, unpack(no)) end
end

local set, del = {}, {}
for id in pairs(changed) do
  if holders[id] then
    table.insert(set, id)
    table.insert(set, holders[id])
  else
    table.insert(del, id)
  end
end
if #set > 0 then redis.call('HSET', KEYS[2], unpack(set)) end
if #del > 0 then redis.call('HDEL', KEYS[2], unpack(del)) end
keep(KEYS[3], mine)
for other, members in pairs(theirs) do keep(sets .. other, members) end
if theirs['~'] and recovering then
  redis.call('ZADD', KEYS[4], redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')[2], '~')
end

local seen = {}
for id, at in pairs(gone) do
  table.insert(seen, at)
  table.insert(seen, id)
end
if #seen > 0 and tonumber(ARGV[4]) > 0 then
  redis.call('ZADD', KEYS[7], 'GT', unpack(seen))
  local over = redis.call('ZCARD', KEYS[7]) - ARGV[4]
  if over > 0 then redis.call('ZREMRANGEBYRANK', KEYS[7], 0, over - 1) end
end

local seq = state[2]
if #events > 0 then
  local number = tonumber(seq) + #events / 2
  seq = string.format('%.0f', number)
  redis.call('HSET', KEYS[1], 'seq', seq)
  -- An entry is named by its last event, so that what is kept can be counted in events.
  redis.call('XADD', KEYS[6], 'MINID', '=', string.format('%.0f', number - ARGV[3] + 1), seq .. '-0',
    'at', now, unpack(events))
end
return { 'ok', seq, answers }
