"""A confirmation that needs two persons: the first one asks for it, and a second one confirms the start."""

from workers.domain.starts.two_persons import Request


class ConfirmRequest(Request):
    """The request for a confirmation.

    Attributes:
        shown: how many starts the question asked about when the first person was shown it.
        expired: its time was over before anybody confirmed it, which is noted.
    """

    shown: int = 1
    expired: bool = False
