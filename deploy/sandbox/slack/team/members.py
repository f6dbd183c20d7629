"""People and bots, as Slack keeps them and as it tells them to an app."""

from dataclasses import dataclass

from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.team.messages import Json


@dataclass(kw_only=True, slots=True)
class Member:
    """Somebody, or some app, whom this workspace knows. ``key`` is the short name tests and stories use.

    The flags are those of https://docs.slack.dev/reference/objects/user-object

    Attributes:
        team_id: their workspace, where it is another one (Slack Connect); empty for our own.
        enterprise_id: the organization their workspace belongs to, if any.
        is_restricted: a guest; ``is_ultra_restricted`` as well for a guest of a single channel.
        is_stranger: of another workspace, and in no channel that the app shares.
        dnd_start, dnd_end: their session of do-not-disturb, in seconds since 1970; 0 for none.
        hidden: Slack answers ``user_not_visible`` to who asks for them.
    """

    id: str
    key: str
    name: str
    email: str = ""
    tz: str = "UTC"
    tz_offset: int = 0
    deleted: bool = False
    is_bot: bool = False
    team_id: str = ""
    enterprise_id: str = ""
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    hidden: bool = False
    dnd_start: int = 0
    dnd_end: int = 0

    @property
    def handle(self) -> str:
        """Slack's ``name``: not to be trusted by anybody, and here to be seen not trusted."""
        return self.email.split("@", 1)[0] or self.key

    @property
    def foreign(self) -> bool:
        """Of another workspace than the app's."""
        return bool(self.team_id)

    def home(self, identity: Identity) -> str:
        """The workspace they belong to."""
        return self.team_id or identity.team_id

    def organization(self, identity: Identity) -> str:
        """The organization they belong to, or nothing."""
        return self.enterprise_id or ("" if self.foreign else identity.enterprise_id)

    def actor_team(self, identity: Identity) -> str:
        """What payloads call ``user.team_id``: the organization's id for people of one.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        return self.organization(identity) or self.home(identity)

    def as_json(self, identity: Identity, *, with_email: bool) -> Json:
        """The user object; the e-mail address only with ``users:read.email``.

        ``is_stranger`` is false, or absent, for people of another workspace who share a channel with the
        app: only ``team_id`` and ``enterprise_id`` tell them from our own. Their e-mail address is told
        (https://github.com/paradigmxyz/centaur/pull/1349), a stranger's is not.
        """
        team = self.actor_team(identity) if self.foreign else self.home(identity)
        profile: Json = {"real_name": self.name, "display_name": self.key, "team": team}
        if with_email and self.email and not self.is_stranger:
            profile["email"] = self.email
        if self.is_bot:
            profile["bot_id"] = "B" + self.id[1:]
        user: Json = {
            "id": self.id,
            "team_id": self.home(identity),
            "name": self.handle,
            "deleted": self.deleted,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 0,
        }
        if self.foreign:
            user["is_stranger"] = self.is_stranger
        if self.deleted or self.is_stranger:
            return user
        return user | self._of_the_active(identity)

    def _of_the_active(self, identity: Identity) -> Json:
        shown: Json = {
            "real_name": self.name,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": self.tz_offset,
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted or self.is_ultra_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
        }
        if organization := self.organization(identity):
            shown["enterprise_user"] = {
                "id": self.id,
                "enterprise_id": organization,
                "enterprise_name": identity.enterprise_name if not self.foreign else organization,
                "is_admin": False,
                "is_owner": False,
                "teams": [self.home(identity)],
            }
        return shown
