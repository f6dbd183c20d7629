"""Whether the audit's archive is there, and whether what is in it can be changed: for the doctor."""

from pydantic import SecretStr

from workers.domain.errors import DependencyAway
from workers.outside.archive.opening import archive_at
from workers.runtime.checks import CannotTell, Check, Failed
from workers.runtime.credential import Opens


def archive_check(url: str | None, key: SecretStr | None, identity: Opens) -> Check:
    """One check: the container can be read, and has a policy."""

    async def look() -> str:
        if url is None:
            raise CannotTell(
                "none: the audit is in Redis alone, where whoever may write can make it anew; set "
                "STARTGATE_ARCHIVE_URL to copy it into immutable blobs"
            )
        try:
            async with archive_at(url, key, identity) as archive:
                immutable = await archive.immutable()
        except DependencyAway as away:
            raise Failed(away.diagnostics()) from None
        if not immutable:
            raise CannotTell(
                "the container has no immutability policy, so what is in it can be changed: "
                "az storage container immutability-policy create"
            )
        return "the container keeps what is written"

    return Check(
        name="audit archive",
        look=look,
        remedy="make the container, and give this identity the role Storage Blob Data Contributor on it",
    )
