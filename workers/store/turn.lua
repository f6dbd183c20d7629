-- A turn for one of so many things within some time: taken at once, or when the next one is free.
--
-- KEYS[1] sorted set: who has a turn → since when, ms
-- ARGV[1] who   ARGV[2] now, ms   ARGV[3] how many turns there are   ARGV[4] how long each lasts, ms
-- Answers 0: it has one, from now or from before; else when the first of the others ends, in ms.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2] - ARGV[4])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 0
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return first[2] + ARGV[4]
