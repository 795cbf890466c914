#!lua
-- Gives out the next sequences of boxes.
--
-- KEYS  the counters of the boxes: hashes with the last sequence `s` that was given out and the last time `t`, in ms
-- ARGV  1 the time of the caller, ms since 1970; then for each key, in their order:
--       how many sequences; what its counter has to be at least, or empty; what its time has to be at least, ms, or 0
-- Returns for each key the first of its sequences and the time of its entry, ms; both are 0 if there is no counter
--         and nothing was said that it has to be
local now, answer = tonumber(ARGV[1]), {}
for index, key in ipairs(KEYS) do
  local count, least, least_time = tonumber(ARGV[3 * index - 1]), tonumber(ARGV[3 * index]), tonumber(ARGV[3 * index + 1])
  local state = redis.call('HMGET', key, 's', 't')
  local last, time = tonumber(state[1]), tonumber(state[2]) or 0
  if least then
    last, time = math.max(last or 0, least), math.max(time, least_time)
  end
  if last then
    time = math.max(time, now)
    redis.call('HSET', key, 's', last + count, 't', time)
    answer[2 * index - 1], answer[2 * index] = last + 1, time
  else
    answer[2 * index - 1], answer[2 * index] = 0, 0
  end
end
return answer
