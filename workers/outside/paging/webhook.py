"""A webhook of your own, signed, so that its receiver knows who sent a page and when.

A page is a POST of JSON: ``id``, ``event`` (such as ``incomplete``), ``action`` (``trigger``, ``acknowledge``
or ``resolve``), ``key`` (the same for a trigger and its end), ``about``, ``vm``, ``at`` and ``summary``. Its
headers:

* ``Startgate-Timestamp``: when it was sent, in seconds since 1970. Refuse what is older than five minutes.
* ``Startgate-Signature``: ``v1=`` and, in hex, the HMAC-SHA256 by the secret of ``v1:TIMESTAMP:BODY``, the
  body byte for byte. Compare in constant time.

A page may come twice, after an answer that was lost: ``id`` is the same then. Answer with one of the 200s;
429 and the 500s are tried again, as is silence; anything else is given up and stands in the audit.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable

from pydantic import SecretStr

from workers.domain.asking.notices.pages import Page
from workers.outside.paging.posting import post

TIMESTAMP, SIGNATURE = "Startgate-Timestamp", "Startgate-Signature"


class Webhook:
    """One address.

    Args:
        url: from the settings.
        secret: shared with the receiver.
        now: seconds since 1970.
    """

    name = "webhook"

    def __init__(self, url: str, secret: SecretStr, *, now: Callable[[], float] = time.time) -> None:
        self._url, self._secret, self._now = url, secret, now

    async def send(self, page: Page) -> None:
        """Send it; see ``PageTarget``. Each attempt is signed anew: the receiver refuses an old one."""
        body = json.dumps(
            {
                "id": page.id,
                "event": page.on.value,
                "action": page.action.value,
                "key": page.key,
                "about": page.about,
                "vm": page.vm,
                "at": page.at.isoformat(),
                "summary": page.summary,
            }
        ).encode()
        timestamp = str(int(self._now()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(self._secret.get_secret_value(), timestamp, body),
        }
        await post(self.name, self._url, body, headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of ``Startgate-Signature``."""
    signed = b"v1:" + timestamp.encode() + b":" + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
