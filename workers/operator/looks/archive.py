"""Looks at the archive of the audit: whether it can be reached, and whether anybody can change it."""

from pydantic import SecretStr

from workers.domain.errors import DependencyAway
from workers.outside.archive.opening import archive_at
from workers.runtime.checks import CannotTell, Check, Failed
from workers.runtime.credential import Opens

_REMEDY = "give this identity the role Storage Blob Data Contributor on the container, and a way out to it"


def archive_checks(url: str | None, key: SecretStr | None, identity: Opens) -> list[Check]:
    """A check if there is an archive, and none otherwise."""
    if not url:
        return []

    async def look() -> str:
        async with archive_at(url, key, identity) as archive:
            try:
                immutable = await archive.immutable()
            except DependencyAway as away:
                raise Failed(str(away)) from None
        if not immutable:
            raise CannotTell(
                "the container has no immutability policy, so what is in it can be changed; see "
                "`az storage container immutability-policy create`"
            )
        return "nobody can change what is in it"

    return [Check(name="archive of the audit", look=look, remedy=_REMEDY)]
