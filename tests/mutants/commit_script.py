"""Mutants of the commit script, made by hand: no tool knows Lua. The store's contract tests catch each."""

from tests.mutants.planting import Mutant

SCRIPT = "workers/store/commit.lua"
_FILES = ("test_documents", "test_lists", "redis/test_keeping", "redis/test_redis", "test_past")
TESTS = tuple(f"tests/contract/store/{name}.py" for name in _FILES)

_ONCE_FIRST = """
if a.once_ttl > 0 and not redis.call('SET', KEYS[5], '1', 'NX', 'PX', a.once_ttl) then
  return {0, 'once'}
end
a.once_ttl = 0
"""

_EDITS = (
    (
        "what was seen once is written again",
        "if a.once_ttl > 0 and redis.call('EXISTS'",
        "if false and redis.call('EXISTS'",
    ),
    ("nothing is remembered", "if type(a.past) == 'table' then", "if false then"),
    ("what is remembered again is dated anew", "'ZADD', key, 'NX', a.past.at", "'ZADD', key, a.past.at"),
    ("what is too old stays remembered", "'-inf', a.past.before)", "'-inf', 0)"),
    ("everything stays remembered", "key, 0, -1 - a.past.most)", "key, 1, 0)"),
    ("one less stays remembered", "-1 - a.past.most)", "-a.past.most)"),
    ("the past of a VM stays for ever", "  redis.call('PEXPIRE', key, a.past.ttl)\n", ""),
    ("the past is kept elsewhere", "local key = KEYS[#KEYS - 1]", "local key = KEYS[#KEYS]"),
    ("an older version is no conflict", "~= doc.expect then", "< doc.expect then"),
    ("a newer version is no conflict", "~= doc.expect then", "> doc.expect then"),
    ("a document that is gone is no conflict", "'v') or '0'", "'v') or doc.expect"),
    ("only the last document is compared", "KEYS[5 + i], 'v') or '0'", "KEYS[5 + #a.docs], 'v') or '0'"),
    ("the companions are taken for what is shown", "5 + 2 * #a.docs", "5 + #a.docs"),
    ("what is shown is taken for what must be absent", "shown_from + #a.shown", "shown_from"),
    ("the first that must be absent may be there", "for i = 1, a.absent do", "for i = 2, a.absent do"),
    ("the last that must be absent may be there", "for i = 1, a.absent do", "for i = 1, a.absent - 1 do"),
    ("whether the VM is free is looked up elsewhere", "KEYS[others + a.absent + 1]", "KEYS[others + 1]"),
    ("a VM that is held counts as free", "if a.free then", "if false then"),
    ("a record that does not say counts as free", "'f') ~= '1' and", "'f') == '0' and"),
    ("a VM without a record counts as held", " and redis.call('EXISTS', key) == 1 then", " then"),
    (
        "a once key is never set",
        "if a.once_ttl > 0 then\n  redis.call('SET'",
        "if false then\n  redis.call('SET'",
    ),
    ("a once key stays for ever", "'1', 'PX', a.once_ttl)", "'1')"),
    ("a conflict uses a once key up", "ARGV[1])\n", "ARGV[1])\n" + _ONCE_FIRST),
    ("the version stays", "'v', doc.expect + 1, 'd'", "'v', doc.expect, 'd'"),
    ("every document gets the first text", "'d', ARGV[1 + i])", "'d', ARGV[2])"),
    ("a VM that is held is not noted", "doc.free == true or doc.free == false", "doc.free == true"),
    ("a VM that is free again is not noted", "doc.free == true or doc.free == false", "doc.free == false"),
    ("a held VM is noted as free", "doc.free and '1' or '0'", "'1'"),
    ("nothing becomes due", "if doc.due > 0 then", "if false then"),
    ("what has ended stays due", "elseif doc.due == 0 then", "elseif false then"),
    ("what is not about a time takes it off", "elseif doc.due == 0 then", "else"),
    (
        "a change needs no showing",
        "if doc.show then\n    redis.call('ZADD'",
        "if false then\n    redis.call('ZADD'",
    ),
    ("a change is unshown since it was due", "KEYS[2], a.now, doc.id", "KEYS[2], doc.due, doc.id"),
    ("a containment does not stand", "if doc.stands == true then", "if false then"),
    ("a restored containment stands", "elseif doc.stands == false then", "elseif false then"),
    ("a card is kept for its own time", "if doc.card then", "if false then"),
    ("a card of what stays goes", "if left ~= -2 then", "if left > 0 then"),
    ("a card without its document stays", "if left ~= -2 then ttl = left end", "ttl = left"),
    ("a document's card does not go with it", "doc.show and {key, companion} or {key}", "{key}"),
    ("exchanges do not go with their containment", "living[#living + 1] = exchanges", "local _ = exchanges"),
    ("exchanges without a write of their containment stay", "== -1 then\n    redis", "== -3 then\n    redis"),
    ("exchanges are kept without end", "redis.call('LTRIM', exchanges", "local _ = {exchanges"),
    ("the first exchange is lost", "unpack(ARGV, first + 1,", "unpack(ARGV, first + 2,"),
    ("nothing is ever forgotten", "if ttl > 0 then", "if false then"),
    ("what is taken up again goes", "redis.call('PERSIST', kept)", "local _ = kept"),
    ("showing an older version settles it", "tonumber(version) <= shown[2]", "true"),
    (
        "showing the newest version settles nothing",
        "tonumber(version) <= shown[2]",
        "tonumber(version) < shown[2]",
    ),
    (
        "what is gone is never settled",
        "if not version or tonumber(version)",
        "if version and tonumber(version)",
    ),
    (
        "all are settled by the first one's version",
        "KEYS[shown_from + i], 'v')",
        "KEYS[shown_from + 1], 'v')",
    ),
    ("the first record is lost", "for i = 2 + #a.docs + a.ex", "for i = 3 + #a.docs + a.ex"),
    ("documents are recorded, too", "for i = 2 + #a.docs + a.exchanges", "for i = 2 + a.exchanges"),
    ("exchanges are recorded, too", "for i = 2 + #a.docs + a.exchanges", "for i = 2 + #a.docs"),
    ("a record vouches for itself alone", "sha1hex(previous .. record)", "sha1hex(record)"),
    ("a record does not name the one before", "'p', previous, 'h', digest", "'p', '', 'h', digest"),
    ("the chain has no head", "redis.call('SET', KEYS[4], digest)", "local _ = digest"),
)

MUTANTS = tuple(Mutant(path=SCRIPT, claim=claim, old=old, new=new) for claim, old, new in _EDITS)
