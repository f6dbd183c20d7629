"""How the policy's texts are spelt: durations, channels, people, names and conditions."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

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
ObjectId = Annotated[
    str,
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    spelt(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "write an object ID from Entra ID such as 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed: "
        "`az ad signed-in-user show --query id`, or the group's page",
    ),
]
"""The object id of an account or a group in Microsoft Entra ID, in lower case."""
EmailAddress = Annotated[
    str,
    BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value),
    spelt(r"[^@\s]{1,64}@[^@\s]{1,190}", "write an e-mail address such as olivia@contoso.com"),
]
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
AppId = Annotated[
    str,
    spelt(
        r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "write the id of an application or of an identity, such as c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
    ),
    AfterValidator(str.lower),
]
"""The id of an application in Microsoft Entra ID, or the object id of an identity; in lower case."""
