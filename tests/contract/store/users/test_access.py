"""Two users of Redis: each does its work, and what is not its own is refused by a real Valkey."""

import re
from collections.abc import Iterator

import pytest
import redis
from redis.exceptions import NoPermissionError

from tests.contract.store.rig import VM
from tests.valkey_server import Valkey
from workers.domain.ids import PARTITIONS, containment_id
from workers.store import keys
from workers.store.users.access import GRANTS, Who, access_string, rules

OF_THE_VM, AUDIT, HEAD = keys.base(7) + ":vm:x", keys.audit(7), keys.audit_head(7)
DOC, CARD = keys.base(7) + ":doc:x", keys.base(7) + ":card:x"
INVENTORY, CHANNELS, NOTED = keys.inventory("s"), keys.channels("T1"), keys.noted("o")

FORBIDDEN: dict[Who, list[tuple[str, ...]]] = {
    Who.BOT: [
        ("HSET", INVENTORY, "vm", "forged"),
        ("ZADD", keys.VM_NAMES, "0", "forged"),
        ("HDEL", INVENTORY, "vm"),
        ("XTRIM", AUDIT, "MAXLEN", "0"),
        ("XDEL", AUDIT, "1-1"),
        ("SET", AUDIT, "forged"),
        ("DEL", AUDIT),
        ("DEL", DOC),
        ("EVAL", f"return redis.call('DEL', '{DOC}')", "1", DOC),
        ("EVAL", f"return redis.call('HSET', '{INVENTORY}', 'a', 'b')", "0"),
        ("RENAME", DOC, CARD),
        ("SET", "somebody:else", "1"),
        ("GET", "somebody:else"),
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("CONFIG", "SET", "appendonly", "no"),
        ("CONFIG", "GET", "requirepass"),
        ("ACL", "SETUSER", "bot", "+@all"),
        ("SCRIPT", "FLUSH"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("REPLICAOF", "127.0.0.1", "1"),
    ],
    Who.WORKERS: [
        ("HSET", CARD, "d", "forged"),
        ("HSET", CHANNELS, "#vm-oncall", "C0FORGED"),
        ("DEL", DOC),
        ("SET", AUDIT, "forged"),
        ("SET", "somebody:else", "1"),
        ("FLUSHALL",),
        ("CONFIG", "SET", "appendonly", "no"),
        ("ACL", "SETUSER", "workers", "+@all"),
        ("EVAL", f"return redis.call('HSET', '{CARD}', 'd', 'forged')", "1", CARD),
    ],
}
ALLOWED: dict[Who, list[tuple[str, ...]]] = {
    Who.BOT: [
        ("HGET", DOC, "d"),
        ("HGET", INVENTORY, "vm"),
        ("ZCARD", keys.VM_NAMES),
        ("HSET", CHANNELS, "#vm-oncall", "C1"),
        ("XADD", AUDIT, "*", "r", "1"),
        ("ZADD", NOTED, "1", "a1"),
        ("ZREMRANGEBYRANK", NOTED, "0", "-31"),
        ("PEXPIRE", NOTED, "1000"),
        ("ZCARD", NOTED),
        ("ZRANGE", NOTED, "0", "-1"),
        ("ZREM", NOTED, "a1"),
        ("TIME",),
    ],
    Who.WORKERS: [
        ("HSET", INVENTORY, "vm", "line"),
        ("XTRIM", AUDIT, "MINID", "1"),
        ("ZRANGEBYSCORE", keys.due(7), "0", "1"),
        ("HGET", CARD, "d"),
        ("INFO", "server"),
    ],
}


@pytest.fixture
def server(valkey: Valkey) -> Iterator[Valkey]:
    with redis.Redis.from_url(valkey.url) as admin:
        for who in Who:
            admin.execute_command("ACL", "SETUSER", who, "on", ">secret", *rules(who))
        yield valkey
        for who in Who:
            admin.execute_command("ACL", "DELUSER", who)


def user(server: Valkey, who: Who) -> redis.Redis:
    return redis.Redis.from_url(server.url.replace("://", f"://{who}:secret@"))


@pytest.mark.parametrize(
    ("who", "command"), [(who, one) for who, commands in FORBIDDEN.items() for one in commands]
)
def test_what_is_not_its_own_is_refused(server: Valkey, who: Who, command: tuple[str, ...]) -> None:
    with user(server, who) as client, pytest.raises((NoPermissionError, redis.ResponseError)) as refused:
        client.execute_command(*command)
    assert "permission" in str(refused.value).lower()


@pytest.mark.parametrize(
    ("who", "command"), [(who, one) for who, commands in ALLOWED.items() for one in commands]
)
def test_its_own_is_allowed(server: Valkey, who: Who, command: tuple[str, ...]) -> None:
    with user(server, who) as client:
        client.execute_command(*command)


STILL_FORBIDDEN = [one for one in FORBIDDEN[Who.BOT] if one[:2] != ("SET", AUDIT)]


@pytest.mark.parametrize("command", STILL_FORBIDDEN)
def test_without_selectors_all_but_one_of_it_is_refused_too(valkey: Valkey, command: tuple[str, ...]) -> None:
    """Azure's access string; that ``SET`` on the audit passes is its docstring's warning."""
    with redis.Redis.from_url(valkey.url) as admin:
        flat = access_string(Who.BOT).split()
        admin.execute_command("ACL", "SETUSER", "flat", "on", ">secret", *flat)
        with (
            redis.Redis.from_url(valkey.url.replace("://", "://flat:secret@")) as client,
            pytest.raises((NoPermissionError, redis.ResponseError)) as refused,
        ):
            client.execute_command(*command)
        admin.execute_command("ACL", "DELUSER", "flat")
    assert "permission" in str(refused.value).lower()


def test_every_partition_fits_the_pattern_of_the_families() -> None:
    assert {len(keys.base(partition)) for partition in range(PARTITIONS)} == {len("sg:{p?}")}


AN_ID = containment_id(VM.key)
MADE = {
    "once": keys.once(7, "x"),
    "by_id": keys.by_id(AN_ID),
    "card": keys.card(AN_ID),
    "scheduled": keys.scheduled(AN_ID),
    "exchanges": keys.exchanges(AN_ID),
    "said": keys.said(AN_ID),
    "vm_record": keys.vm_record(VM),
    "past_of_vm": keys.past_of_vm(VM),
    "past_of_caller": keys.past_of_caller("x"),
    "inventory": keys.inventory("s"),
    "channels": keys.channels("T1"),
    "lease": keys.lease("missed-starts"),
    "cursor": keys.cursor("pages:webhook"),
    "open_pages": keys.open_pages("webhook"),
    "burst": keys.burst("0011223344556677"),
    "noted": keys.noted("0011223344556677"),
    **{name: getattr(keys, name)(7) for name in ("due", "unshown", "standing", "audit", "audit_head")},
}
"""A key of each function of ``keys``."""
NOT_KEYS = {"base", "companion", "of"}


def test_every_family_of_keys_is_granted_to_somebody() -> None:
    """By name: the rule that lets scripts be given keys fits every one."""
    functions = {
        name
        for name, one in vars(keys).items()
        if callable(one) and getattr(one, "__module__", "") == keys.__name__ and not name.startswith("_")
    }
    assert functions - NOT_KEYS == set(MADE), "say in workers/store/users/access.py who may do what with it"
    granted = {key for who in Who for grant in GRANTS[who] for key in grant.keys} - {"sg:{p?}:*"}
    patterns = [re.compile(re.escape(one).replace(r"\*", ".*").replace(r"\?", ".")) for one in granted]
    constants = {keys.VM_NAMES, keys.TURNS}
    for key in {*MADE.values(), *constants}:
        assert any(pattern.fullmatch(key) for pattern in patterns), key
