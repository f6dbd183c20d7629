"""On what on-call is paged outside Slack: by PagerDuty, or a webhook. Where that goes, only settings say."""

from enum import StrEnum


class PageOn(StrEnum):
    """What on-call can be paged for.

    ``undelivered``    nobody could be asked about a start
    ``unanswered``     nobody has answered, and on-call is asked, too
    ``high-risk``      a start of high risk was asked about
    ``contained``      a VM is contained; it can wait for a restore
    ``incomplete``     a containment or a restore needs somebody, or no longer holds
    ``canary-silent``  the canary was not asked about: starts may go unseen
    ``dead-letters``   messages were put aside: starts that nobody was asked about
    """

    UNDELIVERED = "undelivered"
    UNANSWERED = "unanswered"
    HIGH_RISK = "high-risk"
    CONTAINED = "contained"
    INCOMPLETE = "incomplete"
    CANARY_SILENT = "canary-silent"
    DEAD_LETTERS = "dead-letters"


DEFAULT_PAGES = (PageOn.UNDELIVERED, PageOn.INCOMPLETE, PageOn.CANARY_SILENT, PageOn.DEAD_LETTERS)
