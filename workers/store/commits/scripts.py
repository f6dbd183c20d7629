"""Runs Lua scripts on Redis by their digests, alone or with a wait for a replica."""

from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis
from redis.exceptions import NoScriptError

from workers.store.commits.replicas import WITHIN_MS


class Scripts:
    """Runs these scripts. What Redis answers or raises is left to the caller.

    Args:
        client: made by ``workers.store.connection.connect``; answers bytes.
        texts: the scripts, in Lua.
    """

    def __init__(self, client: redis.Redis, *texts: str) -> None:
        self._redis = client
        self._digests = {text: client.register_script(text).sha for text in texts}

    async def run(self, text: str, script_keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run by its digest; a server that does not know it, after a restart say, is sent the text.

        The script object itself would load it on every primary of a cluster first, and so fail for all of
        them while one is dead. The text goes to the node of the keys, and was not run before.
        """
        count = len(script_keys)
        try:
            return await self._redis.evalsha(self._digests[text], count, *script_keys, *args)
        except NoScriptError:
            return await self._redis.eval(text, count, *script_keys, *args)

    async def run_and_wait(
        self, text: str, script_keys: Sequence[str], args: Sequence[str | int]
    ) -> list[Any]:
        """The same, then on the same connection wait for a replica; how many have it comes last."""
        answers: list[Any] = []
        for run, script in (("evalsha", self._digests[text]), ("eval", text)):
            async with self._redis.pipeline(transaction=False) as pipeline:
                getattr(pipeline, run)(script, len(script_keys), *script_keys, *args)
                pipeline.wait(1, WITHIN_MS)
                answers = await pipeline.execute(raise_on_error=False)
            if not isinstance(answers[0], NoScriptError):
                break
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [*answers[0], answers[1]]
