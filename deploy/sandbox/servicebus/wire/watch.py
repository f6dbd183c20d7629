"""What time does to a connection: silence, links that nobody uses, tokens that expire, no token at all.

The times and their sources are in ``limits``, the words in ``reasons``.
"""

import asyncio
from typing import Protocol

from deploy.sandbox.servicebus import reasons
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.wire.roles import SessionOwner

SOONEST_S = 0.01
"""A timer never runs sooner than this: clocks and timers differ by less."""


class Watched(SessionOwner, Protocol):
    """A connection, as its watch sees it."""

    def ask_for_echo(self) -> None:
        """Send each session a flow that asks for one in return."""


class Watch:
    """One timer for all that can happen to a connection by time."""

    def __init__(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._opened_at = self._heard_at = self._asked_at = self._loop.time()
        self._had_links = False
        self._linked_at = self._opened_at
        self._stopped = False

    def start(self) -> None:
        """The connection is there."""
        self.set()

    def stop(self) -> None:
        """The connection is gone."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def heard(self) -> None:
        """Something came."""
        self._heard_at = self._loop.time()

    def look(self) -> None:
        """Do what is due, and come back for the next."""
        if self._stopped:
            return
        now, connection = self._loop.time(), self._connection
        limits = connection.broker.limits
        if now - self._heard_at >= limits.connection_idle_s:
            connection.close(reasons.connection_idle(limits.connection_idle_s))
            return
        if connection.claims.empty and now - self._opened_at >= limits.token_within_s:
            connection.cut()
            return
        self._look_at_links(now, limits)
        if now - self._linked_at >= self._linkless_s(limits):
            connection.close(reasons.connection_unused(self._linkless_s(limits)))
            return
        if limits.flow_every_s and now - self._asked_at >= limits.flow_every_s:
            self._asked_at = now
            connection.ask_for_echo()
        self.set()

    def set(self) -> None:
        """Set the timer for what is due next."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._stopped:
            delay = max(SOONEST_S, self._due_at() - self._loop.time())
            self._timer = self._loop.call_later(delay, self.look)

    def _look_at_links(self, now: float, limits: Limits) -> None:
        for link in self._connection.links():
            if not self._connection.claims.allow(link.entity, *link.rights):
                link.detach(reasons.token_expired(link.name, link.entity, link.rights[0]))
            elif now - link.used_at >= limits.link_idle_s:
                link.detach(reasons.link_idle(link.name, link.origin, limits.link_idle_s))
        self._count_links(now)

    def _count_links(self, now: float) -> None:
        if self._connection.links():
            self._had_links = True
            self._linked_at = now

    def _linkless_s(self, limits: Limits) -> float:
        return limits.links_gone_s if self._had_links else limits.links_first_s

    def _due_at(self) -> float:
        """When something may be due next; whether it is, is found out then."""
        now, limits, claims = self._loop.time(), self._connection.broker.limits, self._connection.claims
        self._count_links(now)
        due = [self._heard_at + limits.connection_idle_s, self._linked_at + self._linkless_s(limits)]
        due += [link.used_at + limits.link_idle_s for link in self._connection.links()]
        if claims.empty:
            due.append(self._opened_at + limits.token_within_s)
        if (left := claims.expires_in()) is not None:
            due.append(now + left)
        if limits.flow_every_s:
            due.append(self._asked_at + limits.flow_every_s)
        return min(due)
