"""Makes the evidence of a story: a file that shows somebody else what was done to a VM and why."""

from typing import NamedTuple, Protocol


class EvidenceFile(NamedTuple):
    """A zip, with what verifies it.

    Attributes:
        name: of the file.
        content: the zip.
        sha256: of the zip.
        manifest_sha256: of the manifest in it, which vouches for every other file.
    """

    name: str
    content: bytes
    sha256: str
    manifest_sha256: str


class MakesEvidence(Protocol):
    """Makes it, and notes in the audit for whom."""

    async def __call__(self, reference: str, by: str) -> EvidenceFile:
        """The evidence of a question, a containment, and whatever joins them.

        Args:
            reference: id of one of them.
            by: who gets it, for the audit.

        Raises:
            NotFound: the audit knows nothing of it.
            NotYet: it is too much to be made here; the message says how else.
            DependencyAway: the store does not answer.
        """
        ...
