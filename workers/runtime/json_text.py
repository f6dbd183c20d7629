"""Reads JSON that comes from outside, with orjson: three to four times as fast as Python's own.

Lists of machines are most of what a worker reads in a burst.
"""

import json

import orjson


def parsed(text: bytes) -> object:
    """What the text says.

    What orjson refuses and Python takes is read by Python: half a surrogate pair, as somebody's tag may hold,
    ``NaN``, a byte order mark, UTF-16. An integer beyond 64 bits becomes a float.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it nests too deeply.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        found: object = json.loads(text)
        return found
