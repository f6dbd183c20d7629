"""Who the app and its workspace are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The installed app and the team it is installed in. Tokens are the sandbox's own, worth nothing."""

    team_id: str = "T0SANDBOX1"
    team_name: str = "Contoso"
    team_domain: str = "contoso"
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
        """The ``team`` of interactive payloads."""
        return {"id": self.team_id, "domain": self.team_domain}
