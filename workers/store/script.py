"""A Lua script that is run by its digest; its text is sent only to a server that does not know it."""

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from workers.store.pipe import Pipe


class Script:
    """A script, run through a pipe with whatever else is asked in the same turn.

    The client's own script object would ask before every pipeline whether the server knows the script.
    A server that does not, after a restart say, refuses to run it, and is sent the text. ``EVAL`` rather than
    ``SCRIPT LOAD``: nothing can be forgotten again in between, and on a cluster it goes to the right node.
    """

    def __init__(self, pipe: Pipe, text: str) -> None:
        self._pipe = pipe
        self._text = text
        self._digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[str]) -> Any:
        """Its answer; raises what the client raises."""
        parts: tuple[str | int, ...] = (len(keys), *keys, *args)
        try:
            return await self._pipe.ask("EVALSHA", self._digest, *parts)
        except NoScriptError:
            # It was not run, so that this repeats nothing.
            return await self._pipe.ask("EVAL", self._text, *parts)
