"""The targets that the settings name."""

from pydantic import SecretStr

from workers.domain.ports.paging import PageTarget
from workers.outside.paging.pagerduty import PagerDuty
from workers.outside.paging.webhook import Webhook


def page_targets(
    *,
    pagerduty_url: str,
    pagerduty_routing_key: SecretStr | None,
    webhook_url: str | None,
    webhook_secret: SecretStr | None,
) -> tuple[PageTarget, ...]:
    """Each that has all it needs."""
    made: list[PageTarget] = []
    if pagerduty_routing_key is not None:
        made.append(PagerDuty(pagerduty_url, pagerduty_routing_key))
    if webhook_url is not None and webhook_secret is not None:
        made.append(Webhook(webhook_url, webhook_secret))
    return tuple(made)
