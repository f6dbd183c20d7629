"""How the policy's texts are spelt: durations, channels, people, names and conditions."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from workers.domain.durations import AS_WRITTEN, duration
from workers.domain.model import spelt

LONGEST_CONDITION = 2000
"""In characters."""


def as_text(value: object) -> object:
    """``when: true`` as text: YAML reads it as a boolean, and CEL spells it the same."""
    return str(value).lower() if isinstance(value, bool) else value


ExpressionText = Annotated[str, Field(max_length=LONGEST_CONDITION)]
Expression = Annotated[ExpressionText, BeforeValidator(as_text, json_schema_input_type=ExpressionText | bool)]
"""A condition in CEL."""
Duration = Annotated[timedelta, BeforeValidator(duration), AS_WRITTEN]
Channel = Annotated[
    str,
    spelt(
        r"#[a-z0-9_-]{1,80}|[CG][A-Z0-9]{5,20}",
        "write #name in lower case, or a channel id such as C0123ABCD",
    ),
]
"""``#name`` or a Slack channel id (``C…``)."""
SlackUser = Annotated[
    str,
    spelt(
        r"[UW][A-Z0-9]{5,20}",
        "write a member ID such as U0123ABCD, from Copy member ID in the person's profile",
    ),
]
Usergroup = Annotated[
    str,
    spelt(r"S[A-Z0-9]{5,20}", "write the id of a user group, such as S0123ABCD: its handle may change"),
]
Workspace = Annotated[
    str,
    spelt(
        r"[TE][A-Z0-9]{5,20}",
        "write the id of a workspace, such as T0123ABCD, or of an organization, such as E0123ABCD",
    ),
]
"""The id of a Slack workspace (``T…``) or organization (``E…``)."""
Addressee = Annotated[
    str,
    spelt(
        r"[^@\s<>,;|]{1,64}@[^@\s<>,;|]{1,255}|[UWSCG](?=[A-Z]*[0-9])[A-Z0-9]{8,20}|#[a-z0-9_-]{1,80}",
        "write an e-mail address, a member ID (U…), a user group (S…), or a channel (#name or C…)",
    ),
]
"""Whom to ask: a person, a group of people, or whoever reads a channel."""
SubscriptionId = Annotated[
    str,
    spelt(
        r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        "write the id of a subscription, such as 00000000-0000-0000-0000-000000000000",
    ),
]
ResourceGroup = Annotated[
    str, spelt(r"[\w().-]{1,90}", "write the name of a resource group, which has at most 90 characters")
]
PROFILE_NAME = r"[a-z0-9-]{1,40}"
ProfileName = Annotated[
    str, spelt(PROFILE_NAME, "use at most 40 of a-z, 0-9 and -: it becomes part of names in Azure")
]
