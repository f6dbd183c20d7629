"""What each process may do in Redis, as rules of an ACL: what one can't write, it can't forge.

The bot can't write the inventory, and can't cut, rewrite or delete the audit or anything else. The workers
can't write what the bot has posted, nor where. Neither reaches another key, or the server's settings.
Both may run scripts: what a script does is checked like any other command of its user.
Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

_PARTITIONS = "sg:{p?}"


class Who(StrEnum):
    """A user of Redis."""

    BOT = "bot"
    WORKERS = "workers"


class Grant(NamedTuple):
    """Commands on families of keys.

    Attributes:
        commands: as the ACL calls them.
        keys: patterns of keys; see ``workers.store.keys``.
        read_only: whether the keys may only be read.
    """

    commands: tuple[str, ...]
    keys: tuple[str, ...]
    read_only: bool = False

    @property
    def rule(self) -> str:
        """One selector of a user."""
        sign = "%R~" if self.read_only else "~"
        return (
            "("
            + " ".join([*(f"+{one}" for one in self.commands), *(f"{sign}{key}" for key in self.keys)])
            + ")"
        )


def _family(*names: str) -> tuple[str, ...]:
    return tuple(f"{_PARTITIONS}:{name}" for name in names)


CONNECTION = (
    "hello", "auth", "ping", "asking", "readonly", "command", "client|setinfo", "client|setname", "client|id",
    "cluster|slots", "cluster|shards", "time", "info", "wait",
)  # fmt: skip
"""Of both users, on no key: what a client asks when it connects, what the doctor looks at, and waiting until
a replica has a decision."""

_SCRIPTS = Grant(("evalsha", "eval"), (f"{_PARTITIONS}:*",))
_DOCUMENT = ("hget", "hset", "pexpire", "persist", "pttl", "exists")
_ONCE = Grant(("set", "get", "exists"), _family("once:*"))
_SCHEDULED = Grant(("set", "get", "getdel"), _family("scheduled:*"))
_HEAD = Grant(("get", "set"), _family("audit:head"))
_PROCESSES = Grant(("hset", "hgetall", "hdel"), ("sg:{processes}",))
_INVENTORY = ("sg:{inventory}:*",)
_PAST = ("zadd", "zrange", "zremrangebyscore", "zremrangebyrank", "pexpire")
_READ_INVENTORY = ("hget", "hmget", "hscan", "zrange", "zscan", "zcard")

GRANTS: dict[Who, tuple[Grant, ...]] = {
    Who.BOT: (
        _SCRIPTS,
        Grant(_DOCUMENT, _family("doc:*", "card:*", "vm:*")),
        Grant(("zadd", "zrem"), _family("due", "unshown")),
        Grant(("sadd", "srem", "smembers"), _family("standing")),
        Grant(("pexpire", "persist", "pttl", "exists", "lrange"), _family("exchanges:*")),
        Grant(("hset", "hget", "hgetall", "hkeys", "hdel", "pexpire"), _family("said:*")),
        Grant(_PAST, _family("past:*")),
        Grant(("zrange",), ("sg:{caller:*}:past",), read_only=True),
        Grant(("xadd", "xrange"), _family("audit")),
        _HEAD,
        _ONCE,
        _SCHEDULED,
        Grant(_READ_INVENTORY, _INVENTORY, read_only=True),
        Grant(("hget", "hset"), ("sg:{channels}:of:*",)),
        _PROCESSES,
        Grant(("hset", "hsetnx", "hgetall", "pexpire"), ("sg:{burst:*}",)),
        Grant(("zadd", "zrange", "zrem", "zremrangebyrank", "zcard", "pexpire"), ("sg:{noted:*}",)),
    ),
    Who.WORKERS: (
        _SCRIPTS,
        Grant(_DOCUMENT, _family("doc:*", "vm:*")),
        Grant(tuple(one for one in _DOCUMENT if one != "hset"), _family("card:*")),
        Grant(("zadd", "zrem", "zrange", "zrangebyscore"), _family("due", "unshown")),
        Grant(("sadd", "srem", "smembers"), _family("standing")),
        Grant(("rpush", "ltrim", "lrange", "pexpire", "persist", "pttl", "exists"), _family("exchanges:*")),
        Grant(("hget", "hgetall"), _family("said:*"), read_only=True),
        Grant(_PAST, (*_family("past:*"), "sg:{caller:*}:past")),
        Grant(("zadd", "zrange", "zscore", "zcard", "zremrangebyscore", "pexpire"), _family("turns")),
        Grant(("xadd", "xrange", "xrevrange", "xtrim", "xinfo|stream"), _family("audit")),
        _HEAD,
        _ONCE,
        _SCHEDULED,
        Grant((*_READ_INVENTORY, "hset", "hdel", "hkeys", "zadd", "zrem"), _INVENTORY),
        _PROCESSES,
        Grant(("set",), ("sg:{leases}:*",)),
        Grant(("hget", "hset", "hdel"), ("sg:{cursors}:*",)),
    ),
}


def rules(who: Who) -> tuple[str, ...]:
    """The rules of a user of Redis 7 or Valkey, after its name and password in ``ACL SETUSER``."""
    return ("resetkeys", "resetchannels", "-@all", *(f"+{one}" for one in CONNECTION), *_selectors(who))


def _selectors(who: Who) -> Iterator[str]:
    yield "clearselectors"
    for grant in GRANTS[who]:
        yield grant.rule


def access_string(who: Who) -> str:
    """The same for Azure Managed Redis, which takes commands and keys, but no selectors as far as is known.

    Weaker: each command is good for each family of its user, so the bot can overwrite the audit with ``SET``.
    Source: https://learn.microsoft.com/azure/redis/configure-access-permissions
    """
    commands = dict.fromkeys([*CONNECTION, *(one for grant in GRANTS[who] for one in grant.commands)])
    keys = dict.fromkeys(
        f"{'%R' if grant.read_only else ''}~{key}" for grant in GRANTS[who] for key in grant.keys
    )
    return " ".join(["-@all", *(f"+{one}" for one in commands), *keys])
