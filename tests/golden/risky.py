"""A golden approval with all that is known of its risk and of what was before."""

from datetime import timedelta

from tests import builders as a
from workers.domain.asking.approvals import Approval
from workers.domain.asking.joined import JoinedStart
from workers.domain.starts.past.history import History, Seen
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat

_SOON = a.NOW + timedelta(minutes=3)


def risky() -> Approval:
    """All about risk and history is set."""
    return a.approval(
        owner=a.owner(until_changed=("bob@contoso.com",)),
        owner_before=a.owner(emails=("bob@contoso.com",)),
        history=History(
            vm_starts=3,
            vm_days=2,
            vm_last_at=a.NOW,
            by_caller=1,
            callers=2,
            vm_hours=(3, *(0,) * 23),
            passed=1,
            confirmed=1,
            rejected=1,
            silent=1,
            usual_answerer="Alice",
            usual_answers=2,
            rejected_at=a.NOW,
            failed_before=1,
            caller_known=True,
            caller_starts=4,
            caller_days=3,
            networks=(Seen(what="198.51.100.0/24", days=3),),
            networks_count=1,
            network_days=3,
            clients=(Seen(what=a.AZURE_CLI, days=3),),
            client_days=3,
            caller_hours=(4, *(0,) * 23),
            recent_vms=2,
            busy_days=1,
        ),
        level=Level.HIGH,
        level_when_opened=Level.MEDIUM,
        joined=(
            JoinedStart(approval_id="a" * 26, number=2, at=_SOON, caller=a.caller(), level=Level.MEDIUM),
        ),
        joined_count=1,
        risk=Risk(
            level=Level.HIGH,
            weight=75,
            by_threat={Threat.UNAUTHORIZED: Level.MEDIUM},
            signals=(
                Signal(
                    id="no-mfa",
                    threat=Threat.UNAUTHORIZED,
                    weight=20,
                    sentence="\u201cMallory\u201d signed in without a second factor (MFA)",
                ),
            ),
            harmless=("the client is Azure CLI",),
            unseen={"no-backup": "whether the VM is backed up"},
            untold=("which role allowed the start",),
            highest=Level.HIGH,
        ),
    )
