"""About what a VM of a size costs by the hour, from a list that is kept beside this file with its date.

The list says what it was checked against, and when. A price for the hour goes before one for each core: the
largest sizes of a series may have less memory for each core, and cost less.

Azure's own bill is right: regions, licences, discounts and agreements differ. What is not in the list has no
price, rather than a guess.
"""

import json
import re
from functools import lru_cache
from importlib import resources
from typing import Any

from workers.domain.starts.facts import Cost

_LIST: dict[str, Any] = json.loads(
    resources.files(__package__).joinpath("vm_prices.json").read_text(encoding="utf-8")
)
_CORES = re.compile(r"(?<=^standard_[a-z])\d+")
"""Of a size such as ``Standard_D4s_v5``, the number that says how many cores it has."""


@lru_cache(maxsize=1000)
def cost_of(size: str) -> Cost | None:
    """The price of a size, in whatever case it is spelt; ``None`` if the list does not have it."""
    key = size.lower()
    price = _LIST["per_hour"].get(key)
    if price is None and (cores := _CORES.search(key)):
        per_core = _LIST["per_core_and_hour"].get(_CORES.sub("#", key))
        price = None if per_core is None else round(per_core * int(cores[0]), 4)
    return None if price is None else Cost(usd_per_hour=price, as_of=_LIST["as_of"], region=_LIST["region"])
