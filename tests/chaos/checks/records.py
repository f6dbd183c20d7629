"""The audit is a chain that holds, and no secret stands in a log or in the audit."""

import hashlib
import json
from collections.abc import Iterator

from deploy.sandbox.system import APP_TOKEN, ARM_TOKEN, BOT_TOKEN
from tests.chaos.evidence import Evidence, Violation

SECRETS = (BOT_TOKEN, APP_TOKEN, ARM_TOKEN, "SAS_KEY_VALUE")


def audit_holds(evidence: Evidence) -> Iterator[Violation]:
    """Every link of every partition's chain; and every log."""
    for partition, (entries, head) in evidence.chains.items():
        digest = ""
        for previous, record, own in entries:
            due = hashlib.sha1((digest + record).encode(), usedforsecurity=False).hexdigest()
            if (previous, own) != (digest, due):
                yield Violation(
                    property="audit",
                    expected=f"partition {partition}: {digest[:8]} → {due[:8]}",
                    found=f"{previous[:8]} → {own[:8]} at {record[:200]}",
                )
                break
            digest = own
        else:
            if head != digest:
                yield Violation(
                    property="audit", expected=f"head {digest[:8]} of partition {partition}", found=head[:8]
                )
    texts = evidence.logs | {"audit": json.dumps(evidence.audit)}
    for name, text in texts.items():
        for secret in SECRETS:
            if secret in text:
                line = next((line for line in text.splitlines() if secret in line), "")
                yield Violation(
                    property="secrets", expected=f"no secret in {name}", found=line.replace(secret, "…")[:300]
                )
