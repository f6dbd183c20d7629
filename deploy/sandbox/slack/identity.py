"""Who the app and its workspace are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The installed app and the team it is installed in. Tokens are the sandbox's own, worth nothing.

    Attributes:
        enterprise_id: the organization that the team belongs to; empty for a workspace by itself.
        is_enterprise_install: the app is installed in the whole organization.
    """

    team_id: str = "T0SANDBOX1"
    team_name: str = "Contoso"
    team_domain: str = "contoso"
    enterprise_id: str = ""
    enterprise_name: str = ""
    is_enterprise_install: bool = False
    app_id: str = "A0STARTGATE"
    app_name: str = "Startgate"
    bot_id: str = "B0STARTGATE"
    bot_user: str = "U0STARTGATE"
    bot_handle: str = "startgate"
    bot_token: str = "xoxb-sandbox"  # noqa: S105 - opens nothing but this stand-in
    app_token: str = "xapp-sandbox"  # noqa: S105 - opens nothing but this stand-in
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - the same
    verification_token: str = "sandbox-verification-token"  # noqa: S105 - deprecated by Slack, still sent

    def team(self) -> dict[str, str]:
        """The ``team`` of interactive payloads, with the organization's id and name where there is one.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        team = {"id": self.team_id, "domain": self.team_domain}
        if not self.enterprise_id:
            return team
        return team | {"enterprise_id": self.enterprise_id, "enterprise_name": self.enterprise_name}

    def enterprise(self) -> dict[str, str] | None:
        """The ``enterprise`` of interactive payloads."""
        return {"id": self.enterprise_id, "name": self.enterprise_name} if self.enterprise_id else None
