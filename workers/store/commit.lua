-- One write: everything or nothing. All keys share one hash tag, so it runs on a cluster unchanged.
--
-- KEYS[1] due (sorted set: id → when to look again, ms)   KEYS[2] unshown (sorted set: id → changed at, ms)
-- KEYS[3] audit (stream)                                  KEYS[4] head of the audit's hash chain
-- KEYS[5] once ('' when unused)                           KEYS[6…] documents (hash: v, d; f: free)
-- KEYS[…] behind them, one a document: its card, or for a card the document that it shows; else its own key
-- KEYS[#-3] what messages of a card say (hash: digest → text; '' when unused)
-- KEYS[#-2] what was exchanged with Azure for the containment that is written, or named with new ones (list; ''
--   when unused)
-- KEYS[#-1] past of a VM (sorted set: what happened → when, ms; '' when unused)
-- KEYS[#] standing (set: ids of containments that hold a VM), the last one
-- ARGV[1] JSON: {now, once_ttl, docs: [{id, expect, due, ttl, show, card, stands, free}], shown: [[id, version]],
--   absent: number, free: boolean, past: {at, entry, before, most, ttl}, exchanges: number, most_exchanges, keep: ms,
--   said: {texts: {digest: text}, shown: [digest], most}};
--   of what was said, texts that are no longer shown go once there are more than most of them; said may be null;
--   past is null when nothing is added to it; entries from before a time go, and the oldest beyond so many;
--   due is in ms, 0 takes it off, -1 leaves it; ttl in ms, 0 keeps for ever; stands is null for what is no
--   containment, free for what is no record of a VM; card is true for a card, which lives as long as its
--   document; behind the keys of the written documents and of their cards there follow in KEYS, in order:
--   those named by shown, those that must be absent, and with free the record of the VM that must be
-- ARGV[2…] the written documents' texts, in order; after them those of new exchanges, then those of the audit. They stay as they are:
--   within the JSON they would be encoded twice there and decoded once more here.
-- Answers {1, 1 if the containment had no exchanges before these, else 0} written, {0, 'once'} seen before, {0, 'conflict', id} changed since it was read.
local a = cjson.decode(ARGV[1])

if a.once_ttl > 0 and redis.call('EXISTS', KEYS[5]) == 1 then
  return {0, 'once'}
end
for i, doc in ipairs(a.docs) do
  local version = redis.call('HGET', KEYS[5 + i], 'v') or '0'
  if tonumber(version) ~= doc.expect then
    return {0, 'conflict', doc.id}
  end
end
local shown_from = 5 + 2 * #a.docs
local others = shown_from + #a.shown
for i = 1, a.absent do
  if redis.call('EXISTS', KEYS[others + i]) == 1 then
    return {0, 'conflict', KEYS[others + i]}
  end
end
if a.free then
  local key = KEYS[others + a.absent + 1]
  if redis.call('HGET', key, 'f') ~= '1' and redis.call('EXISTS', key) == 1 then
    return {0, 'conflict', key}
  end
end

if a.once_ttl > 0 then
  redis.call('SET', KEYS[5], '1', 'PX', a.once_ttl)
end
for i, doc in ipairs(a.docs) do
  local key = KEYS[5 + i]
  redis.call('HSET', key, 'v', doc.expect + 1, 'd', ARGV[1 + i])
  if doc.free == true or doc.free == false then
    redis.call('HSET', key, 'f', doc.free and '1' or '0')
  end
  if doc.due > 0 then
    redis.call('ZADD', KEYS[1], doc.due, doc.id)
  elseif doc.due == 0 then
    redis.call('ZREM', KEYS[1], doc.id)
  end
  if doc.show then
    redis.call('ZADD', KEYS[2], a.now, doc.id)
  end
  if doc.stands == true then
    redis.call('SADD', KEYS[#KEYS], doc.id)
  elseif doc.stands == false then
    redis.call('SREM', KEYS[#KEYS], doc.id)
  end
end
local exchanges, first, first_exchanges = KEYS[#KEYS - 2], 1 + #a.docs, 0
if a.exchanges > 0 then
  local many = redis.call('RPUSH', exchanges, unpack(ARGV, first + 1, first + a.exchanges))
  first_exchanges = many == a.exchanges and 1 or 0
  redis.call('LTRIM', exchanges, -a.most_exchanges, -1)
  -- It lives as long as its containment, whose own writes say how long; nobody may leave one behind for ever.
  if redis.call('PTTL', exchanges) == -1 then
    redis.call('PEXPIRE', exchanges, a.keep)
  end
end
for i, doc in ipairs(a.docs) do
  local key, companion, ttl = KEYS[5 + i], KEYS[5 + #a.docs + i], doc.ttl
  if doc.card then
    local left = redis.call('PTTL', companion)
    if left ~= -2 then ttl = left end
  end
  local living = doc.show and {key, companion} or {key}
  if doc.stands == true or doc.stands == false then
    living[#living + 1] = exchanges
  end
  for _, kept in ipairs(living) do
    if ttl > 0 then
      redis.call('PEXPIRE', kept, ttl)
    else
      redis.call('PERSIST', kept)
    end
  end
end
for i, shown in ipairs(a.shown) do
  -- Only when nothing newer was written meanwhile.
  local version = redis.call('HGET', KEYS[shown_from + i], 'v')
  if not version or tonumber(version) <= shown[2] then
    redis.call('ZREM', KEYS[2], shown[1])
  end
end
if type(a.past) == 'table' then
  local key = KEYS[#KEYS - 1]
  redis.call('ZADD', key, 'NX', a.past.at, a.past.entry)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', a.past.before)
  redis.call('ZREMRANGEBYRANK', key, 0, -1 - a.past.most)
  redis.call('PEXPIRE', key, a.past.ttl)
end
if type(a.said) == 'table' then
  local key, kept, past = KEYS[#KEYS - 3], {}, {}
  for digest, text in pairs(a.said.texts) do
    redis.call('HSET', key, digest, text)
    kept[digest] = true
  end
  for _, digest in ipairs(a.said.shown) do
    kept[digest] = true
  end
  for _, digest in ipairs(redis.call('HKEYS', key)) do
    if not kept[digest] then past[#past + 1] = digest end
  end
  if #past > a.said.most then
    redis.call('HDEL', key, unpack(past))
  end
  redis.call('PEXPIRE', key, a.keep)
end
for i = 2 + #a.docs + a.exchanges, #ARGV do
  local record = ARGV[i]
  local previous = redis.call('GET', KEYS[4]) or ''
  local digest = redis.sha1hex(previous .. record)
  redis.call('XADD', KEYS[3], '*', 'r', record, 'p', previous, 'h', digest)
  redis.call('SET', KEYS[4], digest)
end
return {1, first_exchanges}
