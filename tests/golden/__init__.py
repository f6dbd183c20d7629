"""Golden documents: one of each kind in several states, as each schema number wrote them.

``python -m tests.golden`` adds those of today's number that are not there yet, as ``v<number>/<name>.json``.
It never writes one anew: what is here may be in somebody's Redis, and every later version has to read it.
Run it after a new kind or state is added to ``documents.py``, or ``TODAY`` in ``workers/domain/schema.py``
was raised.
"""

from pathlib import Path

ROOT = Path(__file__).parent
